//! Huawei Cloud Firewall access control logs.
//!
//! Specification: Cloud Firewall "API Reference", "Querying Access Control Logs"; "User
//! Guide", "Log Field Description" (LTS).
//!
//! ```text
//! {"action":"deny","app":"PING","dst_ip":"100.85.216.211","dst_port":59,"hit_time":1664164255000,"log_id":"46032","protocol":"ICMP: ECHO_REQUEST","rule_id":"c755be1c-4b92-4ae7-a15e-c2d02b152538","rule_name":"eip_ipv4_w_n_default_deny","src_ip":"100.95.148.49","src_port":24954}
//! ```
//!
//! The event has one instant, `hit_time`, in epoch milliseconds. The action is a word, or
//! 0 for permitted and 1 for denied. A protocol may name the kind of message too.
//!
//! Known gaps: there are no counters and no direction.

use crate::{catalog::{product::{A, B, C, D, Entry, Lines, Product, To, entry, join}, products::huawei_cfw::{DIRECTION_KEY, SHARED}}, record::fields::Field, value::time::Unit};

const OWN: &[Entry] = &[
    DIRECTION_KEY,
    entry(&["hit_time"], To::Time(Field::StartMs, Unit::Millis)).with(A | B | C | D),
    entry(&["rule_id"], To::Text(Field::RuleId)).with(A | B | C | D),
    entry(&["rule_name"], To::Text(Field::RuleName)).with(D),
    entry(&["rule_type"], To::Extra),
];

const ENTRIES: &[Entry] = &join::<{ SHARED.len() + OWN.len() }>(SHARED, OWN);

pub(crate) const PRODUCT: Product = Product {
    id: "huawei-cfw-access",
    provider: "huawei",
    product: "cfw_access",
    kind: "access",
    title: "Cloud Firewall: access control logs",
    lines: Lines::None,
    topics: &[],
    layout_begins: &[],
    entries: ENTRIES,
};
