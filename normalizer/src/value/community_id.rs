//! Community ID: the same short name for a flow in the output of every tool.
//!
//! Specification: "Community ID Flow Hashing", version 1, with the seed 0. The exact handling
//! of ICMP is that of Zeek and of the reference implementation.

use std::{mem, net::IpAddr};

use wide::u32x4;

use crate::bytes::scan;

/// `1:` and the hash in base64.
pub(crate) type CommunityId = [u8; 30];

const ICMP: u8 = 1;
const TCP: u8 = 6;
const UDP: u8 = 17;
const IPV6_ICMP: u8 = 58;
const SCTP: u8 = 132;

/// What the ID of a flow is a hash of, with ports as they may be in a record.
#[inline(always)]
pub(crate) fn of_flow(
    source: IpAddr,
    destination: IpAddr,
    protocol: u8,
    source_port: Option<u64>,
    destination_port: Option<u64>,
) -> Option<FlowMessage> {
    let port = |port: Option<u64>| u16::try_from(port?).ok();
    message(source, destination, protocol, port(source_port).zip(port(destination_port)))
}

/// The ID of a flow; with ICMP the ports are the message's type and code. None where a port
/// is missing, the addresses are of two families, or the ports can't be a type and a code.
#[cfg(test)]
fn v1(source: IpAddr, destination: IpAddr, protocol: u8, ports: Option<(u16, u16)>) -> Option<CommunityId> {
    Some(id(&message(source, destination, protocol, ports)?))
}

/// What the ID of a flow is a hash of: one block of SHA-1, filled up as that asks.
pub(crate) type FlowMessage = [u32; 16];

/// What the ID of a flow is a hash of, if it has one, as [`id`] and [`LateIds`] take it. With ICMP the
/// ports are the message's type and code. None where a port is missing, the addresses are of two
/// families, or the ports can't be a type and a code.
#[inline(never)]
fn message(
    source: IpAddr,
    destination: IpAddr,
    protocol: u8,
    ports: Option<(u16, u16)>,
) -> Option<FlowMessage> {
    let mut one_way = false;
    let ports = match protocol {
        TCP | UDP | SCTP => Some(ports?),
        ICMP | IPV6_ICMP => {
            let (kind, code) = ports?;
            let (kind, code) = (u8::try_from(kind).ok()?, u8::try_from(code).ok()?);
            let answer = if protocol == ICMP { icmp_counterpart(kind) } else { ipv6_icmp_counterpart(kind) };
            one_way = answer.is_none();
            Some((u16::from(kind), u16::from(answer.unwrap_or(code))))
        }
        _ => None,
    };
    match (source, destination) {
        (IpAddr::V4(a), IpAddr::V4(b)) => {
            Some(filled([[a.to_bits()], [b.to_bits()]], protocol, ports, one_way))
        }
        (IpAddr::V6(a), IpAddr::V6(b)) => {
            let words = |a: u128| [96, 64, 32, 0].map(|by| (a >> by) as u32);
            Some(filled([a, b].map(|a| words(a.to_bits())), protocol, ports, one_way))
        }
        _ => None,
    }
}

/// A block of the seed, which is two zeros, the addresses, the protocol with a zero behind it, and the
/// ports, if there are some.
#[inline(always)]
fn filled<const N: usize>(
    [source, destination]: [[u32; N]; 2],
    protocol: u8,
    ports: Option<(u16, u16)>,
    one_way: bool,
) -> FlowMessage {
    let (from, to) = ports.unwrap_or_default();
    // The smaller end comes first, so that both directions have one ID.
    let in_order = one_way || (source, from) < (destination, to);
    let [first, second] = if in_order { [source, destination] } else { [destination, source] };
    let (low, high) = if in_order { (from, to) } else { (to, from) };
    let mut message = [0; 16];
    // The seed is half a word.
    let mut half = 0;
    for (place, word) in message.iter_mut().zip(first.iter().chain(&second)) {
        *place = half << 16 | word >> 16;
        half = *word;
    }
    message[2 * N] = half << 16 | u32::from(protocol) << 8;
    let mut words = 2 * N + 1;
    if ports.is_some() {
        message[words] = u32::from(low) << 16 | u32::from(high);
        words += 1;
    }
    message[words] = 0x8000_0000;
    message[15] = 32 * words as u32;
    message
}

/// The ID of a flow.
#[inline(never)]
pub(crate) fn id(message: &FlowMessage) -> CommunityId {
    if scan::VECTORS {
        // There is no second spelling of the rounds, for few records.
        return ids(&message.map(|word| [word; 4]))[0];
    }
    let characters = spelled(sha1(message));
    let mut id = BLANK;
    for (four, word) in id[2..].as_chunks_mut().0.iter_mut().zip(characters) {
        *four = word.to_le_bytes();
    }
    id[29] = b'=';
    id
}

/// The IDs of four flows. A word of each message comes before the next word of each.
#[inline(never)]
fn ids(messages: &[[u32; 4]; 16]) -> [CommunityId; 4] {
    if !scan::VECTORS {
        return std::array::from_fn(|flow| id(&messages.map(|words| words[flow])));
    }
    let characters = spelled(sha1(&messages.map(u32x4::new))).map(u32x4::to_array);
    let mut ids = [BLANK; 4];
    for (flow, id) in ids.iter_mut().enumerate() {
        for (four, words) in id[2..].as_chunks_mut().0.iter_mut().zip(characters) {
            *four = words[flow].to_le_bytes();
        }
        id[29] = b'=';
    }
    ids
}

const BLANK: CommunityId = *b"1:                            ";

/// IDs that come later to their places: a hash takes as long as a third of a record, and four at once
/// take little longer than one.
#[derive(Clone, Debug, Default)]
pub(crate) struct LateIds {
    places: [usize; 4],
    count: usize,
    messages: [[u32; 4]; 16],
}

impl LateIds {
    /// Adds one; true if that is as many as there can be.
    #[inline(always)]
    pub(crate) fn add(&mut self, place: usize, message: &FlowMessage) -> bool {
        let lane = self.count & 3;
        self.places[lane] = place;
        for (words, word) in self.messages.iter_mut().zip(message) {
            words[lane] = *word;
        }
        self.count = lane + 1;
        self.count == self.places.len()
    }

    /// Takes all, each with its place.
    pub(crate) fn take(&mut self) -> impl Iterator<Item = (usize, CommunityId)> {
        let count = mem::take(&mut self.count);
        self.places.into_iter().zip(ids(&self.messages)).take(count)
    }

    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Forgets those from a place on, which are the last.
    pub(crate) fn truncate(&mut self, len: usize) {
        self.count = self.places.iter().take(self.count).take_while(|place| **place < len).count();
    }
}

/// Words that are worked on as one.
trait Words: Copy {
    fn all(word: u32) -> Self;
    fn plus(self, other: Self) -> Self;
    fn minus(self, other: Self) -> Self;
    fn xor(self, other: Self) -> Self;
    fn and(self, other: Self) -> Self;
    fn left<const BY: u32>(self) -> Self;
    fn right<const BY: u32>(self) -> Self;

    /// Both, which have no bit in common.
    #[inline(always)]
    fn with(self, other: Self) -> Self {
        self.xor(other)
    }

    #[inline(always)]
    fn rotated<const BY: u32, const BACK: u32>(self) -> Self {
        const { assert!(BY + BACK == 32) };
        self.left::<BY>().with(self.right::<BACK>())
    }
}

impl Words for u32 {
    fn all(word: u32) -> Self {
        word
    }
    fn plus(self, other: Self) -> Self {
        self.wrapping_add(other)
    }
    fn minus(self, other: Self) -> Self {
        self.wrapping_sub(other)
    }
    fn xor(self, other: Self) -> Self {
        self ^ other
    }
    fn and(self, other: Self) -> Self {
        self & other
    }
    fn left<const BY: u32>(self) -> Self {
        self << BY
    }
    fn right<const BY: u32>(self) -> Self {
        self >> BY
    }
}

impl Words for u32x4 {
    #[inline(always)]
    fn all(word: u32) -> Self {
        Self::splat(word)
    }
    #[inline(always)]
    fn plus(self, other: Self) -> Self {
        self + other
    }
    #[inline(always)]
    fn minus(self, other: Self) -> Self {
        self - other
    }
    #[inline(always)]
    fn xor(self, other: Self) -> Self {
        self ^ other
    }
    #[inline(always)]
    fn and(self, other: Self) -> Self {
        self & other
    }
    #[inline(always)]
    fn left<const BY: u32>(self) -> Self {
        self << BY
    }
    #[inline(always)]
    fn right<const BY: u32>(self) -> Self {
        self >> BY
    }
}

/// A hash in base64, which is 28 characters, the last of which stands for none. The first of four is the
/// lowest byte.
#[inline(always)]
fn spelled<W: Words>([a, b, c, d, e]: [W; 5]) -> [W; 7] {
    let low = |w: W| w.left::<16>();
    let threes = [
        a.right::<8>(),
        low(a).with(b.right::<16>()),
        b.left::<8>().with(c.right::<24>()),
        c,
        d.right::<8>(),
        low(d).with(e.right::<16>()),
        e.left::<8>(),
    ];
    threes.map(|three| {
        let first = three.right::<18>().and(W::all(0x3f));
        let second = three.right::<4>().and(W::all(0x3f00));
        let third = three.left::<10>().and(W::all(0x3f_0000));
        let fourth = three.left::<24>().and(W::all(0x3f00_0000));
        let six_bits = first.with(second).with(third).with(fourth);
        // What is added to those from this one on, each in its byte.
        let from = |least: u8, what: u8| {
            let high = six_bits.plus(W::all((128 - u32::from(least)) * EACH)).and(W::all(0x80 * EACH));
            high.minus(high.right::<7>()).and(W::all(u32::from(what) * EACH))
        };
        let letters = six_bits.plus(W::all(u32::from(b'A') * EACH)).plus(from(26, b'a' - b'Z' - 1));
        let digits = letters.minus(from(52, b'z' + 1 - b'0'));
        digits.minus(from(62, b'9' + 1 - b'+')).plus(from(63, b'/' - b'+' - 1))
    })
}

/// A one in each byte.
const EACH: u32 = 0x0101_0101;

/// The SHA-1 (FIPS 180-4) of a block. Libraries spell all of its 80 rounds out, for long texts: that
/// would be 4 KB more in the guest; and they have no way to hash several texts at once.
#[inline(always)]
fn sha1<W: Words>(message: &[W; 16]) -> [W; 5] {
    let start = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476, 0xc3d2_e1f0].map(W::all);
    let mut words = [message[0]; 80];
    words[..16].copy_from_slice(message);
    for i in 16..words.len() {
        let next = words[i - 3].xor(words[i - 8]).xor(words[i - 14]).xor(words[i - 16]);
        words[i] = next.rotated::<1, 31>();
    }
    let (fives, _) = words.as_chunks();
    let end = rounds(start, &fives[..4], 0x5a82_7999, |b, c, d| d.xor(b.and(c.xor(d))));
    let end = rounds(end, &fives[4..8], 0x6ed9_eba1, |b, c, d| b.xor(c).xor(d));
    let end = rounds(end, &fives[8..12], 0x8f1b_bcdc, |b, c, d| b.and(c).with(d.and(b.xor(c))));
    let end = rounds(end, &fives[12..], 0xca62_c1d6, |b, c, d| b.xor(c).xor(d));
    let [a, b, c, d, e] = end;
    [start[0].plus(a), start[1].plus(b), start[2].plus(c), start[3].plus(d), start[4].plus(e)]
}

/// A quarter of the rounds, which mix three of the words in one way. Five are spelled out, behind which
/// all words are where they were.
#[inline(always)]
fn rounds<W: Words>(
    [mut a, mut b, mut c, mut d, mut e]: [W; 5],
    fives: &[[W; 5]],
    constant: u32,
    mix: impl Fn(W, W, W) -> W,
) -> [W; 5] {
    let round = |word: W, a: W, b: &mut W, c: W, d: W, e: &mut W| {
        // What is known first is summed first.
        let sum = e.plus(W::all(constant).plus(word)).plus(mix(*b, c, d));
        *b = b.rotated::<30, 2>();
        *e = sum.plus(a.rotated::<5, 27>());
    };
    // Spelled out, all of them would be as many bytes as in a library.
    for &[v, w, x, y, z] in std::hint::black_box(fives) {
        round(v, a, &mut b, c, d, &mut e);
        round(w, e, &mut a, b, c, &mut d);
        round(x, d, &mut e, a, b, &mut c);
        round(y, c, &mut d, e, a, &mut b);
        round(z, b, &mut c, d, e, &mut a);
    }
    [a, b, c, d, e]
}

/// The type of message that answers this one, or that this one answers.
fn icmp_counterpart(kind: u8) -> Option<u8> {
    Some(match kind {
        0 => 8,
        8 => 0,
        9 => 10,
        10 => 9,
        13 => 14,
        14 => 13,
        15 => 16,
        16 => 15,
        17 => 18,
        18 => 17,
        _ => return None,
    })
}

fn ipv6_icmp_counterpart(kind: u8) -> Option<u8> {
    Some(match kind {
        128 => 129,
        129 => 128,
        130 => 131,
        131 => 130,
        133 => 134,
        134 => 133,
        135 => 136,
        136 => 135,
        139 => 140,
        140 => 139,
        144 => 145,
        145 => 144,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use base64::{Engine as _, prelude::BASE64_STANDARD as STANDARD};
    use proptest::prelude::*;
    use sha1::{Digest as _, Sha1};

    use super::*;

    /// A text of up to 55 bytes as a block.
    fn block(text: &[u8]) -> FlowMessage {
        let mut bytes = [0; 64];
        bytes[..text.len()].copy_from_slice(text);
        bytes[text.len()] = 0x80;
        bytes[56..].copy_from_slice(&(text.len() as u64 * 8).to_be_bytes());
        let mut words = bytes.as_chunks().0.iter().map(|word| u32::from_be_bytes(*word));
        std::array::from_fn(|_| words.next().unwrap())
    }

    fn bytes(words: [u32; 5]) -> [u8; 20] {
        let bytes: Vec<u8> = words.into_iter().flat_map(u32::to_be_bytes).collect();
        bytes.try_into().unwrap()
    }

    fn id_of(source: &str, destination: &str, protocol: u8, ports: Option<(u16, u16)>) -> Option<String> {
        let id = v1(source.parse().unwrap(), destination.parse().unwrap(), protocol, ports)?;
        Some(String::from_utf8(id.to_vec()).unwrap())
    }

    /// The vectors of the reference implementation.
    #[test]
    fn known_flows() {
        let ports = |a, b| Some((a, b));
        for (source, destination, protocol, ports, want) in [
            ("128.232.110.120", "66.35.250.204", TCP, ports(34855, 80), "1:LQU9qZlK+B5F3KDmev6m5PMibrg="),
            ("66.35.250.204", "128.232.110.120", TCP, ports(80, 34855), "1:LQU9qZlK+B5F3KDmev6m5PMibrg="),
            ("10.0.0.1", "10.0.0.2", TCP, ports(10, 11569), "1:SXBGMX1lBOwhhoDrZynfROxnhnM="),
            ("1.2.3.4", "5.6.7.8", TCP, ports(1122, 3344), "1:wCb3OG7yAFWelaUydu0D+125CLM="),
            ("192.168.1.52", "8.8.8.8", UDP, ports(54585, 53), "1:d/FP5EW3wiY1vCndhwleRRKHowQ="),
            ("8.8.8.8", "192.168.1.52", UDP, ports(53, 54585), "1:d/FP5EW3wiY1vCndhwleRRKHowQ="),
            ("192.168.170.8", "192.168.170.56", SCTP, ports(7, 80), "1:jQgCxbku+pNGw8WPbEc/TS/uTpQ="),
            ("192.168.170.56", "192.168.170.8", SCTP, ports(80, 7), "1:jQgCxbku+pNGw8WPbEc/TS/uTpQ="),
            ("192.168.0.89", "192.168.0.1", ICMP, ports(8, 0), "1:X0snYXpgwiv9TZtqg64sgzUn6Dk="),
            ("192.168.0.1", "192.168.0.89", ICMP, ports(0, 8), "1:X0snYXpgwiv9TZtqg64sgzUn6Dk="),
            // The code of a reply makes no difference; that of a message without reply does.
            ("192.168.0.1", "192.168.0.89", ICMP, ports(0, 20), "1:X0snYXpgwiv9TZtqg64sgzUn6Dk="),
            ("192.168.0.89", "192.168.0.1", ICMP, ports(20, 0), "1:3o2RFccXzUgjl7zDpqmY7yJi8rI="),
            ("192.168.0.89", "192.168.0.1", ICMP, ports(20, 1), "1:tz/fHIDUHs19NkixVVoOZywde+I="),
            (
                "fe80::200:86ff:fe05:80da",
                "fe80::260:97ff:fe07:69ea",
                58,
                ports(135, 0),
                "1:dGHyGvjMfljg6Bppwm3bg0LO8TY=",
            ),
            (
                "fe80::260:97ff:fe07:69ea",
                "fe80::200:86ff:fe05:80da",
                58,
                ports(136, 0),
                "1:dGHyGvjMfljg6Bppwm3bg0LO8TY=",
            ),
            ("fe80::260:97ff:fe07:69ea", "ff02::1", 58, ports(134, 0), "1:pkvHqCL88/tg1k4cPigmZXUtL00="),
            (
                "3ffe:507:0:1:260:97ff:fe07:69ea",
                "3ffe:507:0:1:200:86ff:fe05:80da",
                58,
                ports(3, 0),
                "1:NdobDX8PQNJbAyfkWxhtL2Pqp5w=",
            ),
            (
                "3ffe:507:0:1:200:86ff:fe05:80da",
                "3ffe:507:0:1:260:97ff:fe07:69ea",
                58,
                ports(3, 0),
                "1:/OGBt9BN1ofenrmSPWYicpij2Vc=",
            ),
            ("10.1.24.4", "10.1.12.1", 46, None, "1:/nQI4Rh/TtY3mf0R2gJFBkVlgS4="),
            ("10.1.12.1", "10.1.24.4", 46, ports(0, 0), "1:/nQI4Rh/TtY3mf0R2gJFBkVlgS4="),
        ] {
            assert_eq!(
                id_of(source, destination, protocol, ports).as_deref(),
                Some(want),
                "{source} {destination}"
            );
        }
    }

    proptest! {
        #[test]
        fn hashes_are_those_of_the_library(texts in prop::array::uniform4(prop::collection::vec(any::<u8>(), 0..=55))) {
            let want = texts.each_ref().map(|text| <[u8; 20]>::from(Sha1::digest(text)));
            let blocks = texts.each_ref().map(|text| block(text));
            let one_by_one = blocks.map(|block| bytes(sha1(&block)));
            let lanes: [[u32; 4]; 16] = std::array::from_fn(|word| blocks.map(|block| block[word]));
            let at_once = sha1(&lanes.map(u32x4::new)).map(u32x4::to_array);
            prop_assert_eq!(one_by_one, want);
            prop_assert_eq!([0, 1, 2, 3].map(|lane| bytes(at_once.map(|words| words[lane]))), want);
            let spelled = want.map(|hash| {
                let mut id = *b"1:                            ";
                assert_eq!(STANDARD.encode_slice(hash, &mut id[2..]), Ok(28));
                String::from_utf8(id.to_vec()).unwrap()
            });
            prop_assert_eq!(ids(&lanes).map(|id| String::from_utf8(id.to_vec()).unwrap()), spelled.clone());
            prop_assert_eq!(blocks.map(|block| String::from_utf8(id(&block).to_vec()).unwrap()), spelled);
        }
    }

    #[test]
    fn no_id_without_what_it_is_made_of() {
        assert_eq!(id_of("10.0.0.1", "10.0.0.2", TCP, None), None);
        assert_eq!(id_of("10.0.0.1", "10.0.0.2", ICMP, None), None);
        assert_eq!(id_of("10.0.0.1", "::1", UDP, Some((1, 2))), None);
        // Some products put other numbers there.
        assert_eq!(id_of("10.0.0.1", "10.0.0.2", ICMP, Some((24954, 59))), None);
    }

    #[test]
    fn equal_addresses_are_ordered_by_port() {
        let (a, b) = (id_of("::1", "::1", TCP, Some((1, 2))), id_of("::1", "::1", TCP, Some((2, 1))));
        assert_eq!(a, b);
        assert!(a.is_some());
    }
}
