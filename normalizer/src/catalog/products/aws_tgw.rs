//! AWS Transit Gateway flow logs.
//!
//! Specification: "AWS Transit Gateway" guide, "Transit Gateway Flow Log records".
//!
//! ```text
//! 6 TransitGateway 123456789012 tgw-0a1b2c3d4e5f60718 tgw-attach-0a1b2c3d4e5f60718 123456789012 210987654321 vpc-0a1b2c3d vpc-4e5f6071 subnet-0a1b2c3d subnet-4e5f6071 eni-0a1b2c3d eni-4e5f6071 use1-az1 use1-az2 tgw-attach-0f1e2d3c4b5a69788 10.0.0.62 10.1.0.5 43416 443 6 8 568 1718000340 1718000400 OK IPv4 0 0 0 0 2 us-east-1 egress - -
//! ```
//! (made from the list of fields)
//!
//! The default format has all 36 fields of version 6 in the order of the vendor's list, times in
//! epoch seconds. A custom format is read by its header row, or by the layout that is given. The
//! gateway is the instance, its attachment the resource; the VPCs are those of both ends. There
//! is no action. Packets that were lost, zones, accounts and interfaces of the ends have no field.
//!
//! Rows of Parquet files are keyed records, which hosts make of them. No gap is known.

use crate::{catalog::{meaning::Meaning, product::{Entry, Lines, Product, Shape, To, entry}}, record::fields::Field, value::{time::Unit, words::{DIRECTION, LOG_STATUS, Word}}};

const RESOURCES: &[Word] = &[
    ("TransitGateway", "TransitGateway", false),
    ("TransitGatewayAttachment", "TransitGatewayAttachment", false),
];

const ENTRIES: &[Entry] = &[
    entry(&["version"], To::Version("6")).shape(Shape::AtLeast(6)),
    entry(&["resource-type"], To::Extra).shape(Shape::Word(RESOURCES)),
    entry(&["account-id"], To::Text(Field::AccountId)).shape(Shape::Digits(12)).absent(&["unknown"]),
    entry(&["tgw-id"], To::Text(Field::InstanceId)).shape(Shape::Prefix("tgw-")).telling(),
    entry(&["tgw-attachment-id"], To::Text(Field::ResourceId)).shape(Shape::Prefix("tgw-attach-")).telling(),
    entry(&["tgw-src-vpc-account-id"], To::Extra).telling(),
    entry(&["tgw-dst-vpc-account-id"], To::Extra).telling(),
    entry(&["tgw-src-vpc-id"], To::Text(Field::SrcVpcId)).telling(),
    entry(&["tgw-dst-vpc-id"], To::Text(Field::DstVpcId)).telling(),
    entry(&["tgw-src-subnet-id"], To::Extra).means(Meaning::SourceSubnet).telling(),
    entry(&["tgw-dst-subnet-id"], To::Extra).means(Meaning::DestinationSubnet).telling(),
    entry(&["tgw-src-eni"], To::Extra).means(Meaning::SourceInterface).telling(),
    entry(&["tgw-dst-eni"], To::Extra).means(Meaning::DestinationInterface).telling(),
    entry(&["tgw-src-az-id"], To::Extra).means(Meaning::SourceZone).telling(),
    entry(&["tgw-dst-az-id"], To::Extra).means(Meaning::DestinationZone).telling(),
    entry(&["tgw-pair-attachment-id"], To::Extra).telling(),
    entry(&["srcaddr"], To::Address(Field::SrcIp)),
    entry(&["dstaddr"], To::Address(Field::DstIp)),
    entry(&["srcport"], To::Number(Field::SrcPort)),
    entry(&["dstport"], To::Number(Field::DstPort)),
    entry(&["protocol"], To::Protocol),
    entry(&["packets"], To::Number(Field::Packets)),
    entry(&["bytes"], To::Number(Field::Bytes)),
    entry(&["start"], To::Time(Field::StartMs, Unit::Seconds)),
    entry(&["end"], To::Time(Field::EndMs, Unit::Seconds)),
    entry(&["log-status"], To::Word(Field::LogStatus, LOG_STATUS)).shape(Shape::Word(LOG_STATUS)),
    entry(&["type"], To::Extra),
    entry(&["packets-lost-no-route"], To::Extra),
    entry(&["packets-lost-blackhole"], To::Extra),
    entry(&["packets-lost-mtu-exceeded"], To::Extra),
    entry(&["packets-lost-ttl-expired"], To::Extra),
    entry(&["tcp-flags"], To::Number(Field::TcpFlags)),
    entry(&["region"], To::Text(Field::Region)),
    entry(&["flow-direction"], To::Word(Field::Direction, DIRECTION)),
    entry(&["pkt-src-aws-service"], To::Extra).means(Meaning::PacketSourceService),
    entry(&["pkt-dst-aws-service"], To::Extra).means(Meaning::PacketDestinationService),
];

pub(crate) const PRODUCT: Product = Product {
    id: "aws-tgw",
    provider: "aws",
    product: "tgw",
    kind: "flow",
    title: "AWS Transit Gateway: flow logs",
    lines: Lines::Detected(36),
    // More columns than a function of its own takes.
    topics: &[],
    layout_begins: &[],
    entries: ENTRIES,
};
