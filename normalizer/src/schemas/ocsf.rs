//! Open Cybersecurity Schema Framework 1.8.0.
//!
//! Network Activity (4001) for every product but Web Application Firewalls, whose events are
//! HTTP Activity (4002). Profile `cloud` always, `security_control` where something was done
//! to the traffic or a rule matched.
//!
//! The ids of an interface and of what it belongs to are of the source where traffic leaves
//! through it, of the destination where traffic comes in; without a direction, and for
//! routers and gateways, they are of the point of observation. A record without addresses has
//! them as its source, since an event needs an endpoint. An endpoint of which nothing is known
//! but a port is named `unknown`.
//!
//! What has no attribute is under `unmapped`: the source's keys as they are, and fields of the
//! flat record under `unmapped.weir`.

use crate::{
    catalog::meaning::Meaning as M,
    record::fields::Field as F,
    schemas::{
        event::{Event, Item, SeverityLevel, Uses, addresses},
        table::{
            AddressList, Known, Row, Step, address, all_addresses, beyond_long, copy, country, either, extra,
            fixed, known, long, made, meant, number, original, picked, picked_or, port, steps, text, tls,
            uses,
        },
    },
    value::raw::{Raw, RawKind},
};

pub(super) static STEPS: [Step; ROWS.len()] = steps(&ROWS);
pub(super) static USES: Uses = uses(&ROWS);

/// The mapping.
#[rustfmt::skip]
pub(super) const ROWS: [Row; 135] = [
    picked(&[F::StartMs, F::EndMs, F::LogTimeMs], "time", |e| Some(Item::Number(time(e))),
        "start, else end, else log time; else the time of observation, as unmapped.weir.time_source says"),
    copy(&[F::StartMs], "start_time"),
    copy(&[F::EndMs], "end_time"),
    known(&[F::StartMs, F::EndMs], "duration", Known::Duration, "milliseconds"),
    fixed("category_uid", "4"),
    fixed("category_name", "\"Network Activity\""),
    made(&[F::Product], "class_uid", |e| Some(Item::Number(class(e))), "4002 for alb, elb, waf and waf_access, else 4001"),
    made(&[F::Product], "class_name", |e| {
        Some(Item::Text(if e.web { "HTTP Activity" } else { "Network Activity" }))
    }, "its caption"),
    made(&[F::Product, F::Method, F::Action, F::LogStatus], "activity_id", |e| Some(Item::Number(activity(e).0)),
        "4001: 0 for nodata and skipdata, 5 for reject, else 6; 4002: the method's"),
    made(&[F::Product, F::Method, F::Action, F::LogStatus], "activity_name", |e| Some(Item::Text(activity(e).1)),
        "its caption; a method that has no number of its own"),
    made(&[F::Product, F::Method, F::Action, F::LogStatus], "type_uid", |e| {
        Some(Item::Number(class(e) * 100 + activity(e).0))
    }, "class_uid * 100 + activity_id"),
    made(&[F::Severity], "severity_id", |e| Some(Item::Number(severity(e).0)),
        "1 without one; 99 for a word that is not a usual one"),
    made(&[F::Severity], "severity", |e| Some(Item::Text(severity(e).1)), "its caption, or the word"),
    made(&[F::Action, F::HttpStatus, F::LogStatus], "status_id", |e| Some(Item::Number(status(e)?.0)),
        "1 for accept, log, or a response below 400; 2 for reject or from 400; 0 for challenge, nodata, skipdata"),
    made(&[F::Action, F::HttpStatus, F::LogStatus], "status", |e| Some(Item::Text(status(e)?.1)), "its caption"),
    made(&[F::LogStatus], "status_code", |e| Some(Item::Text(log_status(e)?.0)), "in capitals"),
    either(&[F::LogStatus], |e| log_status(e)?.1.map(Item::Text), M::RejectReason, "status_detail", text,
        "a sentence, for nodata and skipdata; else the reason"),
    made(&[F::Action], "action_id", |e| Some(Item::Number(action(e)?.0)),
        "accept 1, reject 2, log 3, challenge 4; 0 where a rule matched and no action is known"),
    made(&[F::Action], "action", |e| Some(Item::Text(action(e)?.1)), "its caption"),
    made(&[F::Action], "disposition_id", |e| Some(Item::Number(disposition(e)?.0)),
        "accept 1, reject 2 (drop 6), log 17 (alert 19), challenge 23 (captcha 22)"),
    made(&[F::Action], "disposition", |e| Some(Item::Text(disposition(e)?.1)), "its caption"),
    made(&[F::Kind], "is_alert", |e| {
        (is_controlled(e) && e.text(F::Kind) == Some("attack")).then_some(Item::Json("true"))
    }, "attacks"),
    copy(&[F::App], "app_protocol_name"),
    original("raw_data"),
    meant(M::Packet, "packet_list", packet, "where it is base64"),

    fixed("metadata.version", "\"1.8.0\""),
    made(&[F::Product], "metadata.product.name", |e| Some(Item::Text(e.text(F::Product).unwrap_or("unknown"))), ""),
    made(&[F::Provider], "metadata.product.vendor_name", |e| Some(Item::Text(e.vendor())), "the vendor's name for its cloud"),
    picked(&[F::Action, F::RuleId, F::RuleName], "metadata.profiles", |e| {
        Some(Item::Json(if is_controlled(e) { r#"["cloud","security_control"]"# } else { r#"["cloud"]"# }))
    }, "security_control where there is an action or a rule"),
    copy(&[F::Kind], "metadata.log_name"),
    copy(&[F::LogFile], "metadata.log_source"),
    copy(&[F::RecordId], "metadata.original_event_uid"),
    copy(&[F::LogTimeMs], "metadata.logged_time"),

    made(&[F::Provider], "cloud.provider", |e| Some(Item::Text(e.provider())), ""),
    copy(&[F::AccountId], "cloud.account.uid"),
    picked(&[F::Provider, F::AccountId], "cloud.account.type_id", |e| {
        e.has(F::AccountId).then_some(Item::Number(account(e).0))
    }, "99; of AWS, 10"),
    picked(&[F::Provider, F::AccountId], "cloud.account.type", |e| {
        e.has(F::AccountId).then_some(Item::Text(account(e).1))
    }, "its caption, or the vendor's account"),
    copy(&[F::Region], "cloud.region"),
    meant(M::EnterpriseProject, "cloud.project_uid", text, ""),
    meant(M::Zone, "cloud.zone", text, ""),

    copy(&[F::SrcIp], "src_endpoint.ip"),
    copy(&[F::SrcPort], "src_endpoint.port"),
    made(&[], "src_endpoint.name", |e| needs_name(e, Side::Source).then_some(Item::Text("unknown")),
        "where nothing says which endpoint it is"),
    picked(&[F::ResourceId, F::SubnetId, F::VpcId], "src_endpoint.uid", |e| uid(e, Side::Source), OF_SOURCE),
    picked_or(&[F::InterfaceId], |e| of(e, Side::Source, F::InterfaceId), M::SourceInterface, "src_endpoint.interface_uid",
        text, OF_SOURCE),
    picked(&[F::InstanceId], "src_endpoint.instance_uid", |e| of(e, Side::Source, F::InstanceId), OF_SOURCE),
    picked_or(&[F::SubnetId], |e| of(e, Side::Source, F::SubnetId), M::SourceSubnet, "src_endpoint.subnet_uid", |e, raw| {
        text(e, raw).filter(|_| e.has(F::SrcIp))
    }, OF_SOURCE),
    meant(M::SourceZone, "src_endpoint.zone", |e, raw| text(e, raw).filter(|_| e.has(F::SrcIp)), WITH_SOURCE),
    picked(&[F::SrcVpcId, F::VpcId], "src_endpoint.vpc_uid", |e| {
        e.item(F::SrcVpcId).or_else(|| of(e, Side::Source, F::VpcId))
    }, "src_vpc_id; else vpc_id as the ids above"),
    meant(M::PacketSourceService, "src_endpoint.svc_name", |e, raw| text(e, raw).filter(|_| e.has(F::SrcIp)), WITH_SOURCE),
    all_addresses(&AddressList { fields: &[], meanings: &[M::PacketSource, M::Proxy, M::Client], take: |e, raw| address(e, raw).filter(|_| e.has(F::SrcIp)) },
        "src_endpoint.intermediate_ips", WITH_SOURCE),
    meant(M::SourceCountry, "src_endpoint.location.country", |e, raw| country(e, raw).filter(|_| e.has(F::SrcIp)),
        "two capitals, where there is src_ip"),
    meant(M::SourceCityName, "src_endpoint.location.city", |e, raw| text(e, raw).filter(|_| e.has(F::SrcIp)), WITH_SOURCE),
    meant(M::NatIp, "src_endpoint.proxy_endpoint.ip", |e, raw| address(e, raw).filter(|_| e.has(F::SrcIp)), WITH_SOURCE),
    meant(M::NatPort, "src_endpoint.proxy_endpoint.port", |e, raw| port(e, raw).filter(|_| e.has(F::SrcIp)), WITH_SOURCE),
    picked(&[F::InstanceId], "src_endpoint.proxy_endpoint.uid", |e| e.item(F::InstanceId).filter(|_| is_translated(e)),
        "the gateway, where the source is translated"),
    picked(&[F::InstanceId], "src_endpoint.proxy_endpoint.name", |e| {
        (is_translated(e) && !e.has(F::InstanceId)).then_some(Item::Text("unknown"))
    }, "where nothing says which gateway it is"),

    copy(&[F::DstIp], "dst_endpoint.ip"),
    copy(&[F::DstPort], "dst_endpoint.port"),
    copy(&[F::Host], "dst_endpoint.hostname"),
    made(&[], "dst_endpoint.name", |e| needs_name(e, Side::Destination).then_some(Item::Text("unknown")),
        "where nothing says which endpoint it is"),
    picked(&[F::ResourceId], "dst_endpoint.uid", |e| uid(e, Side::Destination), OF_DESTINATION),
    picked_or(&[F::InterfaceId], |e| of(e, Side::Destination, F::InterfaceId), M::DestinationInterface,
        "dst_endpoint.interface_uid", text, OF_DESTINATION),
    picked(&[F::InstanceId], "dst_endpoint.instance_uid", |e| of(e, Side::Destination, F::InstanceId), OF_DESTINATION),
    picked_or(&[F::SubnetId], |e| of(e, Side::Destination, F::SubnetId), M::DestinationSubnet, "dst_endpoint.subnet_uid", |e, raw| {
        text(e, raw).filter(|_| e.has(F::DstIp))
    }, OF_DESTINATION),
    meant(M::DestinationZone, "dst_endpoint.zone", |e, raw| text(e, raw).filter(|_| e.has(F::DstIp)), WITH_DESTINATION),
    picked(&[F::DstVpcId, F::VpcId], "dst_endpoint.vpc_uid", |e| {
        e.item(F::DstVpcId).or_else(|| of(e, Side::Destination, F::VpcId))
    }, "dst_vpc_id; else vpc_id as the ids above"),
    meant(M::PacketDestinationService, "dst_endpoint.svc_name", |e, raw| text(e, raw).filter(|_| e.has(F::DstIp)), WITH_DESTINATION),
    all_addresses(&AddressList { fields: &[], meanings: &[M::PacketDestination], take: |e, raw| address(e, raw).filter(|_| e.has(F::DstIp)) },
        "dst_endpoint.intermediate_ips", WITH_DESTINATION),
    meant(M::DestinationCountry, "dst_endpoint.location.country", |e, raw| country(e, raw).filter(|_| e.has(F::DstIp)),
        "two capitals, where there is dst_ip"),
    meant(M::DestinationCityName, "dst_endpoint.location.city", |e, raw| text(e, raw).filter(|_| e.has(F::DstIp)),
        WITH_DESTINATION),

    picked(&[F::InterfaceId, F::Direction], "observation_point_id", |e| match side(e) {
        _ if !e.has(F::InterfaceId) || !e.has(F::Direction) => None,
        Side::Source => Some(Item::Number(1)),
        Side::Destination => Some(Item::Number(2)),
        Side::Observer => None,
    }, "at an interface with a direction: 1 for egress, 2 for ingress"),
    picked(&[F::ResourceId, F::SubnetId, F::VpcId], "network_observation_point.uid", |e| uid(e, Side::Observer), OF_OBSERVER),
    picked(&[F::InterfaceId], "network_observation_point.interface_uid", |e| of(e, Side::Observer, F::InterfaceId), OF_OBSERVER),
    picked(&[F::InstanceId], "network_observation_point.instance_uid", |e| of(e, Side::Observer, F::InstanceId), OF_OBSERVER),
    picked(&[F::SubnetId], "network_observation_point.subnet_uid", |e| of(e, Side::Observer, F::SubnetId), OF_OBSERVER),
    picked(&[F::VpcId], "network_observation_point.vpc_uid", |e| of(e, Side::Observer, F::VpcId), OF_OBSERVER),

    made(&[F::Direction], "connection_info.direction_id", |e| Some(Item::Number(direction(e).0)),
        "ingress 1, egress 2, else 0"),
    made(&[F::Direction], "connection_info.direction", |e| Some(Item::Text(direction(e).1)), "its caption"),
    copy(&[F::Protocol], "connection_info.protocol_num"),
    copy(&[F::Transport], "connection_info.protocol_name"),
    known(&[F::SrcIp, F::DstIp], "connection_info.protocol_ver_id", Known::IpVersion, "4 or 6"),
    copy(&[F::TcpFlags], "connection_info.tcp_flags"),
    made(&[F::Provider, F::TrafficPath, F::SrcVpcId, F::DstVpcId, F::SrcRegion, F::DstRegion], "connection_info.boundary_id", |e| {
        boundary(e).map(Item::Number)
    }, "by the traffic path of alibaba and aws; else same VPC 4, VPCs of one region 7, of two regions 8"),
    known(&[F::SrcIp, F::DstIp, F::Protocol, F::SrcPort, F::DstPort], "connection_info.community_uid",
        Known::CommunityId, "Community ID version 1, seed 0"),

    picked(&[F::Bytes, F::BytesOut, F::BytesIn], "traffic.bytes", |e| {
        e.total(F::Bytes, F::BytesOut, F::BytesIn)
    }, "bytes, else the sum of both directions, up to 2^63-1"),
    picked(&[F::Packets, F::PacketsOut, F::PacketsIn], "traffic.packets", |e| {
        e.total(F::Packets, F::PacketsOut, F::PacketsIn)
    }, "packets, else the sum of both directions, up to 2^63-1"),
    long!(F::BytesOut, "traffic.bytes_out"),
    long!(F::BytesIn, "traffic.bytes_in"),
    long!(F::PacketsOut, "traffic.packets_out"),
    long!(F::PacketsIn, "traffic.packets_in"),
    picked(&[F::StartMs], "traffic.start_time", |e| has_counters(e).then(|| e.item(F::StartMs)).flatten(), "where there are counters"),
    picked(&[F::EndMs], "traffic.end_time", |e| has_counters(e).then(|| e.item(F::EndMs)).flatten(), "where there are counters"),

    made(&[F::Url], "url.url_string", |e| url(e, false, Url::Whole), IN_4001),
    made(&[F::Url], "url.path", |e| url(e, false, Url::Path), IN_4001),
    made(&[F::Url], "url.query_string", |e| url(e, false, Url::Query), IN_4001),
    picked(&[F::Url, F::Host], "url.hostname", |e| url(e, false, Url::Host), IN_4001),

    made(&[F::Method], "http_request.http_method", |e| method(e).filter(|_| e.web).map(|m| Item::Text(m.1)),
        "4002, in capitals, if it is one that the schema knows"),
    made(&[F::Url], "http_request.url.url_string", |e| url(e, true, Url::Whole), IN_4002),
    made(&[F::Url], "http_request.url.path", |e| url(e, true, Url::Path), IN_4002),
    made(&[F::Url], "http_request.url.query_string", |e| url(e, true, Url::Query), IN_4002),
    picked(&[F::Url, F::Host], "http_request.url.hostname", |e| url(e, true, Url::Host), IN_4002),
    meant(M::Scheme, "http_request.url.scheme", |e, raw| text(e, raw).filter(|_| e.web && e.has(F::Url)),
        "4002, where there is a URL"),
    meant(M::Arguments, "http_request.args", |e, raw| text(e, raw).filter(|_| e.web), "4002"),
    meant(M::UserAgent, "http_request.user_agent", |e, raw| text(e, raw).filter(|_| e.web), "4002"),
    meant(M::ForwardedFor, "http_request.x_forwarded_for", forwarded_for, "4002, where all of it are addresses"),
    picked(&[F::BytesOut], "http_request.length", |e| e.long(F::BytesOut).filter(|_| e.web), "4002"),
    picked(&[F::HttpStatus], "http_response.code", |e| e.item(F::HttpStatus).filter(|_| e.web), "4002"),
    picked(&[F::BytesIn], "http_response.length", |e| e.long(F::BytesIn).filter(|_| has_response(e)), OF_RESPONSE),
    meant(M::ResponseBodySize, "http_response.body_length", |e, raw| number(e, raw).filter(|_| has_response(e)), OF_RESPONSE),
    meant(M::ResponseTime, "http_response.latency", |e, raw| number(e, raw).filter(|_| has_response(e)), OF_RESPONSE),
    meant(M::TlsVersion, "tls.version", |e, raw| tls(raw).and_then(|_| text(e, raw)), ""),

    copy(&[F::RuleId], "firewall_rule.uid"),
    copy(&[F::RuleName], "firewall_rule.name"),
    picked(&[F::Attack], "firewall_rule.category", |e| e.item(F::Attack).filter(|_| has_rule(e)), "where there is a rule"),
    meant(M::Matched, "firewall_rule.match_details", |e, raw| match text(e, raw) {
        Some(Item::Text(t)) if has_rule(e) => Some(Item::Texts(t)),
        _ => None,
    }, "where there is a rule"),
    meant(M::MatchedIn, "firewall_rule.match_location", |e, raw| text(e, raw).filter(|_| has_rule(e)), "where there is a rule"),
    meant(M::Policy, "policy.uid", |e, raw| text(e, raw).filter(|_| is_controlled(e)), "where there is an action or a rule"),

    picked(&[F::StartMs, F::EndMs, F::LogTimeMs], "unmapped.weir.time_source", |e| e.time_source(),
        "observed or unknown, where the record has no time"),
    copy(&[F::TrafficPath], "unmapped.weir.traffic_path"),
    copy(&[F::SrcRegion], "unmapped.weir.src_region"),
    copy(&[F::DstRegion], "unmapped.weir.dst_region"),
    picked(&[F::VpcId], "unmapped.weir.vpc_id", |e| e.item(F::VpcId).filter(|_| match side(e) {
        Side::Source => e.has(F::SrcVpcId),
        Side::Destination => e.has(F::DstVpcId),
        Side::Observer => false,
    }), "where the endpoint has another VPC"),
    picked(&[F::Attack], "unmapped.weir.attack", |e| e.item(F::Attack).filter(|_| !has_rule(e)), "where there is no rule"),
    made(&[F::Severity], "unmapped.weir.severity", |e| {
        let word = e.text(F::Severity).filter(|w| !w.eq_ignore_ascii_case(severity(e).1))?;
        Some(Item::Text(word))
    }, "where the caption is another word"),
    made(&[F::Method], "unmapped.weir.method", |e| {
        let told = |m: &str| e.web && (method(e).is_none_or(|known| known.1 == m));
        Some(Item::Text(e.text(F::Method).filter(|m| !told(m))?))
    }, "in 4001, or where it is not in capitals"),
    picked(&[F::HttpStatus], "unmapped.weir.http_status", |e| e.item(F::HttpStatus).filter(|_| !e.web), "in 4001"),
    copy(&[F::LogOffset], "unmapped.weir.log_offset"),
    beyond_long!(F::Packets, "unmapped.weir.packets"),
    beyond_long!(F::Bytes, "unmapped.weir.bytes"),
    beyond_long!(F::PacketsOut, "unmapped.weir.packets_out"),
    beyond_long!(F::BytesOut, "unmapped.weir.bytes_out"),
    beyond_long!(F::PacketsIn, "unmapped.weir.packets_in"),
    beyond_long!(F::BytesIn, "unmapped.weir.bytes_in"),
    extra("unmapped.*", "the source's keys"),
];

const OF_SOURCE: &str = "at an interface with direction egress, or where the record has no address";
const OF_DESTINATION: &str = "at an interface with direction ingress";
const OF_OBSERVER: &str = "else";
const WITH_SOURCE: &str = "where there is src_ip";
const WITH_DESTINATION: &str = "where there is dst_ip";
const OF_RESPONSE: &str = "4002, where there is a status";
const IN_4001: &str = "4001; a URL with :// is whole, else path and query";
const IN_4002: &str = "4002; a URL with :// is whole, else path and query";

/// An id of the schema and its caption.
type Captioned<'e> = (u64, &'e str);

fn time(e: &Event<'_>) -> u64 {
    e.first_time(&[F::StartMs, F::EndMs, F::LogTimeMs]).or(e.choices.observed_at).unwrap_or(0)
}

fn class(e: &Event<'_>) -> u64 {
    if e.web { 4002 } else { 4001 }
}

/// The method's activity, and its name in capitals, if the schema knows it.
fn method(e: &Event<'_>) -> Option<(Captioned<'static>, &'static str)> {
    const METHODS: [(Captioned<'static>, &str); 9] = [
        ((1, "Connect"), "CONNECT"),
        ((2, "Delete"), "DELETE"),
        ((3, "Get"), "GET"),
        ((4, "Head"), "HEAD"),
        ((5, "Options"), "OPTIONS"),
        ((6, "Post"), "POST"),
        ((7, "Put"), "PUT"),
        ((8, "Trace"), "TRACE"),
        ((9, "Patch"), "PATCH"),
    ];
    let text = e.text(F::Method)?;
    METHODS.iter().find(|m| m.1.eq_ignore_ascii_case(text)).copied()
}

fn activity<'e>(e: &Event<'e>) -> Captioned<'e> {
    if e.web {
        return match (method(e), e.text(F::Method)) {
            (Some((activity, _)), _) => activity,
            (None, Some(text)) => (99, text),
            (None, None) => (0, "Unknown"),
        };
    }
    match e.text(F::Action) {
        _ if e.is_incomplete() => (0, "Unknown"),
        Some("reject") => (5, "Refuse"),
        _ => (6, "Traffic"),
    }
}

fn severity<'e>(e: &Event<'e>) -> Captioned<'e> {
    let Some(word) = e.text(F::Severity) else { return (1, "Informational") };
    match SeverityLevel::of(word) {
        Some(SeverityLevel::Informational) => (1, "Informational"),
        Some(SeverityLevel::Low) => (2, "Low"),
        Some(SeverityLevel::Medium) => (3, "Medium"),
        Some(SeverityLevel::High) => (4, "High"),
        Some(SeverityLevel::Critical) => (5, "Critical"),
        Some(SeverityLevel::Fatal) => (6, "Fatal"),
        None => (99, word),
    }
}

fn status(e: &Event<'_>) -> Option<Captioned<'static>> {
    match e.success() {
        _ if e.is_incomplete() => Some((0, "Unknown")),
        Some(true) => Some((1, "Success")),
        Some(false) => Some((2, "Failure")),
        None => e.has(F::Action).then_some((0, "Unknown")),
    }
}

/// The status of the log, and what it means if not all is well.
fn log_status(e: &Event<'_>) -> Option<(&'static str, Option<&'static str>)> {
    Some(match e.text(F::LogStatus)? {
        "nodata" => ("NODATA", Some("There was no traffic in the window.")),
        "skipdata" => ("SKIPDATA", Some("Records of the window were skipped.")),
        _ => ("OK", None),
    })
}

/// Whether something was done to the traffic, or a rule matched.
fn is_controlled(e: &Event<'_>) -> bool {
    e.has(F::Action) || has_rule(e)
}

fn has_rule(e: &Event<'_>) -> bool {
    e.has(F::RuleId) || e.has(F::RuleName)
}

fn action(e: &Event<'_>) -> Option<Captioned<'static>> {
    match e.text(F::Action) {
        Some("accept") => Some((1, "Allowed")),
        Some("reject") => Some((2, "Denied")),
        Some("log") => Some((3, "Observed")),
        Some(_) => Some((4, "Modified")),
        None => has_rule(e).then_some((0, "Unknown")),
    }
}

fn disposition(e: &Event<'_>) -> Option<Captioned<'static>> {
    let source = e.source_action();
    let is = |word: &str| source.eq_ignore_ascii_case(word);
    match e.text(F::Action) {
        Some("accept") => Some((1, "Allowed")),
        Some("reject") if is("drop") => Some((6, "Dropped")),
        Some("reject") => Some((2, "Blocked")),
        Some("log") if is("alert") => Some((19, "Alert")),
        Some("log") => Some((17, "Logged")),
        Some(_) if is("captcha") => Some((22, "Captcha")),
        Some(_) => Some((23, "Challenge")),
        None => has_rule(e).then_some((0, "Unknown")),
    }
}

fn account(e: &Event<'_>) -> Captioned<'static> {
    match e.provider() {
        "huawei" => (99, "Huawei Cloud Account"),
        "alibaba" => (99, "Alibaba Cloud Account"),
        "baidu" => (99, "Baidu AI Cloud Account"),
        "aws" => (10, "AWS Account"),
        _ => (0, "Unknown"),
    }
}

fn direction(e: &Event<'_>) -> Captioned<'static> {
    match e.text(F::Direction) {
        Some("ingress") => (1, "Inbound"),
        Some("egress") => (2, "Outbound"),
        _ => (0, "Unknown"),
    }
}

/// Whose the ids of the interface, and of what it belongs to, are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Source,
    Destination,
    Observer,
}

fn side(e: &Event<'_>) -> Side {
    if !e.has(F::SrcIp) && !e.has(F::DstIp) && !e.has(F::Host) {
        return Side::Source;
    }
    match e.text(F::Direction) {
        Some("egress") if e.has(F::InterfaceId) => Side::Source,
        Some("ingress") if e.has(F::InterfaceId) => Side::Destination,
        _ => Side::Observer,
    }
}

fn of<'e>(e: &Event<'e>, whose: Side, field: F) -> Option<Item<'e>> {
    e.item(field).filter(|_| side(e) == whose)
}

/// The resource; else the subnet or VPC where nothing narrower is known.
fn uid<'e>(e: &Event<'e>, whose: Side) -> Option<Item<'e>> {
    let narrower = e.has(F::InterfaceId) || e.has(F::InstanceId);
    let wide = || e.item(F::SubnetId).or_else(|| e.item(F::VpcId)).filter(|_| !narrower);
    e.item(F::ResourceId).or_else(wide).filter(|_| side(e) == whose)
}

/// Whether an endpoint must be there, and would have nothing that says which it is.
fn needs_name(e: &Event<'_>, whose: Side) -> bool {
    let named = |s| {
        side(e) == s
            && (of(e, s, F::InterfaceId).or_else(|| of(e, s, F::InstanceId)).is_some() || uid(e, s).is_some())
    };
    let source = e.has(F::SrcIp) || named(Side::Source);
    let destination = e.has(F::DstIp) || e.has(F::Host) || named(Side::Destination);
    match whose {
        Side::Source => !source && (e.has(F::SrcPort) || e.has(F::SrcVpcId) || !destination),
        _ => !destination && (e.has(F::DstPort) || e.has(F::DstVpcId)),
    }
}

/// Whether the source's address or port is translated.
fn is_translated(e: &Event<'_>) -> bool {
    e.meant.found & (M::NatIp.bit() | M::NatPort.bit()) != 0
}

fn has_response(e: &Event<'_>) -> bool {
    e.web && e.has(F::HttpStatus)
}

fn packet<'e>(e: &Event<'e>, raw: Raw<'e>) -> Option<Item<'e>> {
    let is_base64 = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'=');
    let fits =
        raw.kind == RawKind::Text && raw.text.len().is_multiple_of(4) && raw.text.bytes().all(is_base64);
    text(e, raw).filter(|_| fits).map(|_| Item::Packet(raw.text))
}

fn forwarded_for<'e>(e: &Event<'e>, raw: Raw<'e>) -> Option<Item<'e>> {
    let fits = e.web && raw.kind == RawKind::Text && addresses(raw.text).all(|a| a.is_some());
    fits.then_some(Item::Listed(raw.text))
}

/// The boundary that the traffic crossed, where the record says so.
fn boundary(e: &Event<'_>) -> Option<u64> {
    let path = e.text(F::TrafficPath).unwrap_or_default();
    let through = match (e.provider(), path) {
        // To another resource of the VPC, to a virtual machine of it.
        ("alibaba", "1" | "2") => Some(4),
        // Through a VPN gateway.
        ("alibaba", "9") => Some(6),
        // The schema's boundaries are these paths, in their order.
        ("aws", "1") => Some(4),
        ("aws", "2") => Some(5),
        ("aws", "3") => Some(6),
        ("aws", "4") => Some(7),
        ("aws", "5") => Some(8),
        ("aws", "6") => Some(9),
        ("aws", "7") => Some(10),
        ("aws", "8") => Some(11),
        _ => None,
    };
    if through.is_some() {
        return through;
    }
    let same = |a, b| Some(e.text(a)? == e.text(b)?);
    match (same(F::SrcVpcId, F::DstVpcId), same(F::SrcRegion, F::DstRegion)) {
        (Some(true), _) => Some(4),
        (_, Some(true)) => Some(7),
        (_, Some(false)) => Some(8),
        _ => None,
    }
}

fn has_counters(e: &Event<'_>) -> bool {
    [F::Bytes, F::BytesOut, F::BytesIn, F::Packets, F::PacketsOut, F::PacketsIn]
        .into_iter()
        .any(|f| e.long(f).is_some())
}

#[derive(Clone, Copy, Debug)]
enum Url {
    Whole,
    Path,
    Query,
    Host,
}

/// A part of the URL, in the class that has it there.
fn url<'e>(e: &Event<'e>, web: bool, part: Url) -> Option<Item<'e>> {
    let whole = e.text(F::Url).filter(|_| e.web == web)?;
    let parts = e.path_and_query();
    match part {
        Url::Whole if parts.is_none() => Some(Item::Text(whole)),
        Url::Whole => None,
        Url::Path => parts.map(|p| Item::Text(p.0)),
        Url::Query => parts.and_then(|p| p.1).map(Item::Text),
        Url::Host => e.item(F::Host),
    }
}
