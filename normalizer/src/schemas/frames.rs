//! What is the same in all records that have the same fields and the same words.
//!
//! Most of a record in a rich schema follows from which fields it has and from few words: its
//! provider, its action. So the first such record is kept as a frame: its text, and the places of
//! those values that may differ. Others are that text with their own values. Where a value is
//! there that was not, or is not that was, the record is written from the table.

use std::mem;

use crate::{
    base::limits,
    bytes::scan,
    json::output::Output,
    record::fields::Value,
    schemas::{
        event::{Event, Item},
        table::{Cell, How, WORDS},
    },
};

/// How a value is written.
pub(super) type Write = fn(&Cell, &Event<'_>, Option<Item<'_>>, &mut Output);

/// The frames that were needed lately.
#[derive(Debug, Default)]
pub(crate) struct Frames {
    /// The latest first, the others in no order.
    frames: Vec<Frame>,
    /// The key of the record under way.
    key: Vec<u8>,
    /// The pieces of the frame that is made of it.
    pieces: Vec<Piece>,
}

#[derive(Debug, Default)]
struct Frame {
    key: Vec<u8>,
    /// The first record.
    text: Vec<u8>,
    pieces: Vec<Piece>,
}

/// A value that may differ.
#[derive(Clone, Copy, Debug)]
struct Piece {
    cell: &'static Cell,
    write: Write,
    /// Where it lies in the first record.
    start: u32,
    end: u32,
    /// Whether it was there.
    some: bool,
}

impl Frames {
    const KEPT: usize = 16;

    /// Writes a record whose frame is known; false, and nothing written, where it is not, or does
    /// not fit. Apart from what writes one from the table: runtimes for small places have little stack.
    #[inline(never)]
    pub(super) fn write(&mut self, event: &Event<'_>, out: &mut Output) -> bool {
        if !put_key(event, &mut self.key) {
            return false;
        }
        let is_it = |frame: &Frame| scan::equal(&frame.key, &self.key);
        let Some(found) = self.frames.iter().position(is_it) else { return false };
        self.frames.swap(0, found);
        self.frames[0].write(event, out)
    }

    /// Begins to note the values of a record that is written from the table, from here on.
    pub(super) fn note(&mut self, start: usize) -> Notes<'_> {
        self.pieces.clear();
        Notes { pieces: Some(&mut self.pieces), start }
    }

    /// Keeps the record that was just written, and noted, as a frame.
    #[cold]
    #[inline(never)]
    pub(super) fn keep(&mut self, text: &[u8]) {
        if self.key.is_empty() || text.len() > limits::FRAME {
            return;
        }
        let known = self.frames.iter().position(|frame| frame.key == self.key);
        let mut frame = match known {
            Some(i) => self.frames.swap_remove(i),
            None if self.frames.len() == Self::KEPT => self.frames.pop().unwrap_or_default(),
            None => Frame::default(),
        };
        frame.key.clone_from(&self.key);
        frame.text.clear();
        frame.text.extend_from_slice(text);
        mem::swap(&mut frame.pieces, &mut self.pieces);
        self.frames.insert(0, frame);
    }
}

impl Frame {
    fn write(&self, event: &Event<'_>, out: &mut Output) -> bool {
        let start = out.len();
        let mut from = 0;
        for piece in &self.pieces {
            let item = piece.cell.item(event);
            let extra = matches!(piece.cell.how, How::Extra);
            if piece.some != (item.is_some() || extra) {
                out.truncate(start);
                return false;
            }
            if piece.some {
                out.extend_from_slice(self.text.get(from..piece.start as usize).unwrap_or_default());
                (piece.write)(piece.cell, event, item, out);
                from = piece.end as usize;
            }
        }
        out.extend_from_slice(self.text.get(from..).unwrap_or_default());
        true
    }
}

/// Where the values of a record are noted, if a frame is to be made of it.
pub(super) struct Notes<'n> {
    pieces: Option<&'n mut Vec<Piece>>,
    /// Where the record begins in the output.
    start: usize,
}

impl Notes<'_> {
    /// For a record that no frame is made of.
    pub(super) const fn none() -> Self {
        Self { pieces: None, start: 0 }
    }

    /// Writes a value, if there is one.
    #[inline(always)]
    pub(super) fn write(
        &mut self,
        cell: &'static Cell,
        event: &Event<'_>,
        item: Option<Item<'_>>,
        some: bool,
        write: Write,
        out: &mut Output,
    ) {
        let start = out.len();
        if some {
            write(cell, event, item, out);
        }
        if let Some(pieces) = &mut self.pieces
            && cell.may_differ(event)
        {
            let [start, end] = [start, out.len()].map(|at| (at - self.start) as u32);
            pieces.push(Piece { cell, write, start, end, some });
        }
    }
}

/// Puts what tells a record's frame; false where it is too much.
fn put_key(event: &Event<'_>, key: &mut Vec<u8>) -> bool {
    key.clear();
    let has = [event.extra().next().is_some(), event.original.is_some()];
    key.extend_from_slice(&event.record.present().to_le_bytes());
    key.extend_from_slice(&event.meant.found.to_le_bytes());
    key.extend_from_slice(&has.map(u8::from));
    let words = WORDS.iter().map(|&field| match event.record.get(field) {
        Some(Value::Text(word)) => word,
        _ => "",
    });
    for word in words.chain([event.source_action()]) {
        if word.len() > limits::FRAME_WORD {
            key.clear();
            return false;
        }
        key.push(word.len() as u8);
        key.extend_from_slice(word.as_bytes());
    }
    true
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;
    use crate::{
        record::fields::{Field, FieldType, Record, RecordMemory},
        rules::schema::Schema,
        schemas::{encode, uses},
        value::raw::{Raw, RawKind},
    };

    /// Numbers that look random, the same each time.
    struct Dice(u64);

    impl Dice {
        fn roll(&mut self, sides: usize) -> usize {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (self.0 >> 33) as usize % sides
        }

        fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
            all[self.roll(all.len())]
        }
    }

    /// Keys that mean something in some products, and others.
    const KEYS: [&str; 16] = [
        "raw",
        "action",
        "rule_result",
        "weir",
        "other",
        "nat_ip",
        "NatIp",
        "nat_port",
        "pkt-srcaddr",
        "az-id",
        "args",
        "x_forwarded_for",
        "tls_version",
        "payload",
        "policyid",
        "src_region_id",
    ];
    const TEXTS: [&str; 20] = [
        "x",
        "high",
        "odd",
        "GET",
        "get",
        "-",
        "/a?b=c",
        "/a",
        "https://h/a",
        "8",
        "1",
        "same",
        "a\"b",
        "é",
        "drop",
        "attack",
        "198.51.100.4",
        "198.51.100.4, fd00::1",
        "TLSv1.2",
        "CN",
    ];
    const PRODUCTS: [&str; 5] = ["vpc", "waf", "waf_access", "cfw", "nat"];

    fn set(record: &mut Record<'static>, field: Field, dice: &mut Dice) {
        let value = match field.field_type() {
            FieldType::Word(words) => Value::Text(dice.one_of(words)),
            FieldType::Text if field == Field::Product => Value::Text(dice.one_of(&PRODUCTS)),
            FieldType::Text if field == Field::Transport => Value::Text(dice.one_of(&["tcp", "udp"])),
            FieldType::Text => Value::Text(dice.one_of(&TEXTS)),
            FieldType::Integer(most) => {
                Value::Number(dice.one_of(&[0, 1, 6, 17, 58, 200, 404, 65_535, u64::MAX]).min(most))
            }
            FieldType::Millis => {
                Value::Number(dice.one_of(&[0, 5, 1_718_000_000_000, crate::base::limits::LATEST_MS]))
            }
            FieldType::Address => {
                let all =
                    ["10.0.0.1", "10.0.0.2", "fd00::1", "1.1.1.1"].map(|a| a.parse::<IpAddr>().unwrap());
                Value::Address(dice.one_of(&all))
            }
        };
        record.set(field, value);
    }

    /// Records with the same fields and the same words, and other values, are written from a
    /// frame as they are written from the table.
    #[test]
    fn frames_change_nothing() {
        let dice = &mut Dice(1);
        for schema in [Schema::Ocsf, Schema::Ecs, Schema::Otel] {
            for observed_at in [None, Some(1_700_000_000_000)] {
                let (mut frames, mut by_frame, mut refused) = (Frames::default(), 0, 0);
                for _ in 0..1000 {
                    let rare = dice.one_of(&[2, 4, 30]);
                    let fields: Vec<_> = Field::ALL.iter().copied().filter(|_| dice.roll(rare) < 2).collect();
                    let extras = dice.roll(5);
                    let mut first = Record::new(&mut RecordMemory::default());
                    fields.iter().for_each(|f| set(&mut first, *f, dice));
                    for _ in 0..4 {
                        let mut record = Record::new(&mut RecordMemory::default());
                        for &field in &fields {
                            match first.get(field) {
                                Some(word) if WORDS.contains(&field) => record.set(field, word),
                                _ => set(&mut record, field, dice),
                            }
                        }
                        for _ in 0..extras {
                            let key = dice.one_of(&KEYS);
                            let kind = dice.one_of(&[RawKind::Text, RawKind::Number]);
                            let text = if kind == RawKind::Number { "12" } else { dice.one_of(&TEXTS) };
                            record.extra.push((key, Raw { kind, text }));
                        }
                        let mut written = [Output::default(), Output::default()];
                        let [from_frame, from_table] = &mut written;
                        from_frame.extend_from_slice(b"before\n");
                        let most = if dice.roll(8) == 0 { 500 + dice.roll(1000) } else { 1 << 20 };
                        let fits = encode(schema, &record, observed_at, Some(&mut frames), most, from_frame);
                        assert_eq!(fits, encode(schema, &record, observed_at, None, most, from_table));
                        refused += u32::from(!fits);
                        if !fits {
                            assert!(from_table.is_empty() && **from_frame == *b"before\n");
                            continue;
                        }
                        let [from_frame, from_table] =
                            written.map(|out| String::from_utf8(out.to_vec()).unwrap());
                        assert_eq!(from_frame.strip_prefix("before\n"), Some(&*from_table));
                        let mut again = Output::default();
                        let event = Event::new(uses(schema), &record, observed_at);
                        by_frame += u32::from(frames.write(&event, &mut again));
                        assert!(again.is_empty() || *again == *from_table.as_bytes());
                    }
                }
                // Those whose words are too long, or that have too much, have none.
                assert!(
                    refused > 50 && by_frame + refused > 3600,
                    "{by_frame} and {refused} of {}",
                    1000 * 4
                );
            }
        }
    }
}
