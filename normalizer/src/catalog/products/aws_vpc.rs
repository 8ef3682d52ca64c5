//! Amazon VPC flow logs.
//!
//! Specification: "Amazon VPC User Guide", "Flow log records".
//!
//! ```text
//! 2 123456789010 eni-1235b8ca123456789 172.31.16.139 172.31.16.21 20641 22 6 20 4249 1418530010 1418530070 ACCEPT OK
//! ```
//!
//! The default format is version 2: 14 columns with blanks between them, times in epoch seconds.
//! A custom format is read by its header row, or by the layout that is given. It may have the
//! fields of versions 3 to 10 in any order, so its lines are not known without one. The addresses
//! of a packet inside (`pkt-srcaddr`, `pkt-dstaddr`) have no field: behind a gateway between, the
//! flow's addresses are those of the gateway. Richer schemas have a place for them. The clusters,
//! tasks and containers of ECS have no field. An account of `unknown` stands for no account: the interface is one
//! of a service. Athena's tables spell some names in their own way (`sourceaddress`, `numbytes`).
//!
//! Rows of Parquet files are keyed records, which hosts make of them. No gap is known.

use crate::{bytes::scan, catalog::{meaning::Meaning, product::{A, B, C, D, E, Entry, F, G, H, I, J, Lines, Product, Shape, To, entry}}, record::fields::Field, value::{addresses, time::Unit, words::{self, ACTION, DIRECTION, LOG_STATUS}}};

const ENTRIES: &[Entry] = &[
    entry(&["version"], To::Version("2")).shape(Shape::AtLeast(2)),
    entry(&["account-id", "account"], To::Text(Field::AccountId)).shape(Shape::Digits(12)).absent(&["unknown"]).with(A),
    entry(&["interface-id"], To::Text(Field::InterfaceId)).shape(Shape::Prefix("eni-")).with(A | B | C | D | E | F | G),
    entry(&["srcaddr", "sourceaddress"], To::Address(Field::SrcIp)).with(J),
    entry(&["dstaddr", "destinationaddress"], To::Address(Field::DstIp)),
    entry(&["srcport", "sourceport"], To::Number(Field::SrcPort)),
    entry(&["dstport", "destinationport"], To::Number(Field::DstPort)),
    entry(&["protocol"], To::Protocol),
    entry(&["packets", "numpackets"], To::Number(Field::Packets)),
    entry(&["bytes", "numbytes"], To::Number(Field::Bytes)),
    entry(&["start", "starttime"], To::Time(Field::StartMs, Unit::Seconds)),
    entry(&["end", "endtime"], To::Time(Field::EndMs, Unit::Seconds)),
    entry(&["action"], To::Word(Field::Action, ACTION)).with(I),
    entry(&["log-status"], To::Word(Field::LogStatus, LOG_STATUS)).shape(Shape::Word(LOG_STATUS)),
    entry(&["vpc-id"], To::Text(Field::VpcId)).with(B),
    entry(&["subnet-id"], To::Text(Field::SubnetId)).with(C),
    entry(&["instance-id"], To::Text(Field::InstanceId)).with(D),
    entry(&["tcp-flags"], To::Number(Field::TcpFlags)).with(E),
    entry(&["type"], To::Extra).with(F),
    entry(&["pkt-srcaddr"], To::Extra).means(Meaning::PacketSource).telling(),
    entry(&["pkt-dstaddr"], To::Extra).means(Meaning::PacketDestination).telling(),
    entry(&["region"], To::Text(Field::Region)).with(G),
    entry(&["az-id"], To::Extra).means(Meaning::Zone).with(J),
    entry(&["sublocation-type"], To::Extra),
    entry(&["sublocation-id"], To::Extra),
    entry(&["pkt-src-aws-service"], To::Extra).means(Meaning::PacketSourceService).telling(),
    entry(&["pkt-dst-aws-service"], To::Extra).means(Meaning::PacketDestinationService).telling(),
    entry(&["flow-direction"], To::Word(Field::Direction, DIRECTION)).with(H),
    entry(&["traffic-path"], To::Text(Field::TrafficPath)).with(H),
    entry(&["ecs-cluster-arn"], To::Extra).means(Meaning::ClusterArn),
    entry(&["ecs-cluster-name"], To::Extra).means(Meaning::Cluster),
    entry(&["ecs-container-instance-arn"], To::Extra),
    entry(&["ecs-container-instance-id"], To::Extra),
    entry(&["ecs-container-id"], To::Extra).means(Meaning::Container),
    entry(&["ecs-second-container-id"], To::Extra),
    entry(&["ecs-service-name"], To::Extra),
    entry(&["ecs-task-definition-arn"], To::Extra),
    entry(&["ecs-task-arn"], To::Extra).means(Meaning::TaskArn),
    entry(&["ecs-task-id"], To::Extra).means(Meaning::Task),
    entry(&["reject-reason"], To::Extra).means(Meaning::RejectReason).with(I),
    entry(&["resource-id"], To::Text(Field::ResourceId)),
    entry(&["encryption-status"], To::Extra),
];

pub(crate) const PRODUCT: Product = Product {
    id: "aws-vpc",
    provider: "aws",
    product: "vpc",
    kind: "flow",
    title: "Amazon VPC: flow logs",
    lines: Lines::Detected(14),
    topics: &[],
    layout_begins: &[],
    entries: ENTRIES,
};

/// A custom format of AWS has no more fields.
const MOST_FIELDS: usize = 64;

/// Whether these may be the columns of an AWS flow log in a format that somebody chose: the id of an
/// interface as only AWS has them, beside an address or a word of the table, and no prose.
pub(crate) fn is_custom(columns: &mut dyn Iterator<Item = &str>) -> bool {
    let (mut interface, mut other) = (false, false);
    for column in columns.take(MOST_FIELDS) {
        match column.strip_prefix("eni-") {
            Some(id) => interface |= matches!(id.len(), 8 | 17) && scan::is_hexadecimal(id.as_bytes()),
            None => {
                let is_word = |words| words::find(words, column).is_some();
                if column.bytes().all(|b| b.is_ascii_lowercase()) && !is_word(DIRECTION) {
                    return false;
                }
                other |= is_word(LOG_STATUS) || is_word(ACTION) || addresses::read(column).is_some();
            }
        }
    }
    interface && other
}
