//! Reads a guest's replies and believes none of their claims unchecked.

use std::ops::Range;

use weir_normalizer::{
    Output,
    batch::{self, Batch},
    limits::INFLATED_RATIO,
};
use weir_pipeline::{Reply, limits::OUTPUT_PART};

use crate::{fault::Fault, limits};

/// The words of a reply's header.
const WORDS: usize = 11;

/// Bytes of a guest's memory.
pub(crate) fn slice(memory: &[u8], address: u32, len: u32) -> Option<&[u8]> {
    let start = address as usize;
    memory.get(start..start.checked_add(len as usize)?)
}

/// Little-endian words of a guest's memory.
pub(crate) fn words<const N: usize>(memory: &[u8], address: u32) -> Option<[u32; N]> {
    let (words, _) = slice(memory, address, 4 * N as u32)?.as_chunks::<4>();
    let mut out = [0; N];
    for (out, word) in out.iter_mut().zip(words) {
        *out = u32::from_le_bytes(*word);
    }
    Some(out)
}

/// Reads the reply at `address` to a run over `given`, elements of `batch`, that began with
/// the element `first` of them. `copy` takes the records, as far as it should.
pub(crate) fn read<'a>(
    memory: &'a [u8],
    address: u32,
    batch: &Batch,
    given: &Range<usize>,
    first: usize,
    copy: &'a mut Output,
) -> Result<Reply<'a>, Fault> {
    if address == 0 {
        return Err(Fault::reply("it refuses the batch"));
    }
    let Some(header) = words::<WORDS>(memory, address) else {
        return Err(Fault::reply(format!("its header at {address} lies outside the memory")));
    };
    let [next, normalized, filtered, rejected, filtered_bytes, areas @ ..] = header;
    let area = |name: &str, index: usize| {
        let [address, len] = [areas[index], areas[index + 1]];
        slice(memory, address, len).ok_or_else(|| {
            Fault::reply(format!("the {name}, {len} bytes at {address}, lie outside the memory"))
        })
    };
    let records = area("records", 0)?;
    let rejects = area("rejects", 2)?;
    let tallies = area("tallies", 4)?;

    let next = next as usize;
    if next <= first || next > given.len() {
        return Err(Fault::reply(format!("it came to element {next}, from {first} of {}", given.len())));
    }
    let elements = given.start + first..given.start + next;
    let more = copy_output(records, normalized, copy)?;
    let rejected_bytes = check_rejects(rejects, rejected, batch, given.start, &elements)?;
    check_tallies(tallies, normalized)?;

    let bytes: u64 = batch.elements[elements.clone()].iter().map(|e| u64::from(e.len)).sum();
    if rejected_bytes + u64::from(filtered_bytes) > bytes || (filtered == 0 && filtered_bytes > 0) {
        return Err(Fault::reply(format!(
            "{filtered} filtered records of {filtered_bytes} bytes, and {rejected_bytes} rejected bytes, of {bytes}"
        )));
    }
    let count = u64::from(normalized) + u64::from(filtered) + u64::from(rejected);
    // Of a record that was compressed inside of an element no byte may be there.
    let most = bytes * INFLATED_RATIO as u64 + elements.len() as u64;
    if count < elements.len() as u64 || count > most {
        return Err(Fault::reply(format!("{count} records in {} elements of {bytes} bytes", elements.len())));
    }
    Ok(Reply {
        elements,
        base: given.start,
        normalized,
        filtered,
        filtered_bytes,
        output: copy,
        more,
        rejects,
        tallies,
    })
}

/// Checks the records; copies the first of them, while they are in the nearest cache to be
/// counted, and gives the rest.
fn copy_output<'a>(output: &'a [u8], normalized: u32, copy: &mut Output) -> Result<&'a [u8], Fault> {
    if output.last().is_some_and(|b| *b != b'\n') {
        return Err(Fault::reply("the last record does not end with a line break"));
    }
    let (first, more) = output.split_at(output.len().min(OUTPUT_PART));
    let line_breaks = |bytes| memchr::memchr_iter(b'\n', bytes).count();
    let mut lines = line_breaks(more);
    copy.clear();
    for piece in first.chunks(limits::OUTPUT_PIECE) {
        copy.extend_from_slice(piece);
        lines += line_breaks(piece);
    }
    if lines != normalized as usize {
        return Err(Fault::reply(format!("{normalized} records in {lines} lines")));
    }
    Ok(more)
}

/// Checks the rejects of some elements, whose numbers count from `base`, and gives the bytes
/// of the elements that have any.
fn check_rejects(
    rejects: &[u8],
    claimed: u32,
    batch: &Batch,
    base: usize,
    elements: &Range<usize>,
) -> Result<u64, Fault> {
    let (mut count, mut bytes, mut last) = (0_usize, 0, None);
    for reject in batch::rejects(rejects) {
        let reject = reject.map_err(|_| Fault::reply(format!("reject {count} is malformed")))?;
        let element = base + reject.element as usize;
        if !elements.contains(&element) || last.is_some_and(|last| element < last) {
            return Err(Fault::reply(format!("reject {count} is of element {}", reject.element)));
        }
        if !is_word(reject.code) || !(reject.format.is_empty() || is_word(reject.format)) {
            return Err(Fault::reply(format!("reject {count} has no proper code or format")));
        }
        if reject.reason.len() > limits::GUEST_SENTENCE || reject.field.len() > limits::GUEST_SENTENCE {
            return Err(Fault::reply(format!("reject {count} has a text of over 4 KiB")));
        }
        if last != Some(element) {
            bytes += u64::from(batch.elements[element].len);
        }
        last = Some(element);
        count += 1;
    }
    if count != claimed as usize {
        return Err(Fault::reply(format!("{claimed} records rejected, with {count} reasons")));
    }
    Ok(bytes)
}

fn check_tallies(tallies: &[u8], normalized: u32) -> Result<(), Fault> {
    let mut sum = 0;
    for tally in batch::tallies(tallies) {
        let (product, count) = tally.map_err(|_| Fault::reply("a tally is malformed"))?;
        if !is_word(product) {
            return Err(Fault::reply("a tally names no proper product"));
        }
        sum += u64::from(count);
    }
    if sum != u64::from(normalized) {
        return Err(Fault::reply(format!("tallies of {sum} for {normalized} records")));
    }
    Ok(())
}

/// Ids and codes: short, and safe to show anywhere.
fn is_word(s: &str) -> bool {
    (1..=limits::GUEST_WORD).contains(&s.len())
        && s.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_records_are_counted_also_where_not_all_are_copied() {
        for len in [0, 2, limits::OUTPUT_PIECE, OUTPUT_PART, OUTPUT_PART + 2] {
            let output = b"x\n".repeat(len / 2);
            let count = len as u32 / 2;
            let mut copy = Output::from(b"old\n".to_vec());
            let more = copy_output(&output, count, &mut copy).unwrap();
            assert_eq!([&copy, more].concat(), output);
            assert!(copy.len() <= OUTPUT_PART);
            assert!(copy_output(&output, count + 1, &mut copy).is_err(), "{len}");
            let mut unterminated = output;
            unterminated.push(b'x');
            assert!(copy_output(&unterminated, count, &mut copy).is_err(), "{len}");
        }
    }
}
