//! Huawei Cloud Web Application Firewall access logs.
//!
//! Specification: Web Application Firewall "User Guide", LTS `access_log`; "Log Tank Service User
//! Guide", structuring template for WAF access logs.
//!
//! ```text
//! {"waf-time":"2022-04-21T07:26:01Z","time_iso8601":"2022-04-21T15:26:01+08:00","remote_ip":"203.0.113.77","remote_port":"51312","upstream_addr":"10.0.0.8:80, 10.0.0.9:80","request_length":"512","bytes_send":"1024","body_bytes_sent":"800","response_code":"200","method":"GET","http_host":"www.example.com","url":"/index.html","args":"a=1","tls_version":"TLSv1.2","scheme":"https"}
//! ```
//! (made from the list of fields)
//!
//! Every value is a string. `remote_ip` is the peer: behind a proxy, the proxy. What was sent
//! to the client counts as bytes in, the request as bytes out. `args` is the query, which `url` lacks;
//! `x_forwarded_for` is the header, whose addresses nobody vouches for.
//!
//! Many of its keys are those that others give nginx's variables. What the vendor writes has all of
//! them, and the ids of its engine and its stream.
//!
//! Known gaps: `upstream_addr` may be a list, so it is no destination address.

use crate::{catalog::{meaning::Meaning, product::{A, Entry, Lines, Product, To, entry}}, record::fields::Field, value::time::Unit};

const ENTRIES: &[Entry] = &[
    entry(&["waf-time"], To::Time(Field::StartMs, Unit::Guess)).telling(),
    entry(&["time_iso8601"], To::Time(Field::StartMs, Unit::Guess)),
    entry(&["remote_ip"], To::Address(Field::SrcIp)).with(A),
    entry(&["remote_port"], To::Number(Field::SrcPort)),
    entry(&["request_length"], To::Number(Field::BytesOut)).with(A),
    entry(&["bytes_send"], To::Number(Field::BytesIn)).with(A),
    entry(&["http_host"], To::Text(Field::Host)).with(A),
    entry(&["url"], To::Text(Field::Url)),
    entry(&["method"], To::Text(Field::Method)),
    entry(&["response_code"], To::Number(Field::HttpStatus)).with(A),
    entry(&["body_bytes_sent"], To::Extra).means(Meaning::ResponseBodySize).with(A),
    entry(&["upstream_addr"], To::Extra).with(A),
    entry(&["args"], To::Extra).means(Meaning::Arguments),
    entry(&["tls_version"], To::Extra).means(Meaning::TlsVersion),
    entry(&["scheme"], To::Extra).means(Meaning::Scheme),
    entry(&["user_agent"], To::Extra).means(Meaning::UserAgent),
    entry(&["eng_ip"], To::Extra).telling(),
    entry(&["access_stream_id"], To::Extra).telling(),
    entry(&["x_forwarded_for"], To::Extra).means(Meaning::ForwardedFor),
];

pub(crate) const PRODUCT: Product = Product {
    id: "huawei-waf-access",
    provider: "huawei",
    product: "waf_access",
    kind: "access",
    title: "Web Application Firewall: access logs",
    lines: Lines::None,
    topics: &[],
    layout_begins: &[],
    entries: ENTRIES,
};
