//! Every bound that the normalizer keeps, in one place.
//!
//! They exist so that hostile input costs bounded memory and time.

/// The longest record, in bytes. An envelope may be of any size; a record may not.
pub const RECORD: usize = 1 << 20;

/// The longest event of a log agent that is looked into, in bytes: room for a record with every
/// byte escaped.
pub const EVENT: usize = 2 * RECORD;

/// How much of an over-long record is kept for its reject, in bytes.
pub const RAW_PREFIX: usize = 64 << 10;

/// The deepest nesting of arrays and objects in a document.
pub const DEPTH: usize = 64;

/// How much deeper arrays and objects are followed, to find the end of what is too deep: a bit for each.
pub const FOLLOWED_DEPTH: usize = 8 << 20;

/// The deepest nesting of a value that has no field: in the `extra` of a flat record it is read
/// back.
pub const EXTRA_DEPTH: usize = DEPTH - 2;

/// How often a record may be wrapped: a string in an envelope in a string, and so on.
pub const WRAPS: usize = 4;

/// How often a record in an event may be wrapped, the event itself apart. Each costs stack, and
/// Fluent Bit gives a guest 8 KiB of it.
pub const EVENT_WRAPS: usize = 2;

/// How many bytes an envelope may take from its first record to its end, for the
/// metadata that follows the records to still apply to all of them.
pub const LOOK_AHEAD: usize = 1 << 20;

/// The most metadata of one envelope that is kept, in bytes. What exceeds it is left out.
pub const CONTEXT: usize = 16 << 10;

/// The most metadata of the envelopes around a record that is kept with it, in bytes, and how many
/// fields. What exceeds it is left out: many short records may stand in one long envelope.
pub const ENVELOPE: usize = 4 << 10;

/// See [`ENVELOPE`].
pub const ENVELOPE_FIELDS: usize = 256;

/// The longest name of an input that records tell, in bytes; of a longer one they tell the beginning.
pub const SOURCE_NAME: usize = 4 << 10;

/// Input is framed in pieces of this many bytes.
pub const PIECE: usize = 64 << 10;

/// How many names of columns a reason lists.
pub const NAMES: usize = 16;

/// A batch is handed on when it holds this many bytes, unless an envelope's
/// look-ahead is still open.
pub const BATCH: usize = 256 << 10;

/// The most records in one batch.
pub const BATCH_RECORDS: usize = 64 << 10;

/// A run over a batch pauses when its output holds this many bytes.
pub const OUTPUT: usize = 4 << 20;

/// The most that the records in one element may make, in bytes: an envelope in a string may
/// hold many.
pub const ELEMENT_OUTPUT: usize = 8 << 20;

/// The most that one record may become, in any schema, for each byte of its text and of what is
/// kept of the envelopes around it: a control character is written as six bytes, and OTLP takes
/// some sixty for the key of a short value.
pub const GROWTH: usize = 8;

/// What a record may become beyond that, in bytes: what a schema says of each record, and the names
/// of its columns.
pub const RECORD_OUTPUT: usize = 16 << 10;

/// The most bytes that a record of `record` bytes may become.
#[inline(always)]
pub(crate) const fn output(record: usize) -> usize {
    record * GROWTH + RECORD_OUTPUT
}

/// How many bytes of a column's name a reason shows.
pub const NAME: usize = 40;

/// So many of a record's members without a field are looked at for what they mean to a schema.
pub const MEANT: usize = 64;

/// How long a text may be that was compressed inside of a record, in bytes.
pub const INFLATED: usize = 4 << 20;

/// How many times as long as it was such a text may be: logs shrink to a tenth or so, and what
/// grows without bound from little is no log.
pub const INFLATED_RATIO: usize = 64;

/// Records with more keys than this are read at length.
pub const QUICK_KEYS: usize = 1000;

/// Records whose keys have more bytes than this are read at length.
pub const QUICK_KEY_BYTES: usize = 16 << 10;

/// How many blanks around an object's keys are known by heart.
pub const BLANKS: usize = 64;

/// How much of an object's keys and values is known by heart, in bytes.
pub const STRETCHES: usize = 4 << 10;

/// The longest record of a rich schema that others are written after, in bytes.
pub const FRAME: usize = 8 << 10;

/// The longest word that such records have in common, in bytes.
pub const FRAME_WORD: usize = 16;

/// The latest time of a record that is normalized again, in epoch milliseconds: in nanoseconds, as
/// OTLP counts, it still has 64 bits. It is in the year 2554.
pub const LATEST_MS: u64 = u64::MAX / 1_000_000;

/// The longest reason of a reject, in bytes; what exceeds it is cut.
pub const REASON: usize = 2000;

/// The longest filter expression, in bytes; lists of networks are not a part of it.
pub const FILTER: usize = 64 << 10;

/// The deepest nesting of a filter expression.
pub const FILTER_DEPTH: usize = 64;

/// The largest regular expression in a filter, compiled, in bytes.
pub const PATTERN: usize = 256 << 10;

/// How many bytes of a value a large regular expression looks at.
pub const MATCHED: usize = 4 << 10;

/// How many bytes of a value a regular expression looks at that is no larger than this, compiled, in
/// bytes: time goes with both.
pub const SMALLER_PATTERNS: [(usize, usize); 2] = [(4 << 10, 32 << 10), (1 << 10, RECORD)];

/// The most warnings about a filter, or about one's own networks.
pub(crate) const WARNINGS: usize = 10;

/// The most items in the sets of a filter, lists included.
pub const FILTER_ITEMS: usize = 200_000;
