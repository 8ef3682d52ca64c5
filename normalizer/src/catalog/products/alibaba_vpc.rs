//! Alibaba Cloud VPC flow logs.
//!
//! Specification: "Simple Log Service User Guide" and "Virtual Private Cloud User Guide",
//! flow log fields.
//!
//! ```text
//! {"__time__":"1718000400","__topic__":"flow_log","version":"1","account-id":"1234567890123456","eni-id":"eni-bp166tg9uk1ryf000000","vm-id":"i-bp1a0000000000000000","vswitch-id":"vsw-bp1b000000000000000","vpc-id":"vpc-bp1c0000000000000000","type":"IPv4","protocol":"6","srcaddr":"10.0.0.1","srcport":"53870","dstaddr":"10.1.0.2","dstport":"443","direction":"out","action":"ACCEPT","packets":"12","bytes":"4096","start":"1718000340","end":"1718000400","log-status":"OK","tcp-flags":"19","traffic_path":"8"}
//! ```
//! (made from the list of fields)
//!
//! Every value is a string. The direction is seen from the interface; a TCP connection is
//! two records. `traffic_path` is a number now and was a word; both stay as they are.
//!
//! Known gaps: which keys remain with `NODATA` and `SKIPDATA` is not documented, so none is
//! required; nor what the paths 12 to 22 are.

use crate::{catalog::product::{A, B, C, Entry, Lines, Product, To, entry}, record::fields::Field, value::{time::Unit, words::{ACTION, DIRECTION, LOG_STATUS}}};

const ENTRIES: &[Entry] = &[
    entry(&["version"], To::Version("1")),
    entry(&["account-id"], To::Text(Field::AccountId)).with(C),
    entry(&["eni-id"], To::Text(Field::InterfaceId)).with(A | B | C),
    entry(&["vm-id"], To::Text(Field::InstanceId)).with(A),
    entry(&["vswitch-id"], To::Text(Field::SubnetId)).telling(),
    entry(&["vpc-id"], To::Text(Field::VpcId)),
    entry(&["region"], To::Text(Field::Region)),
    entry(&["type"], To::Extra),
    entry(&["protocol"], To::Protocol),
    entry(&["srcaddr"], To::Address(Field::SrcIp)),
    entry(&["srcport"], To::Number(Field::SrcPort)),
    entry(&["dstaddr"], To::Address(Field::DstIp)),
    entry(&["dstport"], To::Number(Field::DstPort)),
    entry(&["direction"], To::Word(Field::Direction, DIRECTION)),
    entry(&["action"], To::Word(Field::Action, ACTION)),
    entry(&["packets"], To::Number(Field::Packets)),
    entry(&["bytes"], To::Number(Field::Bytes)),
    entry(&["start"], To::Time(Field::StartMs, Unit::Seconds)),
    entry(&["end"], To::Time(Field::EndMs, Unit::Seconds)),
    entry(&["log-status"], To::Word(Field::LogStatus, LOG_STATUS)),
    entry(&["tcp-flags"], To::Number(Field::TcpFlags)),
    entry(&["traffic_path", "rafficPath"], To::Text(Field::TrafficPath)).with(B),
    entry(&["srctype"], To::Extra),
    entry(&["dsttype"], To::Extra),
];

pub(crate) const PRODUCT: Product = Product {
    id: "alibaba-vpc",
    provider: "alibaba",
    product: "vpc",
    kind: "flow",
    title: "Virtual Private Cloud: flow logs",
    lines: Lines::None,
    topics: &["flow_log"],
    layout_begins: &[],
    entries: ENTRIES,
};
