//! Huawei Cloud Enterprise Router flow logs.
//!
//! Specification: "Enterprise Router User Guide", flow logs.
//!
//! ```text
//! 1 0605768ad980d5762f8ac010b919754c 9e00a67c-b21e-435f-9da6-20004b8392e9 a5cbd16c-7d99-4000-8f14-526ec48298ce 192.168.1.199 1.1.1.1 8 0 1 229 22442 1664007127 1664007727 egress
//! ```
//!
//! 14 columns like a VPC flow log's, told apart by what is in them: the fourth is a UUID and
//! the last a direction. Times are epoch seconds, as in VPC flow logs.
//!
//! Known gaps: one page of the vendor swaps columns 3 and 4 in its text; both are UUIDs, so
//! the sample's order is taken. There is no action and no status.

use crate::{catalog::product::{A, B, C, Entry, Lines, Product, Shape, To, entry}, record::fields::Field, value::{time::Unit, words::DIRECTION}};

const ENTRIES: &[Entry] = &[
    entry(&["version"], To::Version("1")),
    entry(&["project_id"], To::Text(Field::AccountId)).shape(Shape::Hex(32)).with(C),
    entry(&["resource_id"], To::Text(Field::ResourceId)).shape(Shape::Uuid).with(A | C),
    entry(&["instance_id"], To::Text(Field::InstanceId)).shape(Shape::Uuid).with(B | C),
    entry(&["srcaddr"], To::Address(Field::SrcIp)),
    entry(&["dstaddr"], To::Address(Field::DstIp)),
    entry(&["srcport"], To::Number(Field::SrcPort)),
    entry(&["dstport"], To::Number(Field::DstPort)),
    entry(&["protocol"], To::Protocol),
    entry(&["packets"], To::Number(Field::Packets)),
    entry(&["bytes"], To::Number(Field::Bytes)),
    entry(&["start"], To::Time(Field::StartMs, Unit::Seconds)),
    entry(&["end"], To::Time(Field::EndMs, Unit::Seconds)),
    entry(&["direct"], To::Word(Field::Direction, DIRECTION)).shape(Shape::Word(DIRECTION)).with(A | B),
    entry(&["hostIP"], To::Envelope),
];

pub(crate) const PRODUCT: Product = Product {
    id: "huawei-er",
    provider: "huawei",
    product: "er",
    kind: "flow",
    title: "Enterprise Router: flow logs",
    lines: Lines::Detected(14),
    topics: &[],
    layout_begins: &[],
    entries: ENTRIES,
};
