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

use super::{Entry, Lines, Product, Shape, To, Unit, entry};
use crate::{
    columns::{self, Layout},
    meaning::Meaning,
    record::Field,
    vocabulary::{ACTION, DIRECTION, LOG_STATUS},
};

const ENTRIES: &[Entry] = &[
    entry(&["version"], To::Version("2")),
    entry(&["account-id"], To::Text(Field::AccountId)).shape(Shape::Digits(12)),
    entry(&["interface-id"], To::Text(Field::InterfaceId)).shape(Shape::Prefix("eni-")).telling(),
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
    entry(&["vpc-id"], To::Text(Field::VpcId)),
    entry(&["subnet-id"], To::Text(Field::SubnetId)),
    entry(&["instance-id"], To::Text(Field::InstanceId)),
    entry(&["tcp-flags"], To::Number(Field::TcpFlags)),
    entry(&["type"], To::Extra),
    entry(&["pkt-srcaddr"], To::Extra).means(Meaning::PacketSource).telling(),
    entry(&["pkt-dstaddr"], To::Extra).means(Meaning::PacketDestination).telling(),
    entry(&["region"], To::Text(Field::Region)),
    entry(&["az-id"], To::Extra).means(Meaning::Zone).telling(),
    entry(&["sublocation-type"], To::Extra),
    entry(&["sublocation-id"], To::Extra),
    entry(&["pkt-src-aws-service"], To::Extra).means(Meaning::PacketSourceService).telling(),
    entry(&["pkt-dst-aws-service"], To::Extra).means(Meaning::PacketDestinationService).telling(),
    entry(&["flow-direction"], To::Word(Field::Direction, DIRECTION)).telling(),
    entry(&["traffic-path"], To::Text(Field::TrafficPath)),
    entry(&["reject-reason"], To::Extra).means(Meaning::RejectReason).telling(),
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
