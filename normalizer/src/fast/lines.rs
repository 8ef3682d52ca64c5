//! Fast path for lines in a product's own layout: what [`crate::fast::program`] does step by
//! step is here made into one piece for each product, out of its table, when this is compiled.
//!
//! First the columns are found from left to right, then they are checked and written in the
//! order of the output. Where anything is not as it nearly always is, nothing comes of it, and
//! the line takes another path, which gives the same bytes.

use std::marker::PhantomData;

use crate::{
    bytes::{
        put::{self, Written},
        scan::{self, Block, below},
    },
    catalog::{
        product::{Entry, Product, Shape, To},
        products,
    },
    fast::{
        chunk::{
            Chunk, KnownWord, TEXT, TRANSPORT_KEY, are_digits, begins_plainly, block, is_ipv4, other_address,
            put, put_keyword, up_to_eight_digits, word,
        },
        program::Program,
    },
    json::output::Output,
    record::fields::{Field, FieldType},
    schemas::flat::FlatPlaces,
    value::time::Unit,
};

/// The columns of a product's own lines.
trait ProductLines {
    /// The product.
    const PRODUCT: &'static Product;
    /// Their entries.
    const COLUMNS: &'static [Entry] = Self::PRODUCT.entries.split_at(Self::PRODUCT.lines.columns()).0;
}

macro_rules! writers {
    ($($lines:ident = $product:ident),* $(,)?) => {
        $(
            struct $lines;

            impl ProductLines for $lines {
                const PRODUCT: &Product = &products::$product::PRODUCT;
            }
        )*

        /// The writer of a product's lines, if there is one.
        pub(crate) fn writer(product: &Product) -> Option<Writer> {
            $(
                if product.id == $lines::PRODUCT.id {
                    return Some(write::<$lines>);
                }
            )*
            None
        }
    };
}

writers! {
    HuaweiVpc = huawei_vpc,
    HuaweiEr = huawei_er,
    AwsVpc = aws_vpc,
}

/// Writes the members of a line, each with a comma behind it, and says how much that is; 0
/// where nothing comes of it. The line is the first `len` bytes of its tail. Where the values are is
/// noted.
pub(crate) type Writer = fn(tail: &[u8], len: usize, out: &mut LineWindow, places: &mut FlatPlaces) -> usize;

/// Where a line's members are written.
pub(crate) type LineWindow = [u8; ROOM];

/// More than a line's members take.
pub(crate) const ROOM: usize = 4096;

/// So much behind a line lets all of it be read in blocks.
pub(crate) const BEHIND: usize = 64;

/// The most columns.
const MOST: usize = 16;

/// The writer of a product's lines.
fn write<L: ProductLines>(tail: &[u8], len: usize, out: &mut LineWindow, places: &mut FlatPlaces) -> usize {
    members::<L>(tail, len, out, places).unwrap_or(0)
}

fn members<L: ProductLines>(
    tail: &[u8],
    len: usize,
    out: &mut LineWindow,
    places: &mut FlatPlaces,
) -> Option<usize> {
    const { assert!(L::COLUMNS.len() <= MOST, "there is a line too few below") };
    let line = &mut CutLine { tail, len, starts: [0; MOST + 1], base: 0, blanks: 0 };
    find::<L, 0>(line)?;
    find::<L, 1>(line)?;
    find::<L, 2>(line)?;
    find::<L, 3>(line)?;
    find::<L, 4>(line)?;
    find::<L, 5>(line)?;
    find::<L, 6>(line)?;
    find::<L, 7>(line)?;
    find::<L, 8>(line)?;
    find::<L, 9>(line)?;
    find::<L, 10>(line)?;
    find::<L, 11>(line)?;
    find::<L, 12>(line)?;
    find::<L, 13>(line)?;
    find::<L, 14>(line)?;
    find::<L, 15>(line)?;
    let (mut at, mut noted) = (0, NotedFields { places, present: 0 });
    let noted = &mut noted;
    at = put_member::<L, 0>(line, out, at, noted)?;
    at = put_member::<L, 1>(line, out, at, noted)?;
    at = put_member::<L, 2>(line, out, at, noted)?;
    at = put_member::<L, 3>(line, out, at, noted)?;
    at = put_member::<L, 4>(line, out, at, noted)?;
    at = put_member::<L, 5>(line, out, at, noted)?;
    at = put_member::<L, 6>(line, out, at, noted)?;
    at = put_member::<L, 7>(line, out, at, noted)?;
    at = put_member::<L, 8>(line, out, at, noted)?;
    at = put_member::<L, 9>(line, out, at, noted)?;
    at = put_member::<L, 10>(line, out, at, noted)?;
    at = put_member::<L, 11>(line, out, at, noted)?;
    at = put_member::<L, 12>(line, out, at, noted)?;
    at = put_member::<L, 13>(line, out, at, noted)?;
    at = put_member::<L, 14>(line, out, at, noted)?;
    at = put_member::<L, 15>(line, out, at, noted)?;
    noted.places.present |= noted.present;
    Some(at)
}

/// Where values are, and which there are.
struct NotedFields<'p> {
    places: &'p mut FlatPlaces,
    present: u64,
}

impl NotedFields<'_> {
    #[inline(always)]
    fn note(&mut self, field: Field, start: usize, len: usize) {
        self.places.put(field, start, len);
        self.present |= 1 << field as usize;
    }
}

/// A line, and where its columns start, with what would be the next one behind the last.
struct CutLine<'a> {
    tail: &'a [u8],
    len: usize,
    starts: [usize; MOST + 1],
    /// The blanks that were found and not yet used, a bit for each, from a place on.
    base: usize,
    blanks: u64,
}

impl<'a> CutLine<'a> {
    /// A column that was found, and its length: one that nothing fits, where a guess was wrong.
    #[inline(always)]
    fn column(&self, index: usize) -> Option<(&'a Chunk, usize)> {
        let start = self.starts[index];
        let chunk = self.tail.get(start..)?.first_chunk()?;
        Some((chunk, self.starts[index + 1].wrapping_sub(start + 1)))
    }

    /// The next blank from the start of a column on. Many are found at once, so that no column
    /// waits for the one before.
    #[inline(always)]
    fn next_blank(&mut self, start: usize) -> Option<usize> {
        if self.blanks == 0 {
            let group: &[u8; BEHIND] = self.tail.get(start..)?.first_chunk()?;
            // By hand: with [`scan::mask_of`] filtered lines take longer in a guest.
            let [a, b, c, d] = group.as_chunks().0 else { return None };
            let blanks = |block| u64::from(Block::new(block).equal(b' ').mask());
            self.blanks = blanks(a) | blanks(b) << 16 | blanks(c) << 32 | blanks(d) << 48;
            self.base = start;
            if self.blanks == 0 {
                return None;
            }
        }
        let at = self.base + self.blanks.trailing_zeros() as usize;
        self.blanks &= self.blanks - 1;
        Some(at)
    }
}

/// Finds the end of a column, if there is such a column.
#[inline(always)]
fn find<L: ProductLines, const I: usize>(line: &mut CutLine<'_>) -> Option<()> {
    if I >= L::COLUMNS.len() {
        return Some(());
    }
    let start = line.starts[I];
    if I + 1 == L::COLUMNS.len() {
        line.starts[I + 1] = line.len + 1;
        return (start < line.len).then_some(());
    }
    let is_blank = |len: usize| line.tail.get(start + len) == Some(&b' ');
    let end = match const { width(L::COLUMNS, I) } {
        Width::Always(len) if is_blank(len) => {
            line.blanks = 0;
            start + len
        }
        Width::Always(_) => return None,
        // A guess that is nearly always right: what comes next needs not wait for the search.
        Width::Mostly(len) if is_blank(len) => {
            line.blanks &= line.blanks.wrapping_sub(1);
            start + len
        }
        Width::Any | Width::Mostly(_) => line.next_blank(start)?,
    };
    line.starts[I + 1] = end + 1;
    Some(())
}

/// How wide a column is.
enum Width {
    Always(usize),
    Mostly(usize),
    Any,
}

const fn width(columns: &[Entry], index: usize) -> Width {
    if index >= columns.len() {
        return Width::Any;
    }
    match (columns[index].shape, columns[index].to) {
        (Shape::Hex(len) | Shape::Digits(len), _) => Width::Always(len),
        (Shape::Uuid, _) => Width::Always(36),
        (_, To::Version(version)) => Width::Always(version.len()),
        // Seconds of our time.
        (_, To::Time(_, Unit::Seconds)) => Width::Mostly(10),
        _ => Width::Any,
    }
}

/// The column whose field comes so far in the order of the output.
struct Ranked<L, const RANK: usize>(PhantomData<L>);

impl<L: ProductLines, const RANK: usize> Ranked<L, RANK> {
    const INDEX: usize = column_of(L::COLUMNS, RANK);
    const ENTRY: &'static Entry = &L::COLUMNS[Self::INDEX];
    const FIELD: Field = field(Self::ENTRY);
    const KEY: (&'static [u8; 16], u8) = Self::FIELD.json_key();
    const ALL_WORDS: ([KnownWord; MOST], usize) = words_of(Self::ENTRY);
    const WORDS: &'static [KnownWord] = Self::ALL_WORDS.0.split_at(Self::ALL_WORDS.1).0;
}

/// What is asked for behind the last one is the first one, which then is not used.
const fn column_of(columns: &[Entry], rank: usize) -> usize {
    let mut i = 0;
    while i < columns.len() {
        let (mut before, mut j) = (0, 0);
        while j < columns.len() {
            let (a, b) = (field(&columns[j]) as usize, field(&columns[i]) as usize);
            assert!(a != b || i == j, "two columns have one field");
            if a < b {
                before += 1;
            }
            j += 1;
        }
        if before == rank {
            return i;
        }
        i += 1;
    }
    0
}

const fn field(entry: &Entry) -> Field {
    // No such word is like an id.
    let apart = matches!(entry.shape, Shape::Hex(_) | Shape::Digits(_) | Shape::Uuid);
    assert!(entry.absent.is_empty() || apart, "such a column can't be written by a function of its own");
    match entry.to {
        To::Text(f) | To::Number(f) | To::Address(f) | To::Time(f, _) | To::Word(f, _) => f,
        To::Protocol => Field::Protocol,
        // It has none, and is written nowhere.
        To::Version(_) => Field::Provider,
        _ => panic!("such a column can't be written by a function of its own"),
    }
}

/// The words that a column may have, and how many they are.
const fn words_of(entry: &Entry) -> ([KnownWord; MOST], usize) {
    let (mut known, mut count, mut i) = ([KnownWord::NONE; MOST], 0, 0);
    if let To::Word(_, words) = entry.to {
        while i < words.len() {
            if let Some(word) = KnownWord::new(&words[i]) {
                known[count] = word;
                count += 1;
            }
            i += 1;
        }
    }
    (known, count)
}

/// Checks a column and writes its member, if there is such a column; says where the next one
/// is written.
#[inline(always)]
fn put_member<L: ProductLines, const RANK: usize>(
    line: &CutLine<'_>,
    out: &mut LineWindow,
    at: usize,
    noted: &mut NotedFields<'_>,
) -> Option<usize> {
    if RANK >= L::COLUMNS.len() {
        return Some(at);
    }
    let entry = Ranked::<L, RANK>::ENTRY;
    let (chunk, len) = line.column(Ranked::<L, RANK>::INDEX)?;
    // The mask lets the compiler see that all of this is inside of the window.
    let at = at & (ROOM / 2 - 1);
    let (key, key_len) = Ranked::<L, RANK>::KEY;
    put(out, at, key);
    let value = at + key_len as usize;
    let end = match entry.to {
        // The key is overwritten.
        To::Version(version) => {
            return (chunk.starts_with(version.as_bytes()) && len == version.len()).then_some(at);
        }
        To::Text(_) if fits(entry.shape, chunk, len) => {
            put(out, value + 1, chunk);
            noted.note(Ranked::<L, RANK>::FIELD, value + 1, len);
            put_end(out, value + 1 + len, b"\",")
        }
        To::Number(field) if are_digits(chunk, len) => {
            let FieldType::Integer(most) = field.field_type() else { return None };
            // Sixteen are read at once.
            if most < 10_u64.pow(Block::LEN as u32) && up_to_eight_digits(chunk, len).is_none_or(|n| n > most)
            {
                return None;
            }
            put(out, value, block(chunk));
            noted.note(Ranked::<L, RANK>::FIELD, value, len);
            put_end(out, value + len, b",")
        }
        // Surely of the years that are believed.
        To::Time(_, Unit::Seconds) if len == 10 && chunk[0] < b'4' && are_digits(chunk, len) => {
            put(out, value, block(chunk));
            noted.note(Ranked::<L, RANK>::FIELD, value, len + 3);
            put_end(out, value + len, b"000,")
        }
        To::Address(_) if is_ipv4(chunk, len) => {
            put(out, value + 1, block(chunk));
            noted.note(Ranked::<L, RANK>::FIELD, value + 1, len);
            put_end(out, value + 1 + len, b"\",")
        }
        To::Address(_) if len > 1 => {
            let end = other_address(out, value + 1, chunk, len)?;
            noted.note(Ranked::<L, RANK>::FIELD, value + 1, end - (value + 3));
            end
        }
        To::Protocol if are_digits(chunk, len) => {
            let number = up_to_eight_digits(chunk, len).filter(|n| *n <= 255)?;
            put(out, value, block(chunk));
            let end = put_keyword(out, value + len, number);
            noted.note(Field::Protocol, value, len);
            if end > value + len {
                // Between it and its key, and its quote.
                let start = value + len + TRANSPORT_KEY;
                noted.note(Field::Transport, start, end - start - 1);
            }
            put_end(out, end, b",")
        }
        To::Word(..) if let Some(word) = known(Ranked::<L, RANK>::WORDS, chunk, len) => {
            put(out, value + 1, word.text());
            noted.note(Ranked::<L, RANK>::FIELD, value + 1, word.len() - 2);
            value + 1 + word.len()
        }
        // What stands for none is not written.
        _ => {
            let none = matches!(entry.shape, Shape::Any | Shape::Prefix(_)) && len == 1 && chunk[0] == b'-';
            return none.then_some(at);
        }
    };
    Some(end)
}

/// Puts what stands behind a value, and says where it ends.
#[inline(always)]
fn put_end<const N: usize>(out: &mut LineWindow, at: usize, behind: &[u8; N]) -> usize {
    put(out, at, behind);
    at + N
}

/// Whether a text is as it must be, is not what stands for none, and needs no escapes.
#[inline(always)]
fn fits(shape: Shape, chunk: &Chunk, len: usize) -> bool {
    match shape {
        Shape::Hex(n) => len == n && scan::is_hexadecimal(&chunk[..n]),
        Shape::Digits(n) => len == n && !Block::new(block(chunk)).within(b'0', b'9').mask() & below(n) == 0,
        Shape::Uuid => len == 36 && scan::is_uuid(&chunk[..36]),
        Shape::Prefix(prefix) => chunk.starts_with(prefix.as_bytes()) && is_plain(chunk, len),
        Shape::Any => (len > 4 || begins_plainly(chunk)) && is_plain(chunk, len),
        Shape::Word(_) | Shape::AtLeast(_) | Shape::Said => false,
    }
}

#[inline(never)]
fn is_plain(chunk: &Chunk, len: usize) -> bool {
    let [first, second, third] = chunk.as_chunks().0 else { return false };
    let odd = |block| u64::from(Block::new(block).escaped().or(Block::new(block).equal(b' ')).mask());
    len <= TEXT && (odd(first) | odd(second) << 16 | odd(third) << 32) & ((1 << len) - 1) == 0
}

/// The word that a text is.
#[inline(always)]
fn known<'k>(words: &'k [KnownWord], chunk: &Chunk, len: usize) -> Option<&'k KnownWord> {
    // Zeros at the end would be taken for those behind a shorter one.
    let text = word(chunk, len).filter(|_| chunk[len - 1] != 0)?;
    // The first two, which are nearly all, without a loop.
    match words {
        [first, ..] if first.is(text) => Some(first),
        [_, second, ..] if second.is(text) => Some(second),
        [_, _, others @ ..] => others.iter().find(|word| word.is(text)),
        _ => None,
    }
}

impl Program {
    /// Writes a line's record with what writes its members; false where nothing came of it.
    #[inline(always)]
    pub(crate) fn run_line(
        &self,
        writer: Writer,
        tail: &[u8],
        len: usize,
        places: &mut FlatPlaces,
        out: &mut Output,
    ) -> bool {
        let (buffer, at) = out.room(self.head.len() + ROOM + 2);
        // No closure as elsewhere: it would be called, and this is done for each line.
        let end = self.line(writer, tail, len, places, buffer, at);
        out.end_at(end)
    }

    #[inline(always)]
    fn line(
        &self,
        writer: Writer,
        tail: &[u8],
        len: usize,
        places: &mut FlatPlaces,
        buffer: &mut [u8],
        at: usize,
    ) -> Written {
        put::block(buffer, at, &self.head)?;
        let at = at + usize::from(self.head_len & 63);
        let used = writer(tail, len, buffer.get_mut(at..)?.first_chunk_mut()?, places);
        // No comma stands behind the last member.
        if used == 0 { None } else { put::bytes(buffer, at + used - 1, b"}\n") }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::catalog::product::Lines;
    use crate::catalog::products;

    fn with_writers() -> impl Iterator<Item = (&'static Product, Writer)> {
        products::all().iter().filter_map(|p| Some((*p, writer(p)?)))
    }

    /// What a writer makes of a line that has others behind it.
    fn written(writer: Writer, line: &str) -> Option<String> {
        let mut out = [0; ROOM];
        let text = format!("{line}\n{}", " -".repeat(50));
        let used = writer(text.as_bytes(), line.len(), &mut out, &mut FlatPlaces::default());
        (used > 0).then(|| String::from_utf8(out[..used].to_vec()).unwrap())
    }

    /// Every product whose lines are detected, and not too wide, has a writer, which writes its samples and nobody
    /// else's.
    #[test]
    fn samples_go_the_shortest_way() {
        for product in products::all() {
            let detected = matches!(product.lines, Lines::Detected(n) if n <= MOST);
            assert_eq!(writer(product).is_some(), detected, "{}", product.id);
        }
        for (product, _) in with_writers() {
            let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/corpus");
            let samples = corpus.join(product.id).join("ok/samples.log");
            let samples = std::fs::read_to_string(samples).unwrap();
            let mut some = 0;
            for line in samples.lines() {
                for (other, writer) in with_writers() {
                    let written = written(writer, line);
                    some += usize::from(written.is_some());
                    assert!(written.is_none() || other.id == product.id, "{} {line}", other.id);
                }
            }
            assert!(some > 0, "{}", product.id);
        }
    }

    /// The product of the line before is tried first, so no line may be of two.
    #[test]
    fn no_line_is_of_two_products() {
        let exclude = |a: &Entry, b: &Entry| match (a.shape, b.shape) {
            (Shape::Hex(a) | Shape::Digits(a), Shape::Hex(b) | Shape::Digits(b)) => a != b,
            (Shape::Uuid, Shape::Hex(n) | Shape::Digits(n))
            | (Shape::Hex(n) | Shape::Digits(n), Shape::Uuid) => n != 36,
            (Shape::Word(a), Shape::Word(b)) => !a.iter().any(|a| b.iter().any(|b| a.0 == b.0)),
            _ => false,
        };
        let detected = || products::all().iter().filter(|p| matches!(p.lines, Lines::Detected(_)));
        for (i, a) in detected().enumerate() {
            for b in detected().skip(i + 1).filter(|b| b.lines.columns() == a.lines.columns()) {
                let columns = a.lines.columns();
                let mut pairs = a.entries[..columns].iter().zip(&b.entries[..columns]);
                assert!(pairs.any(|(a, b)| exclude(a, b)), "{} and {}", a.id, b.id);
            }
        }
    }

    /// A line with a value that is not as it must be is left to another path.
    #[test]
    fn odd_lines_are_left_alone() {
        const LINE: &str = "2 123456789012 eni-0a1b2c3d 10.0.0.1 10.0.0.2 443 49152 6 10 840 1718000000 1718000060 ACCEPT OK";
        let Some((_, writer)) = with_writers().find(|(p, _)| p.id == "aws-vpc") else { panic!() };
        assert!(written(writer, LINE).is_some_and(|w| w.ends_with("\"interface_id\":\"eni-0a1b2c3d\",")));
        for (from, to) in [
            ("2 1", "3 1"),
            ("123456789012", "12345678901"),
            ("123456789012", "12345678901x"),
            ("eni-", "eno-"),
            ("eni-0a", "eni-\"a"),
            ("eni-0a", "eni-\u{1}a"),
            ("10.0.0.1", "10.0.0.256"),
            ("10.0.0.1", "host"),
            ("443", "65536"),
            ("443", "0443"),
            (" 443", ""),
            (" 443", "  443"),
            (" 6 ", " 256 "),
            (" 6 ", " tcp "),
            ("1718000060", "171800006"),
            ("1718000000", "17 8000000"),
            ("1718000060", "1 18 00060"),
            ("ACCEPT", "DROP"),
            ("ACCEPT", "ACCEPT\0"),
            (" OK", " OK\0"),
            (" OK", " OK "),
            (" OK", ""),
            (" OK", " -"),
            (" OK", " OK x"),
            ("2 1", " 2 1"),
            (" 840", "\t840"),
        ] {
            let odd = LINE.replacen(from, to, 1);
            assert_eq!(written(writer, &odd), None, "{odd}");
        }
        // With nothing behind it, its end can't be read in blocks.
        assert_eq!(writer(LINE.as_bytes(), LINE.len(), &mut [0; ROOM], &mut FlatPlaces::default()), 0);
        // What stands for none is not written.
        let none = LINE
            .replace("443", "-")
            .replace("ACCEPT", "-")
            .replace("10.0.0.1", "-")
            .replace("eni-0a1b2c3d", "-");
        let none = written(writer, &none).unwrap();
        assert!(
            !["src_port", "action", "src_ip", "interface_id"].iter().any(|key| none.contains(key)),
            "{none}"
        );
    }
}
