//! A table of records that can be filtered, sorted and added up: what the page is made from.
//!
//! Rows hold the fields of flat records but `extra`, and where each record's text lies. The text itself
//! stays in its file.

use std::{collections::HashMap, convert::Infallible};

use serde::Serialize;
use weir_normalizer::{
    Config, Error, Normalizer,
    batch::{self, Batch, BatchView, Outcome},
    filter::Filter,
    framing::Framer,
    record::{Field, FieldType, Record, Value},
};

use crate::{
    account::{Account, Told},
    columns::{BuildMix, Column, Ints},
};

/// Rejects that are kept; those behind them are only counted.
const REJECTS: usize = 2000;

/// Columns of a histogram.
const BUCKETS: u64 = 100;

/// What a column of a histogram may stand for, in milliseconds.
const STEPS: [u64; 19] = [
    1,
    10,
    100,
    1000,
    5000,
    10_000,
    30_000,
    60_000,
    300_000,
    600_000,
    1_800_000,
    3_600_000,
    10_800_000,
    21_600_000,
    43_200_000,
    86_400_000,
    604_800_000,
    2_592_000_000,
    31_536_000_000,
];

/// Records of some inputs.
#[derive(Debug)]
pub(crate) struct Table {
    config: Config,
    input: Option<(Framer, Normalizer)>,
    head: Vec<u8>,
    outcome: Outcome,
    /// The most rows.
    most: usize,
    /// Records that had no room.
    left_out: u64,
    columns: Vec<Column>,
    /// For each field the place of its column.
    places: [Option<usize>; Field::ALL.len()],
    /// For each input its first row.
    sources: Vec<usize>,
    rows: usize,
    /// For each row where its text lies in its input.
    offsets: Ints,
    lengths: Ints,
    /// The rows that the filter lets through, as they are sorted.
    view: Vec<u32>,
    filter: Option<Filter>,
    reads: Vec<Field>,
    rejects: Vec<Rejected>,
    account: Account,
}

/// Where a text lies.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Text {
    source: usize,
    offset: u64,
    length: u64,
}

/// A record that was not understood.
#[derive(Debug, Serialize)]
struct Rejected {
    source: usize,
    line: u64,
    offset: u64,
    length: u64,
    code: String,
    format: String,
    field: String,
    reason: String,
}

#[derive(Debug, Serialize)]
pub(crate) struct State<'a> {
    rows: usize,
    left_out: u64,
    fields: Vec<&'static str>,
    summary: Told<'a>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Rejects<'a> {
    kept: &'a [Rejected],
}

/// Sums of some rows.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct Sums {
    records: u64,
    bytes: u64,
    packets: u64,
}

#[derive(Debug, Serialize)]
pub(crate) struct Bars {
    /// The first moment, in epoch milliseconds.
    from: u64,
    /// How long each column is.
    step: u64,
    /// For each word the sums of each column.
    series: Vec<(String, Vec<Sums>)>,
    /// Rows without a time.
    without: u64,
}

#[derive(Debug, Serialize)]
pub(crate) struct Group {
    values: Vec<String>,
    #[serde(flatten)]
    sums: Sums,
}

impl Table {
    pub(crate) fn new(config: Config, most: usize) -> Result<Self, Error> {
        Normalizer::new(&config)?;
        Ok(Self {
            config,
            input: None,
            head: Vec::new(),
            outcome: Outcome::default(),
            most,
            left_out: 0,
            columns: Vec::new(),
            places: [None; Field::ALL.len()],
            sources: Vec::new(),
            rows: 0,
            offsets: Ints::new(),
            lengths: Ints::new(),
            view: Vec::new(),
            filter: None,
            reads: Vec::new(),
            rejects: Vec::new(),
            account: Account::default(),
        })
    }

    /// Begins the next input.
    pub(crate) fn begin(&mut self) -> Result<(), Error> {
        self.input = Some((Framer::new(&self.config)?, Normalizer::new(&self.config)?));
        self.sources.push(self.rows);
        Ok(())
    }

    /// Takes the next bytes of the input: `read` gets room to put some, and gives how many they are.
    pub(crate) fn read(&mut self, read: impl FnOnce(&mut [u8]) -> usize) -> usize {
        let Some((mut framer, mut normalizer)) = self.input.take() else { return 0 };
        let taken = framer.read(|room| Ok::<_, Infallible>(read(room)));
        self.drain(&mut framer, &mut normalizer);
        self.input = Some((framer, normalizer));
        taken.unwrap_or(0)
    }

    /// Ends the input.
    pub(crate) fn finish(&mut self) {
        if let Some((mut framer, mut normalizer)) = self.input.take() {
            framer.finish();
            self.drain(&mut framer, &mut normalizer);
        }
    }

    fn drain(&mut self, framer: &mut Framer, normalizer: &mut Normalizer) {
        while let Some(batch) = framer.next_batch() {
            self.take(&batch, normalizer);
            framer.recycle(batch);
        }
    }

    fn take(&mut self, batch: &Batch, normalizer: &mut Normalizer) {
        let accounted = self.account.bytes();
        let mut place = None;
        // An element at a time, so that each record's text is known.
        for i in 0..batch.elements.len() {
            batch.encode_head(i..i + 1, &mut self.head);
            // The head was written just now, so it can be read.
            let Ok(view) = BatchView::split(&self.head, batch.window(i..i + 1)) else { continue };
            normalizer.run(&view, 0, &mut self.outcome);
            let outcome = std::mem::take(&mut self.outcome);
            let length = batch.length_of(i..i + 1);
            for reject in batch::rejects(&outcome.rejects).flatten() {
                if self.rejects.len() == REJECTS {
                    break;
                }
                let at = batch.place(i, place);
                place = Some(at);
                self.rejects.push(Rejected {
                    source: self.sources.len() - 1,
                    line: at.line,
                    offset: at.offset,
                    length: at.length,
                    code: reject.code.into(),
                    format: reject.format.into(),
                    field: reject.field.into(),
                    reason: reject.reason.into(),
                });
            }
            self.account.add(&outcome, length, if outcome.rejected > 0 { length } else { 0 });
            let offset = batch.offset + u64::from(batch.elements[i].start);
            // What was written is text.
            for line in std::str::from_utf8(&outcome.output).unwrap_or_default().lines() {
                self.add(line, offset, length);
            }
            self.outcome = outcome;
        }
        self.account.end(batch.consumed, batch.blank, self.account.bytes() - accounted);
    }

    /// Adds a flat record.
    fn add(&mut self, line: &str, offset: u64, length: u64) {
        let row = self.rows;
        if row >= self.most {
            self.left_out += 1;
            return;
        }
        self.rows += 1;
        self.offsets.set(row, offset);
        self.lengths.set(row, length);
        // Fields come in their order, so each is looked for behind the one before.
        let (mut rest, mut first) = (line.strip_prefix('{').unwrap_or_default(), 0);
        let mut unescaped = String::new();
        while let Some((key, value, behind)) = member(rest, &mut unescaped) {
            let Some(found) = Field::ALL[first..].iter().position(|f| f.key() == key) else { break };
            first += found;
            let place = *self.places[first].get_or_insert_with(|| {
                self.columns.push(Column::new(Field::ALL[first]));
                self.columns.len() - 1
            });
            self.columns[place].set(row, value.unwrap_or(&unescaped));
            rest = behind;
        }
    }

    fn column(&self, field: Field) -> Option<&Column> {
        self.columns.get(self.places[field as usize]?)
    }

    fn named(&self, key: &str) -> Option<&Column> {
        self.column(Field::by_key(key)?)
    }

    pub(crate) fn state(&self) -> State<'_> {
        let has = |f: &&Field| self.places[**f as usize].is_some();
        State {
            rows: self.rows,
            left_out: self.left_out,
            fields: Field::ALL.iter().filter(has).map(|f| f.key()).collect(),
            summary: self.account.told(),
        }
    }

    pub(crate) fn rejects(&self) -> Rejects<'_> {
        Rejects { kept: &self.rejects }
    }

    /// Lets through what meets an expression; an empty one lets all through. The answer is how many.
    pub(crate) fn filter(&mut self, expression: &str) -> Result<usize, Error> {
        self.filter = match expression.trim().is_empty() {
            true => None,
            false => Some(Filter::new(expression, &self.config.lists, self.config.zone.as_ref())?),
        };
        self.reads = Field::ALL.iter().copied().filter(|f| mentions(expression, f.key())).collect();
        let mut view = std::mem::take(&mut self.view);
        view.clear();
        match &self.filter {
            None => view.extend(0..self.rows as u32),
            Some(filter) => {
                let columns: Vec<_> = self.reads.iter().filter_map(|f| self.column(*f)).collect();
                let mut record = Record::default();
                for row in 0..self.rows {
                    let mut all = true;
                    for column in &columns {
                        match column.value(column.key(row)) {
                            Some(value) => record.set(column.field, value),
                            None => all &= !record.has(column.field),
                        }
                    }
                    if !all {
                        // One that has what this row lacks is not used again.
                        record = Record::default();
                        let values = columns.iter().map(|c| (c.field, c.value(c.key(row))));
                        values.for_each(|(field, value)| {
                            if let Some(value) = value {
                                record.set(field, value);
                            }
                        });
                    }
                    if filter.accepts(&record) {
                        view.push(row as u32);
                    }
                }
            }
        }
        self.view = view;
        Ok(self.view.len())
    }

    /// Sorts what the filter let through; rows that are alike stay in the order of the input.
    pub(crate) fn sort(&mut self, key: &str, descending: bool) {
        let ranks = self.named(key).map(|column| (column, column.ranks()));
        let rank = |row: u32| {
            let rank = ranks.as_ref().map_or(0, |(column, ranks)| ranks.of(column.key(row as usize)));
            (if descending { !rank } else { rank }, row)
        };
        let mut order: Vec<(u64, u32)> = self.view.iter().map(|row| rank(*row)).collect();
        order.sort_unstable();
        self.view = order.into_iter().map(|(_, row)| row).collect();
    }

    /// Values of some of the rows, as people write them.
    pub(crate) fn rows(&self, from: usize, count: usize, keys: &str) -> Vec<Vec<String>> {
        let columns: Vec<_> = keys.split(',').map(|key| self.named(key)).collect();
        let cells = |row: &u32| {
            let cell = |column: &Option<&Column>| {
                let mut shown = String::new();
                if let Some(column) = column {
                    column.show(column.key(*row as usize), &mut shown);
                }
                shown
            };
            columns.iter().map(cell).collect()
        };
        self.view.iter().skip(from).take(count).map(cells).collect()
    }

    /// The numbers of a field, and NaN where there is none; nothing for a field of another kind.
    pub(crate) fn numbers(&self, key: &str) -> Option<Vec<f64>> {
        let column = self.named(key)?;
        let of = |row: &u32| match column.value(column.key(*row as usize)) {
            Some(Value::Number(n)) => n as f64,
            _ => f64::NAN,
        };
        let has_numbers = matches!(column.field.field_type(), FieldType::Integer(_) | FieldType::Millis);
        has_numbers.then(|| self.view.iter().map(of).collect())
    }

    /// The words of a field: for each row 0 for none, or one more than a place in the list.
    pub(crate) fn words(&self, key: &str) -> Option<(Vec<u32>, Vec<String>)> {
        let column = self.named(key)?;
        let (mut codes, mut words) = (HashMap::<_, _, BuildMix>::default(), Vec::new());
        let of = |row: &u32| match column.key(*row as usize) {
            0 => 0,
            key => {
                // With the key of groups, so that there is one kind of table.
                *codes.entry((key, 0)).or_insert_with(|| {
                    let mut word = String::new();
                    column.show(key, &mut word);
                    words.push(word);
                    words.len() as u64
                }) as u32
            }
        };
        let all = self.view.iter().map(of).collect();
        Some((all, words))
    }

    /// Where the text of a row lies.
    pub(crate) fn text(&self, index: usize) -> Option<Text> {
        let row = *self.view.get(index)? as usize;
        let source = self.sources.partition_point(|first| *first <= row) - 1;
        Some(Text { source, offset: self.offsets.get(row), length: self.lengths.get(row) })
    }

    /// What is added up of a row.
    fn counters(&self) -> impl Fn(&mut Sums, usize) + '_ {
        let [bytes, out, back] = [Field::Bytes, Field::BytesOut, Field::BytesIn].map(|f| self.column(f));
        let [packets, packets_out, packets_in] =
            [Field::Packets, Field::PacketsOut, Field::PacketsIn].map(|f| self.column(f));
        let of = |whole: Option<&Column>, a: Option<&Column>, b: Option<&Column>, row| {
            let number = |c: Option<&Column>| c.map_or(0, |c| c.number(row));
            // Where the source counts each way, the whole is their sum.
            match whole.map_or(0, |c| c.key(row)) {
                0 => number(a).saturating_add(number(b)),
                key => key - 1,
            }
        };
        move |sums, row| {
            sums.records += 1;
            sums.bytes = sums.bytes.saturating_add(of(bytes, out, back, row));
            sums.packets = sums.packets.saturating_add(of(packets, packets_out, packets_in, row));
        }
    }

    /// What the filter let through, by the time that it began and the words of a field.
    pub(crate) fn bars(&self, key: &str) -> Option<Bars> {
        let times = self.column(Field::StartMs)?;
        let with = self.view.iter().map(|row| times.key(*row as usize)).filter(|key| *key != 0);
        let (first, last) = with.fold((u64::MAX, 0), |(a, b), key| (a.min(key - 1), b.max(key - 1)));
        if first > last {
            return None;
        }
        let step = STEPS.into_iter().find(|step| (last - first) / step < BUCKETS);
        let step = step.unwrap_or((last - first) / BUCKETS + 1);
        let from = first - first % step;
        let len = ((last - from) / step + 1) as usize;
        let words = self.named(key);
        let count = self.counters();
        // Words are few.
        let mut series: Vec<(u64, Vec<Sums>)> = Vec::new();
        let mut without = 0;
        for row in self.view.iter().map(|row| *row as usize) {
            let Some(time) = times.key(row).checked_sub(1) else {
                without += 1;
                continue;
            };
            let word = words.map_or(0, |c| c.key(row));
            let at = series.iter().position(|s| s.0 == word).unwrap_or_else(|| {
                series.push((word, vec![Sums::default(); len]));
                series.len() - 1
            });
            count(&mut series[at].1[((time - from) / step) as usize], row);
        }
        let shown = |key: u64| {
            let mut text = String::new();
            if let Some(column) = words {
                column.show(key, &mut text);
            }
            text
        };
        let series = series.into_iter().map(|(key, sums)| (shown(key), sums)).collect();
        Some(Bars { from, step, series, without })
    }

    /// Sums of what the filter let through, by the classes of their source and of their destination: an address
    /// is of the first class whose test it meets, as behind a field in a filter, or of one behind the last.
    /// Tests are a line each. Rows without both addresses are in none.
    pub(crate) fn matrix(&self, tests: &str) -> Result<Vec<Vec<Sums>>, Error> {
        let filter = |test: &str| {
            Filter::new(
                &format!("{} {test}", Field::SrcIp.key()),
                &self.config.lists,
                self.config.zone.as_ref(),
            )
        };
        let filters = tests.lines().map(filter).collect::<Result<Vec<_>, _>>()?;
        let classes = filters.len() + 1;
        let mut sums = vec![vec![Sums::default(); classes]; classes];
        let (Some(from), Some(to)) = (self.column(Field::SrcIp), self.column(Field::DstIp)) else {
            return Ok(sums);
        };
        let class = |column: &Column, known: &mut HashMap<(u64, u64), u64, BuildMix>, key: u64| {
            let class = known.entry((key, 0)).or_insert_with(|| {
                let mut record = Record::default();
                if let Some(value) = column.value(key) {
                    record.set(Field::SrcIp, value);
                }
                let first = filters.iter().position(|filter| filter.accepts(&record));
                first.unwrap_or(classes - 1) as u64
            });
            *class as usize
        };
        let (mut of_sources, mut of_destinations) = (HashMap::default(), HashMap::default());
        let count = self.counters();
        for row in self.view.iter().map(|row| *row as usize) {
            let (a, b) = (from.key(row), to.key(row));
            if a != 0 && b != 0 {
                let (a, b) = (class(from, &mut of_sources, a), class(to, &mut of_destinations, b));
                count(&mut sums[a][b], row);
            }
        }
        Ok(sums)
    }

    /// The groups of what the filter let through, by one field or two, with the largest sums; where
    /// an action is given, of rows with that alone.
    pub(crate) fn top(&self, keys: &str, by: &str, most: usize, action: &str) -> Vec<Group> {
        let columns: Option<Vec<_>> = keys.split(',').map(|key| self.named(key)).collect();
        let Some(columns) = columns else { return Vec::new() };
        let (Some(first), second) = (columns.first(), columns.get(1)) else { return Vec::new() };
        let actions = self.column(Field::Action);
        let wanted = match action {
            "" => None,
            // A word that no row has is no row's.
            word => Some(actions.and_then(|c| c.key_of(word)).unwrap_or(u64::MAX)),
        };
        let count = self.counters();
        let (mut places, mut groups) = (HashMap::<_, _, BuildMix>::default(), Vec::new());
        for row in self.view.iter().map(|row| *row as usize) {
            let key = (first.key(row), second.map_or(0, |c| c.key(row)));
            let has = key.0 != 0 && (second.is_none() || key.1 != 0);
            if has && wanted.is_none_or(|wanted| actions.is_some_and(|c| c.key(row) == wanted)) {
                let place = *places.entry(key).or_insert_with(|| {
                    groups.push((key, Sums::default()));
                    groups.len() as u64 - 1
                });
                count(&mut groups[place as usize].1, row);
            }
        }
        let measure = |sums: &Sums| match by {
            "bytes" => sums.bytes,
            "packets" => sums.packets,
            _ => sums.records,
        };
        // The largest so far, the largest first; of alike ones the first that came.
        let mut largest: Vec<((u64, u64), Sums)> = Vec::with_capacity(most + 1);
        for group in groups {
            if largest.len() == most && largest.last().is_none_or(|l| measure(&group.1) <= measure(&l.1)) {
                continue;
            }
            let at = largest.partition_point(|l| measure(&l.1) >= measure(&group.1));
            largest.insert(at, group);
            largest.truncate(most);
        }
        let shown = |column: &Column, key: u64| {
            let mut text = String::new();
            column.show(key, &mut text);
            text
        };
        let group = |((a, b), sums): ((u64, u64), Sums)| {
            let mut values = vec![shown(first, a)];
            values.extend(second.map(|column| shown(column, b)));
            Group { values, sums }
        };
        largest.into_iter().map(group).collect()
    }
}

/// Whether an expression may speak of a field: its name stands in it as a word.
fn mentions(expression: &str, key: &str) -> bool {
    let part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    expression
        .match_indices(key)
        .any(|(at, _)| !expression[..at].ends_with(part) && !expression[at + key.len()..].starts_with(part))
}

/// The next member of a flat record: key, value without quotes, and what follows. Where the value has
/// escapes it is `None`, and in `unescaped`. Nothing where the record ends, or a value is nested.
fn member<'l>(rest: &'l str, unescaped: &mut String) -> Option<(&'l str, Option<&'l str>, &'l str)> {
    let bytes = rest.as_bytes();
    let end = memchr::memchr(b'"', bytes.get(1..)?)? + 1;
    let (key, start) = (&rest[1..end], end + 2);
    if bytes.get(start) != Some(&b'"') {
        let end = start + bytes.get(start..)?.iter().position(|b| matches!(b, b',' | b'}'))?;
        let value = &rest[start..end];
        return (!value.starts_with(['{', '['])).then(|| (key, Some(value), &rest[end + 1..]));
    }
    let text = &rest[start + 1..];
    let find = |from: usize| Some(from + memchr::memchr2(b'"', b'\\', text.as_bytes().get(from..)?)?);
    let mut end = find(0)?;
    let mut value = Some(&text[..end]);
    while text.as_bytes()[end] == b'\\' {
        end = find(end + 2)?;
        value = None;
    }
    if value.is_none() {
        unescape(&text[..end], unescaped)?;
    }
    Some((key, value, text.get(end + 2..).unwrap_or_default()))
}

/// Reads the escapes that flat records are written with.
fn unescape(text: &str, out: &mut String) -> Option<()> {
    out.clear();
    let mut rest = text;
    while let Some((plain, escape)) = rest.split_once('\\') {
        out.push_str(plain);
        let mut behind = escape.chars();
        out.push(match behind.next()? {
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => {
                // Only control characters are written so.
                let code = u32::from_str_radix(escape.get(1..5)?, 16).ok()?;
                behind = escape[5..].chars();
                char::from_u32(code)?
            }
            other => other,
        });
        rest = behind.as_str();
    }
    out.push_str(rest);
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(text: &str) -> Table {
        let mut table = Table::new(Config::default(), 1000).unwrap();
        table.begin().unwrap();
        let mut rest = text.as_bytes();
        while !rest.is_empty() {
            table.read(|room| {
                let len = room.len().min(rest.len());
                room[..len].copy_from_slice(&rest[..len]);
                rest = &rest[len..];
                len
            });
        }
        table.finish();
        table.filter("").unwrap();
        table
    }

    fn lines() -> String {
        let line = |i: u32, action: &str| {
            format!(
                "1 5f67944957444bd6bb4fe3b367de8f3d 1d515d18-1b36-47dc-a983-bd6512aed4bd 10.0.0.{} 192.168.3.{} \
                 {} 53 17 1 {} {} {} {action} OK\n",
                i % 3,
                i % 2,
                1000 + i,
                100 * i,
                1_548_752_136 + i,
                1_548_752_736 + i
            )
        };
        (0..20).map(|i| line(i, if i % 4 == 0 { "REJECT" } else { "ACCEPT" })).collect::<String>()
            + "broken\n"
    }

    #[test]
    fn rows_are_filtered_sorted_and_added_up() {
        let mut table = table(&lines());
        assert_eq!(table.state().rows, 20);
        assert_eq!(table.rejects.len(), 1);
        assert_eq!(table.filter("action == reject and src_ip in {10.0.0.0, 10.0.0.1}").unwrap(), 4);
        table.sort("bytes", true);
        let rows = table.rows(0, 9, "src_ip,bytes,action,host");
        assert_eq!(rows[0], ["10.0.0.1", "1600", "reject", ""]);
        assert_eq!(rows.len(), 4);
        assert_eq!(table.filter("not exists host and bytes >= 1k").unwrap(), 10);
        assert_eq!(table.numbers("bytes").unwrap()[..2], [1000.0, 1100.0]);
        assert!(table.numbers("action").is_none() && table.numbers("host").is_none());
        let (codes, words) = table.words("action").unwrap();
        assert_eq!((&codes[..3], &words[..]), (&[1, 1, 2][..], &["accept", "reject"].map(str::to_owned)[..]));
        let groups = table.top("src_ip,dst_ip", "bytes", 2, "");
        assert_eq!(groups[0].values, ["10.0.0.1", "192.168.3.1"]);
        assert_eq!(groups[0].sums.bytes, 1300 + 1900);
        assert_eq!(table.top("dst_ip", "records", 9, "reject")[0].sums.records, 2);
        assert!(table.top("dst_ip", "records", 9, "log").is_empty());
        let bars = table.bars("action").unwrap();
        assert_eq!(bars.series.iter().map(|s| s.0.as_str()).collect::<Vec<_>>(), ["accept", "reject"]);
        assert_eq!(bars.series.iter().flat_map(|s| &s.1).map(|s| s.records).sum::<u64>(), 10);
        let sums = table.matrix("in 10.0.0.0/31\nin @private").unwrap();
        let records: Vec<Vec<u64>> =
            sums.iter().map(|row| row.iter().map(|sums| sums.records).collect()).collect();
        assert_eq!(records, [[0, 7, 0], [0, 3, 0], [0, 0, 0]]);
        let bytes: u64 = sums.iter().flatten().map(|sums| sums.bytes).sum();
        assert_eq!(bytes, (10..20).map(|i| 100 * i).sum::<u64>());
        assert!(table.matrix("in nowhere").is_err());
        let error = table.filter("byts > 1").unwrap_err();
        assert_eq!(error.offset(), Some(0));
        assert_eq!(table.filter("").unwrap(), 20);
    }

    /// A filter finds among rows what it finds among records.
    #[test]
    fn rows_are_as_the_records_are() {
        let text = lines();
        let mut table = table(&text);
        for expression in [
            "bytes > 1k",
            "dst_ip in @private",
            "src_port in {1000..1003} or action != accept",
            "not start_ms < 1548752140000",
            "interface_id contains \"1d5\"",
            "exists tcp_flags",
        ] {
            let config = Config { filter: Some(expression.into()), ..Config::default() };
            let mut stream = weir_normalizer::Stream::new(&config).unwrap();
            let mut n = 0;
            stream.push(text.as_bytes(), |_, made| n += made.normalized as usize);
            stream.finish(|_, made| n += made.normalized as usize);
            assert_eq!(table.filter(expression).unwrap(), n, "{expression}");
        }
    }

    #[test]
    fn a_row_knows_its_text() {
        let text = lines();
        let mut table = table(&text);
        table.filter("bytes == 700").unwrap();
        let at = table.text(0).unwrap();
        let found = &text[at.offset as usize..at.offset as usize + at.length as usize];
        assert_eq!(found, text.lines().nth(7).unwrap());
    }

    #[test]
    fn members_with_escapes_are_read() {
        let mut unescaped = String::new();
        let line = r#""host":"a\"\\\u0001\n","bytes":5,"url":"x","extra":{"a":1}}"#;
        let (key, value, rest) = member(line, &mut unescaped).unwrap();
        assert_eq!((key, value, unescaped.as_str()), ("host", None, "a\"\\\u{1}\n"));
        let (key, value, rest) = member(rest, &mut unescaped).unwrap();
        assert_eq!((key, value), ("bytes", Some("5")));
        let (key, value, rest) = member(rest, &mut unescaped).unwrap();
        assert_eq!((key, value), ("url", Some("x")));
        assert!(member(rest, &mut unescaped).is_none());
    }
}
