//! Huawei Cloud Firewall URL logs.
//!
//! Specification: Cloud Firewall "API Reference", "Querying Logs", type `url`.
//!
//! ```text
//! {"action":"deny","app":"HTTP","dst_ip":"203.0.113.80","dst_port":80,"hit_time":1718936272648,"log_id":"-d1cBJABOq5ZzMvYVm3d","protocol":"TCP","rule_id":"c755be1c-4b92-4ae7-a15e-c2d02b152538","rule_name":"no-shopping","rule_type":1,"src_ip":"192.168.3.25","src_port":38929,"url":"www.example.com/cart"}
//! ```
//! (made from the list of fields)
//!
//! What an access control log has, and the URL that a rule matched: only that tells them apart.
//! The event has one instant, `hit_time`, in epoch milliseconds.
//!
//! Known gaps: the vendor shows no sample.

use crate::{catalog::{product::{A, B, C, D, Entry, Lines, Product, To, entry, join}, products::huawei_cfw::{DIRECTION_KEY, SHARED}}, record::fields::Field, value::time::Unit};

const OWN: &[Entry] = &[
    DIRECTION_KEY,
    entry(&["hit_time"], To::Time(Field::StartMs, Unit::Millis)).with(A | B | C | D),
    entry(&["url"], To::Text(Field::Url)).with(A | B | C | D),
    entry(&["rule_id"], To::Text(Field::RuleId)).with(A | B | C | D),
    entry(&["rule_name"], To::Text(Field::RuleName)).with(D),
    entry(&["rule_type"], To::Extra),
];

const ENTRIES: &[Entry] = &join::<{ SHARED.len() + OWN.len() }>(SHARED, OWN);

pub(crate) const PRODUCT: Product = Product {
    id: "huawei-cfw-url",
    provider: "huawei",
    product: "cfw_url",
    kind: "access",
    title: "Cloud Firewall: URL logs",
    lines: Lines::None,
    topics: &[],
    layout_begins: &[],
    entries: ENTRIES,
};
