//! Alibaba Cloud Firewall traffic logs.
//!
//! Specification: "Cloud Firewall User Guide", log fields; topic `cloudfirewall_access_log`.
//!
//! ```text
//! {"__topic__":"cloudfirewall_access_log","aliuid":"1234567890123456","log_type":"internet_log","direction":"in","ip_protocol":"tcp","src_ip":"203.0.113.9","src_port":"53870","dst_ip":"10.1.0.2","dst_port":"443","in_packet_bytes":"4096","in_packet_count":"12","out_packet_bytes":"512","out_packet_count":"9","total_packet_bytes":"4608","total_packet_count":"21","start_time":"1718000340","end_time":"1718000400","rule_result":"pass","app_name":"HTTPS","domain":"www.example.com","url":"/","region_id":"cn-hangzhou","acl_rule_id":"00000000-0000-0000-0000-000000000000"}
//! ```
//! (made from the list of fields)
//!
//! Times are epoch seconds. The `in` and `out` counters are those of the protected side. With
//! direction `in` that is the destination, so `in` is from source to destination; with `out`
//! it is the reverse. Without a direction they stay as they are.
//!
//! The firewalls at the Internet, at NAT gateways and between VPCs log different fields. The one
//! between VPCs knows no direction, and always writes `out`: there it says nothing, nor do the
//! counters, of which only the totals have a field. A rule of zeros is no rule, `Unknown` no
//! application that was recognised, `YY` no country that is known.
//!
//! `rule_id` is the access control policy's; the intrusion prevention's rules, and how grave they
//! take what they found, stay as they are, like rates.

use crate::{catalog::product::{A, B, C, D, E, Entry, Lines, Product, To, entry}, record::fields::Field, value::{time::Unit, words::{ACTION, DIRECTION}}};

const ENTRIES: &[Entry] = &[
    entry(&["aliuid"], To::Text(Field::AccountId)),
    // Ahead of the counters, which depend on it.
    entry(&["direction"], To::Word(Field::Direction, DIRECTION)),
    entry(&["log_type"], To::Silences("vpc_firewall_log", Field::Direction)).with(B),
    entry(&["ip_protocol"], To::Protocol).with(B),
    entry(&["src_ip"], To::Address(Field::SrcIp)),
    entry(&["src_port"], To::Number(Field::SrcPort)),
    entry(&["dst_ip"], To::Address(Field::DstIp)),
    entry(&["dst_port"], To::Number(Field::DstPort)),
    entry(&["in_packet_bytes"], To::Counter(Field::BytesOut, Field::BytesIn)).with(C),
    entry(&["in_packet_count"], To::Counter(Field::PacketsOut, Field::PacketsIn)).with(D),
    entry(&["out_packet_bytes"], To::Counter(Field::BytesIn, Field::BytesOut)).with(C),
    entry(&["out_packet_count"], To::Counter(Field::PacketsIn, Field::PacketsOut)).with(D),
    entry(&["total_packet_bytes"], To::Number(Field::Bytes)).with(E),
    entry(&["total_packet_count"], To::Number(Field::Packets)).with(E),
    entry(&["start_time"], To::Time(Field::StartMs, Unit::Seconds)),
    entry(&["end_time"], To::Time(Field::EndMs, Unit::Seconds)),
    entry(&["rule_result"], To::Word(Field::Action, ACTION)).with(A | B),
    entry(&["app_name"], To::Text(Field::App)).absent(&["Unknown"]),
    entry(&["domain"], To::Text(Field::Host)),
    entry(&["url"], To::Text(Field::Url)),
    entry(&["region_id"], To::Text(Field::Region)),
    entry(&["acl_rule_id"], To::Text(Field::RuleId))
        .with(A)
        .absent(&["00000000-0000-0000-0000-000000000000"]),
    entry(&["src_vpc_id"], To::Text(Field::SrcVpcId)),
    entry(&["dst_vpc_id"], To::Text(Field::DstVpcId)),
    entry(&["src_region"], To::Text(Field::SrcRegion)),
    entry(&["dst_region"], To::Text(Field::DstRegion)),
    entry(&["cloud_instance_id"], To::Text(Field::InstanceId)),
    entry(&["attack_type_name_en"], To::Text(Field::Attack)),
    // The same in Chinese.
    entry(&["attack_type_name"], To::Text(Field::Attack)),
    entry(&["vul_level"], To::Extra),
    entry(&["ips_rule_id"], To::Extra),
    entry(&["ips_rule_name"], To::Extra),
    entry(&["ips_rule_name_en"], To::Extra),
    entry(&["ips_ai_rule_id"], To::Extra),
    entry(&["rule_source"], To::Extra),
    entry(&["loose_allow_acl_id"], To::Extra),
    entry(&["app_dpi_state"], To::Extra),
    entry(&["src_network_instance_id"], To::Extra),
    entry(&["dst_network_instance_id"], To::Extra),
    entry(&["firewall_id"], To::Extra),
    entry(&["country_id"], To::Extra).absent(&["YY"]),
    entry(&["city_id"], To::Extra),
    entry(&["in_bps"], To::Extra),
    entry(&["out_bps"], To::Extra),
    entry(&["total_bps"], To::Extra),
    entry(&["in_pps"], To::Extra),
    entry(&["out_pps"], To::Extra),
    entry(&["total_pps"], To::Extra),
    entry(&["new_conn"], To::Extra),
    entry(&["tcp_seq"], To::Extra),
    entry(&["start_time_min"], To::Extra),
];

pub(crate) const PRODUCT: Product = Product {
    id: "alibaba-cfw",
    provider: "alibaba",
    product: "cfw",
    kind: "flow",
    title: "Cloud Firewall: traffic logs",
    lines: Lines::None,
    topics: &["cloudfirewall_access_log"],
    layout_begins: &[],
    entries: ENTRIES,
};
