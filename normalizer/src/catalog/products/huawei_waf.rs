//! Huawei Cloud Web Application Firewall attack events.
//!
//! Specification: Web Application Firewall "API Reference", "Querying Attack Events"; the
//! asynchronous export; "User Guide", LTS `attack_log`.
//!
//! ```text
//! {"id":"04-0000-0000-0000-21120220421152601-2f7a5ceb","time":1650525961000,"policyid":"25f1d179896e4e3d87ceac0598f48d00","host":"203.0.113.9:xxxxx-uuid","url":"/osclass/oc-admin/index.php","attack":"lfi","rule":"040002","payload":" file=../../../../etc/passwd","payload_location":"params","sip":"203.0.113.77","action":"block"}
//! ```
//!
//! `sip` is the client; behind a proxy `remote_ip` is the proxy. `time` is epoch milliseconds;
//! an old API gave seconds, so its magnitude decides. LTS has times as ISO 8601: its template
//! for attacks writes `time` in local time without a zone, `time_iso8601` with an offset, and
//! `attack-time` in UTC. An export is CSV with columns that its maker chose; its times have no
//! zone. `region` is geography and has no field, like headers, cookies and bodies. `level` is how
//! strict the protection policy is (1 loose, 2 medium, 3 strict), not how severe the attack.
//!
//! Known gaps: order of columns, header row and quoting of an export are not documented:
//! they are read by the header, or by the layout that is given. `hport` is taken for the
//! destination's port.

use crate::{catalog::{meaning::Meaning, product::{B, C, D, E, Entry, F, Lines, Product, To, entry}}, record::fields::Field, value::{time::Unit, words::WAF_ACTION}};

const ENTRIES: &[Entry] = &[
    entry(&["time"], To::Time(Field::StartMs, Unit::Guess)),
    entry(&["attack-time"], To::Time(Field::StartMs, Unit::Guess)).with(E),
    entry(&["time_iso8601"], To::Time(Field::StartMs, Unit::Guess)),
    entry(&["sip"], To::Address(Field::SrcIp)).with(B | C | E | F),
    entry(&["remote_ip"], To::Address(Field::SrcIp)).means(Meaning::Proxy),
    entry(&["sport"], To::Number(Field::SrcPort)),
    entry(&["hport"], To::Number(Field::DstPort)).with(C),
    entry(&["action"], To::Word(Field::Action, WAF_ACTION)),
    entry(&["http_host"], To::Text(Field::Host)),
    entry(&["host"], To::Text(Field::Host)),
    entry(&["url", "uri"], To::Text(Field::Url)).with(B),
    entry(&["method"], To::Text(Field::Method)),
    entry(&["rule"], To::Text(Field::RuleId)),
    entry(&["attack"], To::Text(Field::Attack)).with(B | C | D | E),
    entry(&["status"], To::Number(Field::HttpStatus)),
    entry(&["id"], To::Text(Field::RecordId)),
    entry(&["policyid"], To::Extra).means(Meaning::Policy),
    entry(&["host_id"], To::Extra),
    entry(&["level"], To::Extra),
    entry(&["payload"], To::Extra).means(Meaning::Matched),
    entry(&["payload_location"], To::Extra).means(Meaning::MatchedIn).with(D | F),
    entry(&["request_line"], To::Extra),
    entry(&["headers", "header"], To::Extra),
    entry(&["cookie"], To::Extra),
    entry(&["params"], To::Extra),
    entry(&["body", "request_body"], To::Extra).means(Meaning::RequestBody),
    entry(&["response_body"], To::Extra).means(Meaning::ResponseBody),
    entry(&["response_time"], To::Extra).means(Meaning::ResponseTime),
    entry(&["response_size"], To::Extra).means(Meaning::ResponseBodySize),
    entry(&["process_time"], To::Extra),
    entry(&["multipart", "mutipart"], To::Extra),
    entry(&["backend"], To::Extra),
    entry(&["region"], To::Extra),
    entry(&["enterprise_project_id"], To::Extra).means(Meaning::EnterpriseProject),
    entry(&["enterprise_project_name"], To::Extra).means(Meaning::EnterpriseProjectName),
];

pub(crate) const PRODUCT: Product = Product {
    id: "huawei-waf",
    provider: "huawei",
    product: "waf",
    kind: "attack",
    title: "Web Application Firewall: attack events",
    lines: Lines::None,
    topics: &[],
    layout_begins: &[],
    entries: ENTRIES,
};
