//! Which input records are from, and where in it their text begins, where they are to say so.

use crate::{
    json::output::Output,
    record::fields::{Field, Record, Value},
    schemas::flat,
};

/// An input, and where in it the text is that is read.
#[derive(Debug, Default)]
pub(crate) struct Origin {
    /// Empty where the input has none.
    name: String,
    /// The members that say it, up to the offset.
    members: Output,
    /// None where nothing is to be said.
    pub(crate) offset: Option<u64>,
}

impl Origin {
    /// Takes the input's name.
    pub(crate) fn rename(&mut self, name: &str) {
        if self.name == name && !self.members.is_empty() {
            return;
        }
        name.clone_into(&mut self.name);
        self.members.clear();
        let key = |field: Field, out: &mut Output| {
            let (key, len) = field.json_key();
            out.push(b',');
            out.extend_from_slice(&key[..usize::from(len)]);
        };
        if !name.is_empty() {
            key(Field::LogFile, &mut self.members);
            self.members.string(name);
        }
        key(Field::LogOffset, &mut self.members);
    }

    /// What the input is called.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Says it in a flat record that says nothing of it, and was written last, from `start` on.
    #[inline(never)]
    pub(crate) fn add_to(&self, offset: u64, start: usize, out: &mut Output) {
        let written = out.len();
        out.extend_from_slice(&self.members);
        out.number(offset);
        flat::move_into(start, written, out);
    }

    /// Says it in a record, which may have said something else of itself.
    pub(super) fn put<'r>(&'r self, offset: u64, record: &mut Record<'r>) {
        match &*self.name {
            "" => record.remove(Field::LogFile),
            name => record.set(Field::LogFile, Value::Text(name)),
        }
        record.set(Field::LogOffset, Value::Number(offset));
    }
}
