//! Huawei Cloud Elastic Load Balance access logs.
//!
//! Specification: "Elastic Load Balance User Guide", "Access Logging"; "Log Tank Service User
//! Guide", structuring template for ELB.
//!
//! ```text
//! 1644819836.370 eb11c5a9-93a7-4c48-80fc-03f61f638595 [2022-02-14T14:23:56+08:00] elb_01 192.168.1.1:888 200 "POST https://www.test.com/example/ HTTP/1.1" 1411 251 3 0.011 "200" "0.000" "0.011" "0.011" "192.168.1.2:8080" "okhttp/3.13.1" "-" "-" loadbalancer_295a7eee-9999-46ed-9fad-32a62ff0a687 listener_20679192-8888-4e62-a814-a2f870f62148 3333fd44fe3b42cbaa1dc2c641994d90 pool_89547549-6666-446e-9dbc-e3a551034c46 "-" f2bc165ad9b4483a9b17762da851bbbb 121.64.212.1:443 "10.1.1.2:8080" - TLSv1.2 ECDHE-RSA-AES256-GCM-SHA384 www.test.com 56704 -
//! ```
//!
//! The format can't be changed; older lines end before the header that somebody defined. LTS keeps
//! the line, or what its template makes of it: the names of the format as keys. `msec` is epoch
//! seconds with three decimals. `remote_addr` is the peer. What was sent to the client counts as
//! bytes in, the request as bytes out. The port that the listener has is the destination's; the
//! public address of the balancer is not its address for clients inside, so that it stays as it is.
//!
//! Many keys are nginx's, so that only those tell that balancers of Huawei alone have.
//!
//! Known gaps: lines of the format before `elb_01`, which end with the listener's id. Backends
//! may be lists, and have no field.

use crate::{catalog::{meaning::Meaning, product::{A, Entry, Lines, Product, Shape, To, entry}}, record::fields::Field, value::{time::Unit, words::Word}};

const FORMAT: &str = r#"${msec} ${access_log_topic_id} [${time_iso8601}] ${log_ver} ${remote_addr}:${remote_port} ${status} "${request_method} ${scheme}://${host}${router_request_uri} ${server_protocol}" ${request_length} ${bytes_sent} ${body_bytes_sent} ${request_time} "${upstream_status}" "${upstream_connect_time}" "${upstream_header_time}" "${upstream_response_time}" "${upstream_addr}" "${http_user_agent}" "${http_referer}" "${http_x_forwarded_for}" ${lb_name} ${listener_name} ${listener_id} ${pool_name} "${member_name}" ${tenant_id} ${eip_address}:${eip_port} "${upstream_addr_priv}" ${certificate_id} ${ssl_protocol} ${ssl_cipher} ${sni_domain_name} ${tcpinfo_rtt} ${self_defined_header}"#;

/// Without its last field, and the blank in front of that.
const OLDER: &str = FORMAT.split_at(FORMAT.len() - " ${self_defined_header}".len()).0;

const VERSIONS: &[Word] = &[("elb_01", "elb_01", false)];

const ENTRIES: &[Entry] = &[
    entry(&["msec"], To::Time(Field::StartMs, Unit::Seconds)),
    entry(&["time_iso8601"], To::Time(Field::StartMs, Unit::Guess)),
    entry(&["log_ver"], To::Version("elb_01")).shape(Shape::Word(VERSIONS)),
    entry(&["remote_addr"], To::Address(Field::SrcIp)),
    entry(&["remote_port"], To::Number(Field::SrcPort)),
    entry(&["eip_port"], To::Number(Field::DstPort)),
    entry(&["request_length"], To::Number(Field::BytesOut)),
    entry(&["bytes_sent"], To::Number(Field::BytesIn)),
    entry(&["tenant_id"], To::Text(Field::AccountId)),
    entry(&["lb_name"], To::Text(Field::InstanceId)).shape(Shape::Prefix("loadbalancer_")).with(A),
    entry(&["listener_name"], To::Extra).shape(Shape::Prefix("listener_")).with(A),
    entry(&["host"], To::Text(Field::Host)),
    entry(&["router_request_uri"], To::Text(Field::Url)),
    entry(&["request_method"], To::Text(Field::Method)),
    entry(&["status"], To::Number(Field::HttpStatus)),
    entry(&["access_log_topic_id"], To::Extra),
    entry(&["scheme"], To::Extra).means(Meaning::Scheme),
    entry(&["server_protocol"], To::Extra),
    entry(&["body_bytes_sent"], To::Extra).means(Meaning::ResponseBodySize),
    entry(&["request_time"], To::Extra),
    entry(&["upstream_status"], To::Extra),
    entry(&["upstream_connect_time"], To::Extra),
    entry(&["upstream_header_time"], To::Extra),
    entry(&["upstream_response_time"], To::Extra),
    entry(&["upstream_addr"], To::Extra),
    entry(&["http_user_agent"], To::Extra).means(Meaning::UserAgent),
    entry(&["http_referer"], To::Extra),
    entry(&["http_x_forwarded_for"], To::Extra).means(Meaning::ForwardedFor),
    entry(&["listener_id"], To::Extra),
    entry(&["pool_name"], To::Extra).with(A),
    entry(&["member_name"], To::Extra),
    entry(&["eip_address"], To::Extra),
    entry(&["upstream_addr_priv"], To::Extra).telling(),
    entry(&["certificate_id"], To::Extra),
    entry(&["ssl_protocol"], To::Extra).means(Meaning::TlsVersion),
    entry(&["ssl_cipher"], To::Extra),
    entry(&["sni_domain_name"], To::Extra),
    entry(&["tcpinfo_rtt"], To::Extra),
    entry(&["self_defined_header"], To::Extra),
];

pub(crate) const PRODUCT: Product = Product {
    id: "huawei-elb",
    provider: "huawei",
    product: "elb",
    kind: "access",
    title: "Elastic Load Balance: access logs",
    lines: Lines::Written(&[FORMAT, OLDER]),
    topics: &[],
    layout_begins: &[],
    entries: ENTRIES,
};
