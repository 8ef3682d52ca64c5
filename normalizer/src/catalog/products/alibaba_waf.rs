//! Alibaba Cloud Web Application Firewall logs, of version 3.0 and before.
//!
//! Specification: "Web Application Firewall 3.0 User Guide", "Log fields", and the announcement of
//! changed fields; "Simple Log Service User Guide", fields of WAF logs; topic `waf_access_log`.
//!
//! ```text
//! {"__topic__":"waf_access_log","start_time":"1707305140","time":"2024-02-07T19:25:40+08:00","src_ip":"198.51.100.20","src_port":"51312","real_client_ip":"203.0.113.7","dst_port":"443","host":"www.example.com","matched_host":"www.example.com-waf","request_method":"GET","request_uri":"/item?id=1%27","request_path":"/item","querystring":"id=1%27","status":"405","final_action":"block","final_plugin":"waf","final_rule_id":"115341","final_rule_type":"sqli","request_traceid":"781bad0a17073051400000000e","request_length":"311","body_bytes_sent":"2052","request_time_msec":"4","user_id":"1234567890123456"}
//! ```
//! (made from the list of fields)
//!
//! Every value is a string, and each request is logged, also one that nothing was done about: then
//! there is no action. `src_ip`, once called `remote_addr`, is the peer of the connection, as
//! `src_port` is its port; where a proxy stands between, `real_client_ip` is the client, or `-`.
//! `start_time` is epoch seconds, `time` is written with its zone. What a module of the firewall
//! found is in `*_rule_id`, `*_rule_type` and `*_test`; the fields that begin with `final_` say
//! what came of it. The type of a rule is no kind of attack: it may say that an address is on a
//! list. `region` is `cn` or `int`, and no region.
//!
//! The keys of Anti-DDoS (topics `ddoscoo_access_log`, `ddos_access_log`) and of others' firewalls
//! are partly the same. The topic tells, or the client beside the host that is protected and the
//! request's id, which those have not.
//!
//! Known gaps: `upstream_addr` is where the firewall went, and no field's.

use crate::{catalog::{meaning::Meaning, product::{A, Entry, Lines, Product, To, entry}}, record::fields::Field, value::{time::Unit, words::ALIBABA_WAF_ACTION}};

const ENTRIES: &[Entry] = &[
    entry(&["start_time"], To::Time(Field::StartMs, Unit::Seconds)),
    entry(&["time"], To::Time(Field::StartMs, Unit::Guess)),
    entry(&["src_ip"], To::Address(Field::SrcIp)),
    entry(&["remote_addr"], To::Address(Field::SrcIp)),
    entry(&["real_client_ip"], To::Address(Field::SrcIp)).means(Meaning::Client).with(A),
    entry(&["src_port"], To::Number(Field::SrcPort)),
    entry(&["remote_port"], To::Number(Field::SrcPort)),
    entry(&["dst_port"], To::Number(Field::DstPort)),
    entry(&["server_port"], To::Number(Field::DstPort)),
    entry(&["final_action"], To::Word(Field::Action, ALIBABA_WAF_ACTION)),
    entry(&["request_length"], To::Number(Field::BytesOut)),
    entry(&["user_id"], To::Text(Field::AccountId)),
    entry(&["host"], To::Text(Field::Host)),
    entry(&["request_uri"], To::Text(Field::Url)),
    entry(&["request_path"], To::Text(Field::Url)),
    entry(&["request_method"], To::Text(Field::Method)),
    entry(&["final_rule_id"], To::Text(Field::RuleId)),
    entry(&["status"], To::Number(Field::HttpStatus)),
    entry(&["request_traceid"], To::Text(Field::RecordId)).with(A),
    entry(&["matched_host"], To::Extra).with(A),
    entry(&["querystring"], To::Extra).means(Meaning::Arguments),
    entry(&["body_bytes_sent"], To::Extra).means(Meaning::ResponseBodySize),
    entry(&["request_time_msec"], To::Extra).means(Meaning::ResponseTime),
    entry(&["http_user_agent"], To::Extra).means(Meaning::UserAgent),
    entry(&["http_x_forwarded_for"], To::Extra).means(Meaning::ForwardedFor),
    entry(&["ssl_protocol"], To::Extra).means(Meaning::TlsVersion),
    entry(&["request_body"], To::Extra).means(Meaning::RequestBody),
    entry(&["final_plugin"], To::Extra),
    entry(&["final_rule_type"], To::Extra),
    entry(&["bypass_matched_ids"], To::Extra),
    entry(&["content_type"], To::Extra),
    entry(&["http_cookie"], To::Extra),
    entry(&["http_referer"], To::Extra),
    entry(&["https"], To::Extra),
    entry(&["region"], To::Extra),
    entry(&["request_header"], To::Extra),
    entry(&["response_set_cookie"], To::Extra),
    entry(&["response_header"], To::Extra),
    entry(&["response_info"], To::Extra),
    entry(&["server_protocol"], To::Extra),
    entry(&["ssl_cipher"], To::Extra),
    entry(&["upstream_addr"], To::Extra),
    entry(&["upstream_response_time"], To::Extra),
    entry(&["upstream_status"], To::Extra),
    entry(&["acl_action"], To::Extra),
    entry(&["acl_rule_id"], To::Extra),
    entry(&["acl_rule_type"], To::Extra),
    entry(&["acl_test"], To::Extra),
    entry(&["antiscan_action"], To::Extra),
    entry(&["antiscan_rule_id"], To::Extra),
    entry(&["antiscan_rule_type"], To::Extra),
    entry(&["antiscan_test"], To::Extra),
    entry(&["cc_action"], To::Extra),
    entry(&["cc_rule_id"], To::Extra),
    entry(&["cc_rule_type"], To::Extra),
    entry(&["cc_test"], To::Extra),
    entry(&["dlp_action"], To::Extra),
    entry(&["dlp_rule_id"], To::Extra),
    entry(&["dlp_test"], To::Extra),
    entry(&["scene_action"], To::Extra),
    entry(&["scene_id"], To::Extra),
    entry(&["scene_rule_id"], To::Extra),
    entry(&["scene_rule_type"], To::Extra),
    entry(&["scene_test"], To::Extra),
    entry(&["sema_action"], To::Extra),
    entry(&["sema_rule_id"], To::Extra),
    entry(&["sema_rule_type"], To::Extra),
    entry(&["sema_test"], To::Extra),
    entry(&["waf_action"], To::Extra),
    entry(&["waf_rule_id"], To::Extra),
    entry(&["waf_rule_type"], To::Extra),
    entry(&["waf_test"], To::Extra),
    entry(&["wxbb_info_tbl"], To::Extra),
];

pub(crate) const PRODUCT: Product = Product {
    id: "alibaba-waf",
    provider: "alibaba",
    product: "waf",
    kind: "access",
    title: "Web Application Firewall: logs of requests",
    lines: Lines::None,
    topics: &["waf_access_log"],
    layout_begins: &[],
    entries: ENTRIES,
};
