//! A page in a segment: a head, which is the beginning of a skippable frame, then what the caller
//! keeps beside the records, which is its rest, then the records as a zstd frame.

/// The most bytes of records in one page.
pub const MAX_PAGE: usize = 256 << 20;
/// The most bytes beside the records of one page.
pub const MAX_META: usize = 16 << 20;

/// The first version. Later ones keep the places of the magic, the version and the checksum.
pub(crate) const VERSION: u16 = 1;
/// Bytes of a head.
pub(crate) const HEAD: usize = 60;
/// One of the magic numbers of skippable frames.
const SKIPPABLE: [u8; 4] = 0x184D_2A57_u32.to_le_bytes();
const MAGIC: &[u8; 8] = b"WEIRPAGE";
/// Where a head's magic stands in it.
pub(crate) const MAGIC_AT: usize = 8;
/// Where a head's checksum stands in it.
const CHECKSUM_AT: usize = HEAD - 4;

/// What a head says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) sequence: u64,
    /// Milliseconds since 1970 when the page was appended.
    pub(crate) written: u64,
    pub(crate) records: u32,
    /// Bytes of the records.
    pub(crate) plain: u32,
    /// Bytes of the zstd frame.
    pub(crate) stored: u32,
    pub(crate) meta: u32,
    /// Of what follows the head.
    pub(crate) checksum: u32,
}

/// What some bytes are as a head.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Decoded {
    Head(Head),
    /// A head of a later version.
    Newer(u16),
    /// None.
    Damaged,
}

impl Head {
    /// Bytes of the page with its head.
    pub(crate) fn total(&self) -> u64 {
        HEAD as u64 + self.body()
    }

    /// Bytes that follow the head.
    pub(crate) fn body(&self) -> u64 {
        u64::from(self.meta) + u64::from(self.stored)
    }

    /// Writes it to the beginning of `out`, for a segment with this salt.
    pub(crate) fn encode(&self, salt: u64, out: &mut [u8]) {
        let rest = (HEAD - 8) as u32 + self.meta;
        let fields: [&[u8]; 12] = [
            &SKIPPABLE,
            &rest.to_le_bytes(),
            MAGIC,
            &VERSION.to_le_bytes(),
            &[0, 0],
            &self.records.to_le_bytes(),
            &self.sequence.to_le_bytes(),
            &self.written.to_le_bytes(),
            &self.plain.to_le_bytes(),
            &self.stored.to_le_bytes(),
            &self.meta.to_le_bytes(),
            &self.checksum.to_le_bytes(),
        ];
        let mut at = 0;
        for field in fields {
            out[at..at + field.len()].copy_from_slice(field);
            at += field.len();
        }
        let checksum = seal(salt, &out[..at]);
        out[at..HEAD].copy_from_slice(&checksum.to_le_bytes());
    }

    /// The head that these bytes are in a segment with this salt. Records can hold bytes that look
    /// like a head, but nobody who writes records knows the salt.
    pub(crate) fn decode(salt: u64, bytes: &[u8; HEAD]) -> Decoded {
        let u16_at = |at: usize| u16::from_le_bytes([bytes[at], bytes[at + 1]]);
        let u32_at = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().expect("4 bytes"));
        let u64_at = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().expect("8 bytes"));
        if bytes[..4] != SKIPPABLE
            || bytes[MAGIC_AT..MAGIC_AT + 8] != *MAGIC
            || u32_at(CHECKSUM_AT) != seal(salt, &bytes[..CHECKSUM_AT])
        {
            return Decoded::Damaged;
        }
        let version = u16_at(16);
        if version != VERSION {
            return Decoded::Newer(version);
        }
        let head = Self {
            records: u32_at(20),
            sequence: u64_at(24),
            written: u64_at(32),
            plain: u32_at(40),
            stored: u32_at(44),
            meta: u32_at(48),
            checksum: u32_at(52),
        };
        let is_sound = head.plain as usize <= MAX_PAGE
            && head.meta as usize <= MAX_META
            && u32_at(4) == (HEAD - 8) as u32 + head.meta;
        if is_sound { Decoded::Head(head) } else { Decoded::Damaged }
    }
}

fn seal(salt: u64, bytes: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&salt.to_le_bytes());
    hasher.update(bytes);
    hasher.finalize()
}

/// Finds what may be the beginning of a head.
pub(crate) fn find(bytes: &[u8]) -> impl Iterator<Item = usize> {
    memchr::memmem::find_iter(bytes, MAGIC).filter_map(|at| at.checked_sub(MAGIC_AT))
}
