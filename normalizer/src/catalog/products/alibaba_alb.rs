//! Alibaba Cloud Application Load Balancer access logs.
//!
//! Specification: "Simple Log Service User Guide", fields of layer 7 access logs of ALB; topic
//! `alb_layer7_access_log`; "Application Load Balancer User Guide", access logs.
//!
//! ```text
//! {"__topic__":"alb_layer7_access_log","time":"2024-02-07T11:25:40Z","app_lb_id":"alb-o9ulmq5hgn68jk0000","client_ip":"203.0.113.7","client_port":"51312","vip_addr":"10.0.0.100","slb_vport":"443","scheme":"HTTPS","http_host":"www.example.com","host":"www.example.com","request_method":"GET","request_uri":"/index.html?a=1","server_protocol":"HTTP/1.1","status":"200","request_length":"311","body_bytes_sent":"612","request_time":"0.004","upstream_addr":"10.0.0.8:8080","upstream_status":"200","upstream_response_time":"0.003","ssl_protocol":"TLSv1.2"}
//! ```
//! (made from the list of fields)
//!
//! Every value is a string. Many keys are nginx's, so that only the topic, or the balancer's id
//! beside the port that it listens on, tells whose a record is. `client_ip` is the peer, or the
//! client where the balancer is told to find it out. `vip_addr` is the address that the client
//! came to. Durations of `request_time` and `upstream_*` are seconds, those of reading and writing
//! milliseconds, `tcpinfo_rtt` is microseconds: none of them has a field.
//!
//! Known gaps: the whole response has no size, only its body. `upstream_addr` may be a list. Classic
//! balancers (topic `slb_layer7_access_log`) have other ids and are not read.

use crate::{catalog::{meaning::Meaning, product::{A, Entry, Lines, Product, Shape, To, entry}}, record::fields::Field, value::time::Unit};

const ENTRIES: &[Entry] = &[
    entry(&["time"], To::Time(Field::StartMs, Unit::Guess)),
    entry(&["client_ip"], To::Address(Field::SrcIp)),
    entry(&["client_port"], To::Number(Field::SrcPort)),
    entry(&["vip_addr"], To::Address(Field::DstIp)),
    entry(&["slb_vport"], To::Number(Field::DstPort)).with(A),
    entry(&["request_length"], To::Number(Field::BytesOut)),
    entry(&["app_lb_id"], To::Text(Field::InstanceId)).shape(Shape::Prefix("alb-")).with(A),
    entry(&["http_host"], To::Text(Field::Host)),
    entry(&["host"], To::Text(Field::Host)),
    entry(&["request_uri"], To::Text(Field::Url)),
    entry(&["request_method"], To::Text(Field::Method)),
    entry(&["status"], To::Number(Field::HttpStatus)),
    entry(&["body_bytes_sent"], To::Extra).means(Meaning::ResponseBodySize),
    entry(&["scheme"], To::Extra).means(Meaning::Scheme),
    entry(&["server_protocol"], To::Extra),
    entry(&["ssl_protocol"], To::Extra).means(Meaning::TlsVersion),
    entry(&["ssl_cipher"], To::Extra),
    entry(&["http_user_agent"], To::Extra).means(Meaning::UserAgent),
    entry(&["http_referer"], To::Extra),
    entry(&["http_x_forwarded_for"], To::Extra).means(Meaning::ForwardedFor),
    entry(&["http_x_real_ip"], To::Extra),
    entry(&["request_time"], To::Extra),
    entry(&["read_request_time"], To::Extra),
    entry(&["write_response_time"], To::Extra),
    entry(&["upstream_addr"], To::Extra),
    entry(&["upstream_status"], To::Extra),
    entry(&["upstream_response_time"], To::Extra),
    entry(&["tcpinfo_rtt"], To::Extra),
    entry(&["slb_headers"], To::Extra),
    entry(&["slb_xtrace"], To::Extra),
    entry(&["xtrace_type"], To::Extra),
];

pub(crate) const PRODUCT: Product = Product {
    id: "alibaba-alb",
    provider: "alibaba",
    product: "alb",
    kind: "access",
    title: "Application Load Balancer: access logs",
    lines: Lines::None,
    topics: &["alb_layer7_access_log"],
    layout_begins: &[],
    entries: ENTRIES,
};
