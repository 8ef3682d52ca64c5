//! Amazon VPC flow logs.
//!
//! Specification: "Amazon VPC User Guide", "Flow log records".
//!
//! ```text
//! 2 123456789010 eni-1235b8ca123456789 172.31.16.139 172.31.16.21 20641 22 6 20 4249 1418530010 1418530070 ACCEPT OK
//! ```
//!
//! The default format is version 2: 14 columns with blanks between them, times in epoch seconds.
//! A custom format is read by its header row, or by the layout that is given. The addresses of
//! a packet inside (`pkt-srcaddr`, `pkt-dstaddr`) have no field: behind a gateway between, the flow's
//! addresses are those of the gateway. Richer schemas have a place for them.
//!
//! Known gaps: Parquet files, and the fields of ECS, which go to extra.

use super::{A, B, C, D, E, Entry, F, G, H, I, J, K, Lines, Product, Shape, To, Unit, entry};
use crate::{
    columns::{self, Layout},
    meaning::Meaning,
    record::Field,
    vocabulary::{ACTION, DIRECTION, LOG_STATUS},
};

const ENTRIES: &[Entry] = &[
    entry(&["version"], To::Version("2")).shape(Shape::AtLeast(2)),
    entry(&["account-id"], To::Text(Field::AccountId)).shape(Shape::Digits(12)).with(A),
    entry(&["interface-id"], To::Text(Field::InterfaceId)).shape(Shape::Prefix("eni-")).with(A | B | C | D | E | F | G),
    entry(&["srcaddr"], To::Address(Field::SrcIp)).with(K),
    entry(&["dstaddr"], To::Address(Field::DstIp)),
    entry(&["srcport"], To::Number(Field::SrcPort)),
    entry(&["dstport"], To::Number(Field::DstPort)),
    entry(&["protocol"], To::Protocol),
    entry(&["packets"], To::Number(Field::Packets)),
    entry(&["bytes"], To::Number(Field::Bytes)),
    entry(&["start"], To::Time(Field::StartMs, Unit::Seconds)),
    entry(&["end"], To::Time(Field::EndMs, Unit::Seconds)),
    entry(&["action"], To::Word(Field::Action, ACTION)).with(I | J),
    entry(&["log-status"], To::Word(Field::LogStatus, LOG_STATUS)).shape(Shape::Word(LOG_STATUS)),
    entry(&["vpc-id"], To::Text(Field::VpcId)).with(B),
    entry(&["subnet-id"], To::Text(Field::SubnetId)).with(C),
    entry(&["instance-id"], To::Text(Field::InstanceId)).with(D),
    entry(&["tcp-flags"], To::Number(Field::TcpFlags)).with(E),
    entry(&["type"], To::Extra).with(F),
    entry(&["pkt-srcaddr"], To::Extra).means(Meaning::PacketSource).telling(),
    entry(&["pkt-dstaddr"], To::Extra).means(Meaning::PacketDestination).telling(),
    entry(&["region"], To::Text(Field::Region)).with(G),
    entry(&["az-id"], To::Extra).means(Meaning::Zone).with(K),
    entry(&["sublocation-type"], To::Extra),
    entry(&["sublocation-id"], To::Extra),
    entry(&["pkt-src-aws-service"], To::Extra).means(Meaning::PacketSourceService).telling(),
    entry(&["pkt-dst-aws-service"], To::Extra).means(Meaning::PacketDestinationService).telling(),
    entry(&["flow-direction"], To::Word(Field::Direction, DIRECTION)).with(H | I),
    entry(&["traffic-path"], To::Text(Field::TrafficPath)).with(H),
    entry(&["reject-reason"], To::Extra).means(Meaning::RejectReason).with(J),
];

struct Columns;

impl Layout for Columns {
    const PRODUCT: &Product = &PRODUCT;
}

pub(super) const PRODUCT: Product = Product {
    id: "aws-vpc",
    provider: "aws",
    product: "vpc",
    kind: "flow",
    title: "Amazon VPC: flow logs",
    lines: Lines::Detected(14),
    writer: Some(columns::write::<Columns>),
    topics: &[],
    layout_begins: &[],
    entries: ENTRIES,
};
