//! Elastic Common Schema 9.
//!
//! The time is the window's end, as in Elastic's own integrations of flow logs. ECS asks that
//! custom fields stand under a proper name, which it never uses itself: the source's keys are
//! under the provider and the product, as in `huawei.vpc.<key>`, and fields of the flat record
//! that ECS has no place for under `weir`.

use crate::{
    catalog::meaning::Meaning as M,
    record::fields::Field as F,
    schemas::{
        event::{Event, Item, Uses},
        table::{
            AddressList, Known, Row, Step, address, all_addresses, beyond_long, copy, country, either, extra,
            fixed, known, long, made, meant, number, original, picked, port, steps, text, tls_name,
            tls_version, uses,
        },
    },
};

pub(super) static STEPS: [Step; ROWS.len()] = steps(&ROWS);
pub(super) static USES: Uses = uses(&ROWS);

/// The mapping.
#[rustfmt::skip]
pub(super) const ROWS: [Row; 100] = [
    picked(&[F::EndMs, F::StartMs, F::LogTimeMs], "@timestamp", |e| {
        Some(Item::Date(e.first_time(&[F::EndMs, F::StartMs, F::LogTimeMs]).or(e.choices.observed_at).unwrap_or(0)))
    }, "end, else start, else log time; else the time of observation, as weir.time_source says"),
    fixed("ecs.version", "\"9.0.0\""),
    made(&[F::Kind], "event.kind", |e| Some(Item::Text(if is_attack(e) { "alert" } else { "event" })), "alert for attacks, else event"),
    made(&[F::Kind, F::Product], "event.category", |e| {
        Some(Item::Json(match (is_attack(e), e.web) {
            (true, true) => r#"["intrusion_detection","web"]"#,
            (true, false) => r#"["intrusion_detection","network"]"#,
            (false, true) => r#"["web"]"#,
            (false, false) => r#"["network"]"#,
        }))
    }, "network, or web for alb, elb, waf and waf_access; with intrusion_detection for attacks"),
    made(&[F::Action, F::LogStatus, F::Product], "event.type", |e| {
        let allowed = match e.text(F::Action) {
            Some("accept" | "log") => Some(true),
            Some("reject") => Some(false),
            _ => None,
        };
        Some(Item::Json(match (e.web, allowed) {
            _ if e.is_incomplete() => r#"["info"]"#,
            (true, Some(true)) => r#"["access","allowed"]"#,
            (true, Some(false)) => r#"["access","denied"]"#,
            (true, None) => r#"["access"]"#,
            (false, Some(true)) => r#"["connection","allowed"]"#,
            (false, Some(false)) => r#"["connection","denied"]"#,
            (false, None) => r#"["connection"]"#,
        }))
    }, "connection, or access for alb, elb, waf and waf_access; with allowed or denied; info for nodata and skipdata"),
    made(&[F::Action, F::HttpStatus], "event.outcome", |e| match e.success() {
        Some(true) => Some(Item::Text("success")),
        Some(false) => Some(Item::Text("failure")),
        None => e.has(F::Action).then_some(Item::Text("unknown")),
    }, "success for accept, log, or a response below 400; failure for reject or from 400; unknown for challenge"),
    copy(&[F::Action], "event.action"),
    meant(M::RejectReason, "event.reason", text, ""),
    copy(&[F::RecordId], "event.id"),
    copy(&[F::Provider], "event.module"),
    picked(&[F::StartMs], "event.start", |e| e.number(F::StartMs).map(Item::Date), ""),
    picked(&[F::EndMs], "event.end", |e| e.number(F::EndMs).map(Item::Date), ""),
    known(&[F::StartMs, F::EndMs], "event.duration", Known::Nanoseconds, "nanoseconds"),
    picked(&[F::LogTimeMs], "event.created", |e| e.number(F::LogTimeMs).map(Item::Date), ""),
    original("event.original"),

    meant(M::Client, "client.ip", address, ""),

    copy(&[F::SrcIp], "source.ip"),
    copy(&[F::SrcIp], "source.address"),
    copy(&[F::SrcPort], "source.port"),
    picked(&[F::BytesOut, F::Bytes, F::BytesIn], "source.bytes", |e| {
        e.long(F::BytesOut).or_else(|| one_way(e, F::Bytes, [F::BytesOut, F::BytesIn]))
    }, ONE_WAY),
    picked(&[F::PacketsOut, F::Packets, F::PacketsIn], "source.packets", |e| {
        e.long(F::PacketsOut).or_else(|| one_way(e, F::Packets, [F::PacketsOut, F::PacketsIn]))
    }, ONE_WAY),
    meant(M::NatIp, "source.nat.ip", address, ""),
    meant(M::NatPort, "source.nat.port", port, ""),
    meant(M::SourceCountry, "source.geo.country_iso_code", country, "two capitals"),
    meant(M::SourceProvinceName, "source.geo.region_name", text, ""),
    meant(M::SourceCityName, "source.geo.city_name", text, ""),

    copy(&[F::DstIp], "destination.ip"),
    picked(&[F::DstIp, F::Host], "destination.address", |e| e.item(F::DstIp).or_else(|| e.item(F::Host)), "the address, else the name"),
    copy(&[F::Host], "destination.domain"),
    copy(&[F::DstPort], "destination.port"),
    long!(F::BytesIn, "destination.bytes"),
    long!(F::PacketsIn, "destination.packets"),
    meant(M::DestinationCountry, "destination.geo.country_iso_code", country, "two capitals"),
    meant(M::DestinationProvinceName, "destination.geo.region_name", text, ""),
    meant(M::DestinationCityName, "destination.geo.city_name", text, ""),

    known(&[F::SrcIp, F::DstIp], "network.type", Known::NetworkType, "ipv4 or ipv6"),
    picked(&[F::Protocol], "network.iana_number", |e| e.number(F::Protocol).map(Item::Digits), "a string"),
    copy(&[F::Transport], "network.transport"),
    made(&[F::App], "network.protocol", |e| e.text(F::App).map(Item::Lower), "in lower case"),
    made(&[F::Direction], "network.direction", |e| Some(Item::Text(e.text(F::Direction).unwrap_or("unknown"))), "unknown without one"),
    picked(&[F::Bytes, F::BytesOut, F::BytesIn], "network.bytes", |e| {
        e.total(F::Bytes, F::BytesOut, F::BytesIn)
    }, "bytes, else the sum of both directions, up to 2^63-1"),
    picked(&[F::Packets, F::PacketsOut, F::PacketsIn], "network.packets", |e| {
        e.total(F::Packets, F::PacketsOut, F::PacketsIn)
    }, "packets, else the sum of both directions, up to 2^63-1"),
    known(&[F::SrcIp, F::DstIp, F::Protocol, F::SrcPort, F::DstPort], "network.community_id",
        Known::CommunityId, "Community ID version 1, seed 0"),
    meant(M::ForwardedFor, "network.forwarded_ip", address, "where it is one address"),

    copy(&[F::Provider], "cloud.provider"),
    copy(&[F::AccountId], "cloud.account.id"),
    meant(M::EnterpriseProject, "cloud.project.id", text, ""),
    meant(M::EnterpriseProjectName, "cloud.project.name", text, ""),
    copy(&[F::Region], "cloud.region"),
    meant(M::Zone, "cloud.availability_zone", text, ""),
    copy(&[F::InstanceId], "cloud.instance.id"),
    copy(&[F::Product], "cloud.service.name"),
    meant(M::Cluster, "orchestrator.cluster.name", text, ""),
    meant(M::ClusterArn, "orchestrator.cluster.id", text, ""),
    meant(M::Container, "container.id", text, ""),

    copy(&[F::LogFile], "log.file.path"),
    picked(&[F::LogOffset], "log.offset", |e| e.item(F::LogOffset), "as Filebeat has it"),

    made(&[F::Provider], "observer.vendor", |e| Some(Item::Text(e.vendor())), "the vendor's name for its cloud"),
    copy(&[F::Product], "observer.product"),
    made(&[F::Product], "observer.type", |e| Some(Item::Text(match e.text(F::Product) {
        _ if e.web => "proxy",
        Some("cfw" | "cfw_access" | "cfw_attack" | "cfw_url") => "firewall",
        Some("er" | "cen" | "nat" | "tgw") => "router",
        _ => "sensor",
    })), "firewall for cfw, cfw_access, cfw_attack and cfw_url; proxy for alb, elb, waf and waf_access; router for er, cen, nat and tgw; else sensor"),

    copy(&[F::Method], "http.request.method"),
    picked(&[F::BytesOut], "http.request.bytes", |e| e.long(F::BytesOut).filter(|_| e.web), OF_WEB),
    meant(M::RequestBody, "http.request.body.content", text, ""),
    copy(&[F::HttpStatus], "http.response.status_code"),
    picked(&[F::BytesIn], "http.response.bytes", |e| e.long(F::BytesIn).filter(|_| e.web), OF_WEB),
    meant(M::ResponseBodySize, "http.response.body.bytes", number, ""),
    meant(M::ResponseBody, "http.response.body.content", text, ""),
    meant(M::TlsVersion, "tls.version", tls_version, "the number"),
    meant(M::TlsVersion, "tls.version_protocol", tls_name, "its name, in lower case"),
    meant(M::UserAgent, "user_agent.original", text, ""),
    copy(&[F::Url], "url.original"),
    made(&[F::Url], "url.path", |e| e.path_and_query().map(|p| Item::Text(p.0)), "unless it is a whole URL, with ://"),
    either(&[F::Url], |e| e.path_and_query()?.1.map(Item::Text), M::Arguments, "url.query", text,
        "of a URL without ://; else the arguments"),
    meant(M::Scheme, "url.scheme", text, ""),
    picked(&[F::Url, F::Host], "url.domain", |e| e.item(F::Host).filter(|_| e.has(F::Url)), "where there is a URL"),
    copy(&[F::RuleId], "rule.id"),
    copy(&[F::RuleName], "rule.name"),
    copy(&[F::Attack], "rule.category"),
    all_addresses(&AddressList { fields: &[F::SrcIp, F::DstIp], meanings: &[M::NatIp, M::PacketSource, M::PacketDestination, M::Proxy, M::Client, M::ForwardedFor], take: address },
        "related.ip", "each once; other places keep theirs"),

    picked(&[F::StartMs, F::EndMs, F::LogTimeMs], "weir.time_source", |e| e.time_source(),
        "observed or unknown, where the record has no time"),
    copy(&[F::Kind], "weir.kind"),
    copy(&[F::LogStatus], "weir.log_status"),
    copy(&[F::TcpFlags], "weir.tcp_flags"),
    copy(&[F::VpcId], "weir.vpc_id"),
    copy(&[F::SubnetId], "weir.subnet_id"),
    copy(&[F::InterfaceId], "weir.interface_id"),
    copy(&[F::ResourceId], "weir.resource_id"),
    copy(&[F::TrafficPath], "weir.traffic_path"),
    copy(&[F::SrcRegion], "weir.src_region"),
    copy(&[F::DstRegion], "weir.dst_region"),
    copy(&[F::SrcVpcId], "weir.src_vpc_id"),
    copy(&[F::DstVpcId], "weir.dst_vpc_id"),
    copy(&[F::Severity], "weir.severity"),
    beyond_long!(F::Packets, "weir.packets"),
    beyond_long!(F::Bytes, "weir.bytes"),
    beyond_long!(F::PacketsOut, "weir.packets_out"),
    beyond_long!(F::BytesOut, "weir.bytes_out"),
    beyond_long!(F::PacketsIn, "weir.packets_in"),
    beyond_long!(F::BytesIn, "weir.bytes_in"),
    extra("{provider}.{product}.*", "the source's keys"),
];

const ONE_WAY: &str = "else the total, of vpc, er, cen and tgw: their flows are of one direction";
const OF_WEB: &str = "alb, elb, waf and waf_access";

/// The total of a flow that has just one direction, and no counters of either.
fn one_way<'e>(e: &Event<'e>, total: F, directions: [F; 2]) -> Option<Item<'e>> {
    let is_flow = e.text(F::Kind) == Some("flow");
    let is_one_way = is_flow && matches!(e.text(F::Product), Some("vpc" | "er" | "cen" | "tgw"));
    e.long(total).filter(|_| is_one_way && !directions.iter().any(|f| e.has(*f)))
}

fn is_attack(e: &Event<'_>) -> bool {
    e.text(F::Kind) == Some("attack")
}
