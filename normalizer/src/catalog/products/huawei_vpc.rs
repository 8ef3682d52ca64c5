//! Huawei Cloud VPC flow logs.
//!
//! Specification: "Virtual Private Cloud User Guide", section "Viewing a VPC Flow Log".
//!
//! ```text
//! 1 5f67944957444bd6bb4fe3b367de8f3d 1d515d18-1b36-47dc-a983-bd6512aed4bd 192.168.0.154 192.168.3.25 38929 53 17 1 96 1548752136 1548752736 ACCEPT OK
//! ```
//!
//! 14 columns with blanks between them. Times are epoch seconds. With `NODATA` and `SKIPDATA`
//! all but the ids and the window is `-`. Keyed records use the names of LTS's system
//! template, with underscores; a key matches in either spelling.
//!
//! AWS has the interface under the same key, so the project must stand beside it.
//!
//! Known gaps: there is no direction; a conversation is two records. Other versions, custom
//! formats and the form of IPv6 records are not documented; IPv6 addresses are read.

use crate::{catalog::product::{A, Entry, Lines, Product, Shape, To, entry}, record::fields::Field, value::{time::Unit, words::{ACTION, LOG_STATUS}}};

const ENTRIES: &[Entry] = &[
    entry(&["version"], To::Version("1")),
    entry(&["project-id"], To::Text(Field::AccountId)).shape(Shape::Hex(32)).with(A),
    entry(&["interface-id"], To::Text(Field::InterfaceId)).shape(Shape::Uuid).with(A),
    entry(&["srcaddr"], To::Address(Field::SrcIp)),
    entry(&["dstaddr"], To::Address(Field::DstIp)),
    entry(&["srcport"], To::Number(Field::SrcPort)),
    entry(&["dstport"], To::Number(Field::DstPort)),
    entry(&["protocol"], To::Protocol),
    entry(&["packets"], To::Number(Field::Packets)),
    entry(&["bytes"], To::Number(Field::Bytes)),
    entry(&["start"], To::Time(Field::StartMs, Unit::Seconds)),
    entry(&["end"], To::Time(Field::EndMs, Unit::Seconds)),
    entry(&["action"], To::Word(Field::Action, ACTION)),
    entry(&["log-status"], To::Word(Field::LogStatus, LOG_STATUS)).shape(Shape::Word(LOG_STATUS)),
    entry(&["hostIP"], To::Envelope),
];

pub(crate) const PRODUCT: Product = Product {
    id: "huawei-vpc",
    provider: "huawei",
    product: "vpc",
    kind: "flow",
    title: "Virtual Private Cloud: VPC flow logs",
    lines: Lines::Detected(14),
    topics: &[],
    layout_begins: &[],
    entries: ENTRIES,
};
