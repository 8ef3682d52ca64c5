//! Alibaba Cloud CEN transit router flow logs.
//!
//! Specification: `CreateFlowlog` of the CBN API (2017-09-12), `LogFormatString`; "Cloud
//! Enterprise Network: flow log fields".
//!
//! ```text
//! {"__time__":"1718000400","account-id":"1234567890123456","cen-id":"cen-7qthudw0ll6jmc0000","src-region-id":"us-east-1","dst-region-id":"us-west-1","srcaddr":"10.0.0.1","srcport":"53870","dstaddr":"10.1.0.2","dstport":"443","protocol":"6","packets":"12","bytes":"4096","start":"1718000340","end":"1718000400","direction":"out"}
//! ```
//!
//! SLS stores the fields that the format string chose, by name, as strings. A record may hold
//! only `srcaddr`, `dstaddr` and `bytes`; then nothing tells the product. `in` is into the
//! cloud; flows between regions are always `out`.
//!
//! Tencent's flow logs of cross-region traffic name both regions by the same keys, but have neither
//! a direction nor an instance of CEN, so regions alone tell nothing.
//!
//! Known gaps: there is no action, status or version. That times are epoch seconds is
//! inferred, and so are the names of version 3: transit router, `dscp`, lost packets.

use crate::{catalog::product::{A, B, C, Entry, Lines, Product, To, entry}, record::fields::Field, value::{time::Unit, words::DIRECTION}};

const ENTRIES: &[Entry] = &[
    entry(&["srcaddr"], To::Address(Field::SrcIp)).with(A | B | C),
    entry(&["dstaddr"], To::Address(Field::DstIp)).with(A | B | C),
    entry(&["bytes"], To::Number(Field::Bytes)),
    entry(&["srcport"], To::Number(Field::SrcPort)),
    entry(&["dstport"], To::Number(Field::DstPort)),
    entry(&["protocol"], To::Protocol),
    entry(&["packets"], To::Number(Field::Packets)),
    entry(&["start"], To::Time(Field::StartMs, Unit::Seconds)),
    entry(&["end"], To::Time(Field::EndMs, Unit::Seconds)),
    entry(&["direction"], To::Word(Field::Direction, DIRECTION)).with(C),
    entry(&["account-id"], To::Text(Field::AccountId)),
    entry(&["cen-id"], To::Text(Field::InstanceId)).telling(),
    entry(&["attachment-id", "tr-attachment-id"], To::Text(Field::ResourceId)).with(A),
    entry(&["src-region-id"], To::Text(Field::SrcRegion)).with(C),
    entry(&["dst-region-id"], To::Text(Field::DstRegion)).with(C),
    entry(&["transit-router-id", "tr-id"], To::Extra).with(B),
    entry(&["dscp"], To::Extra),
    entry(&["packets-lost-no-route"], To::Extra),
    entry(&["packets-lost-blackhole"], To::Extra),
    entry(&["packets-lost-ttl-expired"], To::Extra),
];

pub(crate) const PRODUCT: Product = Product {
    id: "alibaba-cen",
    provider: "alibaba",
    product: "cen",
    kind: "flow",
    title: "Cloud Enterprise Network: transit router flow logs",
    lines: Lines::None,
    topics: &[],
    layout_begins: &["srcaddr", "dstaddr", "bytes"],
    entries: ENTRIES,
};
