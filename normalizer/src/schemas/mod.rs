//! The schemas that records are written in.
//!
//! Each mapping is one table in its file. The table drives the encoder and the
//! documentation; a row says from which fields of the flat record a value is made, where it
//! goes, and how. A table that forgets a field does not compile.

use crate::{
    json::output::Output,
    record::fields::{Field, Record},
    rules::compiled::SchemaChoices,
    schemas::{
        event::{Event, Uses},
        frames::{Frames, Mapped, Notes},
        table::EXTRA,
    },
};

pub use crate::{rules::schema::Schema, schemas::table::Mapping};

mod ecs;
mod event;
mod extra;
pub(crate) mod flat;
pub(crate) mod frames;
pub(crate) mod nested;
mod ocsf;
pub mod otel;
mod table;
mod tree;

/// The mapping to a schema, in the order of its output.
pub fn describe(schema: Schema) -> Vec<Mapping> {
    match schema {
        Schema::Flat => {
            let row = |f: &Field| Mapping { from: f.key().into(), path: f.key().into(), note: "" };
            let extra = Mapping { from: EXTRA.into(), path: "extra.*".into(), note: "" };
            Field::ALL.iter().map(row).chain([extra]).collect()
        }
        Schema::Ocsf => ocsf::ROWS.iter().map(|r| r.describe("")).collect(),
        Schema::Ecs => ecs::ROWS.iter().map(|r| r.describe("")).collect(),
        Schema::Otel => otel::ROWS.iter().map(|(place, r)| r.describe(place.prefix())).collect(),
    }
}

/// Appends the record in a schema, and a line break; false, and nothing, where that takes more
/// than `most` bytes. The choices and the schema are always the same for the frames.
#[inline(never)]
pub(crate) fn encode(
    schema: Schema,
    record: &Record<'_>,
    choices: SchemaChoices,
    frames: Option<&mut Frames>,
    most: usize,
    out: &mut Output,
) -> bool {
    let start = out.len();
    out.begin(most);
    if schema == Schema::Flat {
        flat::write(record, out);
        return out.end(start, most);
    }
    let event = Event::new(uses(schema), record, choices);
    match frames {
        None => at_length(schema, &event, &mut Notes::none(), out),
        Some(frames) => {
            if !frames.write(&event, out) {
                at_length(schema, &event, &mut frames.note(start), out);
                if out.is_whole() {
                    frames.keep(&event, &out[start..]);
                }
            }
        }
    }
    out.end(start, most)
}

/// What a fast path has to know of a schema; nothing of the flat one.
pub(crate) fn mapped(schema: Schema, choices: SchemaChoices) -> Option<Mapped> {
    Some(Mapped { uses: uses(schema)?, choices })
}

/// What the schema does with members of `extra`.
fn uses(schema: Schema) -> Option<&'static Uses> {
    match schema {
        Schema::Flat => None,
        Schema::Ocsf => Some(&ocsf::USES),
        Schema::Ecs => Some(&ecs::USES),
        Schema::Otel => Some(&otel::USES),
    }
}

/// Appends an event from the schema's table.
#[inline(never)]
fn at_length(schema: Schema, event: &Event<'_>, notes: &mut Notes<'_>, out: &mut Output) {
    match schema {
        Schema::Flat => {}
        Schema::Ocsf => tree::write(&ocsf::STEPS, event, notes, out),
        Schema::Ecs => tree::write(&ecs::STEPS, event, notes, out),
        Schema::Otel => otel::encode(event, notes, out),
    }
}
