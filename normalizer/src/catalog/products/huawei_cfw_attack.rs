//! Huawei Cloud Firewall attack event logs.
//!
//! Specification: Cloud Firewall "API Reference", "Querying Attack Logs"; "User Guide",
//! "Log Field Description" (LTS).
//!
//! ```text
//! {"action":"deny","app":"HTTP","attack_rule":"Tomcat path traversal","attack_rule_id":"336154","attack_type":"Web Attack","direction":"out2in","dst_ip":"100.95.148.49","dst_port":8080,"event_time":1664164255000,"level":"HIGH","log_id":"46033","packet":"R0VUIC8=","protocol":"TCP","source":"0","src_ip":"100.93.27.17","src_port":49634}
//! ```
//! (made from the list of fields)
//!
//! The event has one instant, `event_time`, in epoch milliseconds; a `hit_time` that is another one
//! stays as it is. `packet` is base64, `packetMessages` the same as hexadecimal numbers and text.
//! The levels are CRITICAL, HIGH, MEDIUM and LOW, in LTS MIDDLE for the third. `source` is 0 for
//! basic protection, 1 for a virtual patch. Where `tag` is 1, the source is a web application
//! firewall on its way back to the server, and `real_ip` is the client.

use crate::{catalog::{meaning::Meaning, product::{A, B, C, D, E, Entry, Lines, Product, To, entry, join}, products::huawei_cfw::{DIRECTION_KEY, SHARED}}, record::fields::Field, value::time::Unit};

const OWN: &[Entry] = &[
    DIRECTION_KEY,
    entry(&["event_time"], To::Time(Field::StartMs, Unit::Millis)).with(A | B | C),
    entry(&["hit_time"], To::Time(Field::StartMs, Unit::Millis)),
    entry(&["attack_type"], To::Text(Field::Attack)).with(E),
    entry(&["attack_rule"], To::Text(Field::RuleName)).with(A | B | C | D),
    entry(&["attack_rule_id"], To::Text(Field::RuleId)).with(D | E),
    entry(&["level"], To::Text(Field::Severity)),
    entry(&["source"], To::Extra),
    entry(&["packet"], To::Extra).means(Meaning::Packet),
    entry(&["packet_length"], To::Extra),
    entry(&["packetMessages"], To::Extra),
    entry(&["real_ip"], To::Extra).means(Meaning::Client),
    entry(&["tag"], To::Extra),
];

const ENTRIES: &[Entry] = &join::<{ SHARED.len() + OWN.len() }>(SHARED, OWN);

pub(crate) const PRODUCT: Product = Product {
    id: "huawei-cfw-attack",
    provider: "huawei",
    product: "cfw_attack",
    kind: "attack",
    title: "Cloud Firewall: attack event logs",
    lines: Lines::None,
    topics: &[],
    layout_begins: &[],
    entries: ENTRIES,
};
