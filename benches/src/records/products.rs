//! Each product's way to tell of a flow: its keys and words, with columns in their order.

use std::fmt::{Display, Write as _};

use jiff::Timestamp;

use super::{
    Form,
    flow::{Fault, Flow},
    form::quoted,
};
use crate::random::mix;

/// Whose records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Product {
    /// Huawei Cloud VPC flow logs.
    HuaweiVpc,
    /// Huawei Cloud Enterprise Router flow logs.
    HuaweiEr,
    /// Huawei Cloud Firewall flow logs.
    HuaweiCfw,
    /// Huawei Cloud Firewall access control logs.
    HuaweiCfwAccess,
    /// Huawei Cloud Firewall attack event logs.
    HuaweiCfwAttack,
    /// Huawei Cloud Firewall URL logs.
    HuaweiCfwUrl,
    /// Huawei Cloud Web Application Firewall attack events.
    HuaweiWaf,
    /// Huawei Cloud Web Application Firewall access logs.
    HuaweiWafAccess,
    /// Huawei Cloud Elastic Load Balance access logs.
    HuaweiElb,
    /// Alibaba Cloud CEN transit router flow logs.
    AlibabaCen,
    /// Alibaba Cloud VPC flow logs.
    AlibabaVpc,
    /// Alibaba Cloud NAT gateway session logs.
    AlibabaNat,
    /// Alibaba Cloud Firewall traffic logs.
    AlibabaCfw,
    /// Alibaba Cloud Web Application Firewall logs.
    AlibabaWaf,
    /// Alibaba Cloud Application Load Balancer access logs.
    AlibabaAlb,
    /// Baidu AI Cloud flow logs, in the order of columns that is assumed.
    BaiduFlow,
    /// Amazon VPC flow logs.
    AwsVpc,
    /// AWS Transit Gateway flow logs.
    AwsTgw,
    /// Weir's own flat records.
    Flat,
}

impl Product {
    /// Every one, in the order of the registry.
    pub const ALL: [Self; 19] = [
        Self::HuaweiVpc,
        Self::HuaweiEr,
        Self::HuaweiCfw,
        Self::HuaweiCfwAccess,
        Self::HuaweiCfwAttack,
        Self::HuaweiCfwUrl,
        Self::HuaweiWaf,
        Self::HuaweiWafAccess,
        Self::HuaweiElb,
        Self::AlibabaCen,
        Self::AlibabaVpc,
        Self::AlibabaNat,
        Self::AlibabaCfw,
        Self::AlibabaWaf,
        Self::AlibabaAlb,
        Self::BaiduFlow,
        Self::AwsVpc,
        Self::AwsTgw,
        Self::Flat,
    ];

    /// What `--from` calls it.
    pub fn id(self) -> &'static str {
        match self {
            Self::HuaweiVpc => "huawei-vpc",
            Self::HuaweiEr => "huawei-er",
            Self::HuaweiCfw => "huawei-cfw",
            Self::HuaweiCfwAccess => "huawei-cfw-access",
            Self::HuaweiCfwAttack => "huawei-cfw-attack",
            Self::HuaweiCfwUrl => "huawei-cfw-url",
            Self::HuaweiWaf => "huawei-waf",
            Self::HuaweiWafAccess => "huawei-waf-access",
            Self::HuaweiElb => "huawei-elb",
            Self::AlibabaCen => "alibaba-cen",
            Self::AlibabaVpc => "alibaba-vpc",
            Self::AlibabaNat => "alibaba-nat",
            Self::AlibabaCfw => "alibaba-cfw",
            Self::AlibabaWaf => "alibaba-waf",
            Self::AlibabaAlb => "alibaba-alb",
            Self::BaiduFlow => "baidu-flow",
            Self::AwsVpc => "aws-vpc",
            Self::AwsTgw => "aws-tgw",
            Self::Flat => "flat",
        }
    }

    /// The one with this id.
    pub fn by_id(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|product| product.id() == id)
    }

    /// The form that its records usually come in.
    pub const fn usual_form(self) -> Form {
        match self {
            Self::HuaweiVpc | Self::HuaweiEr | Self::BaiduFlow | Self::AwsVpc | Self::AwsTgw => Form::Lines,
            Self::HuaweiCfw | Self::HuaweiCfwAccess | Self::HuaweiCfwAttack | Self::HuaweiCfwUrl => {
                Form::CfwPages
            }
            Self::HuaweiWaf => Form::WafPages,
            Self::HuaweiWafAccess => Form::LtsQuery,
            Self::HuaweiElb => Form::LtsStructured,
            Self::AlibabaCen
            | Self::AlibabaVpc
            | Self::AlibabaNat
            | Self::AlibabaCfw
            | Self::AlibabaWaf
            | Self::AlibabaAlb
            | Self::Flat => Form::Keyed,
        }
    }

    /// Whether it has text lines of its own, with nothing but blanks between their columns.
    pub fn has_lines(self) -> bool {
        matches!(self, Self::HuaweiVpc | Self::HuaweiEr | Self::BaiduFlow | Self::AwsVpc | Self::AwsTgw)
    }

    /// Whether it writes records without traffic.
    pub(super) fn has_no_data(self) -> bool {
        matches!(
            self,
            Self::HuaweiVpc | Self::AlibabaVpc | Self::BaiduFlow | Self::AwsVpc | Self::AwsTgw | Self::Flat
        )
    }

    /// Whether a record with this fault is rejected.
    pub(super) fn minds(self, fault: Fault) -> bool {
        use Product::*;
        match fault {
            // Baidu's may be the name of a host.
            Fault::Address => self != BaiduFlow,
            // Those of Web Application Firewall have no field.
            Fault::Port => !matches!(self, HuaweiWaf | HuaweiWafAccess),
            // What counts packets.
            Fault::Counter => !matches!(
                self,
                HuaweiWaf
                    | HuaweiWafAccess
                    | HuaweiElb
                    | HuaweiCfwAccess
                    | HuaweiCfwAttack
                    | HuaweiCfwUrl
                    | AlibabaWaf
                    | AlibabaAlb
            ),
            Fault::NotUtf8 | Fault::CutShort => true,
        }
    }

    /// The topic that SLS has its records in.
    pub(super) fn topic(self) -> &'static str {
        match self {
            Self::AlibabaVpc => "flow_log",
            Self::AlibabaCfw => "cloudfirewall_access_log",
            Self::AlibabaWaf => "waf_access_log",
            Self::AlibabaAlb => "alb_layer7_access_log",
            _ => "",
        }
    }

    /// Tells of a flow in this product's words.
    pub(super) fn tell(self, flow: &Flow, m: &mut Members) {
        match self {
            Self::HuaweiVpc => huawei_vpc(flow, m),
            Self::HuaweiEr => huawei_er(flow, m),
            Self::HuaweiCfw => huawei_cfw(flow, m),
            Self::HuaweiCfwAccess => huawei_cfw_access(flow, m),
            Self::HuaweiCfwAttack => huawei_cfw_attack(flow, m),
            Self::HuaweiCfwUrl => huawei_cfw_url(flow, m),
            Self::HuaweiWaf => huawei_waf(flow, m),
            Self::HuaweiWafAccess => huawei_waf_access(flow, m),
            Self::HuaweiElb => huawei_elb(flow, m),
            Self::AlibabaCen => alibaba_cen(flow, m),
            Self::AlibabaVpc => alibaba_vpc(flow, m),
            Self::AlibabaNat => alibaba_nat(flow, m),
            Self::AlibabaCfw => alibaba_cfw(flow, m),
            Self::AlibabaWaf => alibaba_waf(flow, m),
            Self::AlibabaAlb => alibaba_alb(flow, m),
            Self::BaiduFlow => baidu_flow(flow, m),
            Self::AwsVpc => aws_vpc(flow, m),
            Self::AwsTgw => aws_tgw(flow, m),
            Self::Flat => flat(flow, m),
        }
    }
}

/// How a value is written in JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Text,
    /// A number or an object.
    Bare,
    /// There is none; a column says so.
    Absent,
}

/// The keys and values of a record, with memory that is reused.
#[derive(Debug, Default)]
pub(super) struct Members {
    text: String,
    /// Key, kind, and where the text ends.
    list: Vec<(&'static str, Kind, usize)>,
}

impl Members {
    pub(super) fn clear(&mut self) {
        self.text.clear();
        self.list.clear();
    }

    fn put(&mut self, key: &'static str, kind: Kind, value: impl Display) {
        // Writing to a string can't fail.
        let _ = write!(self.text, "{value}");
        self.list.push((key, kind, self.text.len()));
    }

    fn text(&mut self, key: &'static str, value: impl Display) {
        self.put(key, Kind::Text, value);
    }

    fn bare(&mut self, key: &'static str, value: impl Display) {
        self.put(key, Kind::Bare, value);
    }

    fn text_if(&mut self, key: &'static str, there: bool, value: impl Display) {
        match there {
            true => self.text(key, value),
            false => self.put(key, Kind::Absent, ""),
        }
    }

    fn each(&self) -> impl Iterator<Item = (&'static str, Kind, &str)> {
        let mut begin = 0;
        self.list
            .iter()
            .map(move |&(key, kind, end)| (key, kind, &self.text[std::mem::replace(&mut begin, end)..end]))
    }

    /// As columns with blanks between them.
    pub(super) fn line(&self, out: &mut Vec<u8>) {
        for (i, (_, kind, value)) in self.each().enumerate() {
            if i > 0 {
                out.push(b' ');
            }
            let column = if kind == Kind::Absent { "-" } else { value };
            out.extend_from_slice(column.as_bytes());
        }
    }

    /// As a JSON object.
    pub(super) fn object(&self, out: &mut Vec<u8>) {
        out.push(b'{');
        for (i, (key, kind, value)) in self.each().filter(|m| m.1 != Kind::Absent).enumerate() {
            if i > 0 {
                out.push(b',');
            }
            quoted(key.as_bytes(), out);
            out.push(b':');
            match kind {
                Kind::Text => quoted(value.as_bytes(), out),
                Kind::Bare | Kind::Absent => out.extend_from_slice(value.as_bytes()),
            }
        }
        out.push(b'}');
    }

    /// The names of the columns, as a line of CSV.
    pub(super) fn header(&self, out: &mut Vec<u8>) {
        for (i, (key, ..)) in self.list.iter().enumerate() {
            if i > 0 {
                out.push(b',');
            }
            out.extend_from_slice(key.as_bytes());
        }
        out.push(b'\n');
    }

    /// As a row of CSV.
    pub(super) fn row(&self, out: &mut Vec<u8>) {
        for (i, (_, _, value)) in self.each().enumerate() {
            if i > 0 {
                out.push(b',');
            }
            match value.contains(['"', ',', '\n']) {
                true => {
                    out.push(b'"');
                    out.extend_from_slice(value.replace('"', "\"\"").as_bytes());
                    out.push(b'"');
                }
                false => out.extend_from_slice(value.as_bytes()),
            }
        }
    }
}

/// A UUID of a number.
struct Uuid(u64);

impl Display for Uuid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let a = mix(self.0.wrapping_add(1));
        let b = mix(a);
        write!(
            f,
            "{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}",
            a >> 32,
            a >> 16 & 0xffff,
            a >> 4 & 0xfff,
            a & 0xfff,
            b >> 16
        )
    }
}

/// 32 hexadecimal digits of a number.
struct Hex32(u64);

impl Display for Hex32 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let a = mix(self.0.wrapping_add(1));
        write!(f, "{a:016x}{:016x}", mix(a))
    }
}

/// The time as a text, in UTC.
fn written(seconds: u64) -> impl Display {
    // The flows' times are all of this century.
    Timestamp::from_second(seconds as i64).unwrap_or_default()
}

fn accept(f: &Flow) -> &'static str {
    if f.accepted { "ACCEPT" } else { "REJECT" }
}

fn huawei_vpc(f: &Flow, m: &mut Members) {
    m.text("version", 1);
    m.text("project_id", Hex32(f.account));
    m.text("interface_id", Uuid(f.interface));
    five_tuple_and_counters(f, f.traffic, m);
    m.text("start", f.start);
    m.text("end", f.end);
    m.text_if("action", f.traffic, accept(f));
    m.text("log_status", if f.traffic { "OK" } else { "NODATA" });
}

/// As Huawei, Amazon and Baidu have them in the middle of a line.
fn five_tuple_and_counters(f: &Flow, there: bool, m: &mut Members) {
    m.text_if("srcaddr", there, &f.src);
    m.text_if("dstaddr", there, &f.dst);
    m.text_if("srcport", there, &f.src_port);
    m.text_if("dstport", there, &f.dst_port);
    m.text_if("protocol", there, f.protocol.0);
    m.text_if("packets", there, &f.packets);
    m.text_if("bytes", there, f.bytes);
}

fn huawei_er(f: &Flow, m: &mut Members) {
    m.text("version", 1);
    m.text("project_id", Hex32(f.account));
    m.text("resource_id", Uuid(f.interface));
    m.text("instance_id", Uuid(f.account ^ 7));
    five_tuple_and_counters(f, true, m);
    m.text("start", f.start);
    m.text("end", f.end);
    m.text("direct", if f.outward { "egress" } else { "ingress" });
}

fn cfw_direction(f: &Flow) -> &'static str {
    if f.outward { "in2out" } else { "out2in" }
}

fn huawei_cfw(f: &Flow, m: &mut Members) {
    m.text("app", f.app);
    m.bare("bytes", format_args!("{}.0", f.bytes));
    m.text("direction", cfw_direction(f));
    m.text("dst_ip", &f.dst);
    m.bare("dst_port", &f.dst_port);
    m.text_if("dst_host", f.host.is_some(), f.host.unwrap_or_default());
    let (id, name) = f.place.copied().unwrap_or_default();
    m.text_if("dst_region_id", f.place.is_some(), id);
    m.text_if("dst_region_name", f.place.is_some(), name);
    m.bare("end_time", f.end * 1000 + f.id % 1000);
    m.text("log_id", format_args!("{:x}", f.id));
    m.bare("packets", &f.packets);
    m.text("protocol", f.protocol.1);
    m.text("src_ip", &f.src);
    m.bare("src_port", &f.src_port);
    m.bare("start_time", f.start * 1000);
}

const RULES: [&str; 4] = ["eip_ipv4_w_n_default_deny", "默认放行", "allow web, then log", "block \"bots\""];

fn rule(f: &Flow) -> (u64, &'static str) {
    (f.id % 16, RULES[(f.id % 16) as usize % RULES.len()])
}

fn huawei_cfw_access(f: &Flow, m: &mut Members) {
    m.text("action", if f.accepted { "permit" } else { "deny" });
    m.text("app", f.app);
    m.text("dst_ip", &f.dst);
    m.bare("dst_port", &f.dst_port);
    m.bare("hit_time", f.start * 1000);
    m.text("log_id", f.id % 100_000_000);
    match f.protocol.0 {
        1 => m.text("protocol", "ICMP: ECHO_REQUEST"),
        _ => m.text("protocol", f.protocol.1),
    }
    m.text("rule_id", Uuid(rule(f).0));
    m.text("rule_name", rule(f).1);
    m.text("src_ip", &f.src);
    m.bare("src_port", &f.src_port);
}

/// Kind, rule, level.
const ATTACKS: [(&str, &str, &str); 5] = [
    ("Web Attack", "Tomcat path traversal", "HIGH"),
    ("Brute Force", "SSH password guessing", "MEDIUM"),
    ("Vulnerability Exploit", "Log4j2 remote code execution (CVE-2021-44228)", "CRITICAL"),
    ("Scan", "Nmap service detection", "LOW"),
    ("Trojan", "Mirai variant, command & control", "HIGH"),
];

/// Bytes in base64, so long as a number says.
struct Packet(u64);

impl Display for Packet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let mut bits = self.0;
        for _ in 0..4 * (1 + self.0 % 24) {
            bits = bits.rotate_left(6) ^ 0x15;
            f.write_char(char::from(DIGITS[bits as usize % 64]))?;
        }
        Ok(())
    }
}

fn huawei_cfw_attack(f: &Flow, m: &mut Members) {
    let which = (f.id >> 8) as usize % ATTACKS.len();
    let (kind, rule, level) = ATTACKS[which];
    m.text("action", if f.accepted { "permit" } else { "deny" });
    m.text("app", f.app);
    m.text("attack_rule", rule);
    m.text("attack_rule_id", 336_100 + which);
    m.text("attack_type", kind);
    m.text("direction", cfw_direction(f));
    m.text("dst_ip", &f.dst);
    m.bare("dst_port", &f.dst_port);
    m.bare("event_time", f.start * 1000 + f.id % 1000);
    m.text("level", level);
    m.text("log_id", f.id % 100_000_000);
    m.text("packet", Packet(f.id));
    m.text("protocol", f.protocol.1);
    m.text("source", 0);
    m.text("src_ip", &f.src);
    m.bare("src_port", &f.src_port);
}

const URLS: [&str; 6] = [
    "/",
    "/index.php",
    "/osclass/oc-admin/index.php",
    "/api/v1/orders/search",
    "/static/js/app.3f2a9c.js",
    "/wp-login.php",
];

/// Kind, rule, what was sent.
const PAYLOADS: [(&str, &str, &str); 5] = [
    ("lfi", "040002", " file=../../../../etc/passwd"),
    ("sqli", "010000", "id=1' or '1'='1"),
    ("xss", "020015", "q=\"><script>alert(1)</script>"),
    ("cmdi", "060007", "host=127.0.0.1; cat /etc/shadow"),
    ("robot", "080001", "名称=测试\tx"),
];

const AGENTS: [&str; 4] = [
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
    "curl/8.5.0",
    "python-requests/2.32.3",
    "Mozilla/5.0 (compatible; Nmap Scripting Engine; https://nmap.org/book/nse.html)",
];

fn pick<T: Copy>(items: &[T], number: u64) -> T {
    items[(number % items.len() as u64) as usize]
}

fn huawei_cfw_url(f: &Flow, m: &mut Members) {
    let host = f.host.unwrap_or("www.example.com");
    m.text("action", if f.accepted { "permit" } else { "deny" });
    m.text("app", f.app);
    m.text("dst_ip", &f.dst);
    m.bare("dst_port", &f.dst_port);
    m.bare("hit_time", f.start * 1000 + f.id % 1000);
    m.text("log_id", f.id % 100_000_000);
    m.text("protocol", f.protocol.1);
    m.text("rule_id", Uuid(rule(f).0));
    m.text("rule_name", rule(f).1);
    m.bare("rule_type", rule(f).0 % 2);
    m.text("src_ip", &f.src);
    m.bare("src_port", &f.src_port);
    m.text("url", format_args!("{host}{}", pick(&URLS, f.id >> 8)));
}

fn huawei_waf(f: &Flow, m: &mut Members) {
    let (attack, rule, payload) = pick(&PAYLOADS, f.id >> 4);
    let (url, host) = (pick(&URLS, f.id >> 8), f.host.unwrap_or("www.example.com"));
    m.text("id", format_args!("04-0000-0000-0000-{:020}-{:08x}", f.start * 1000 + f.id % 1000, f.id >> 32));
    m.bare("time", f.start * 1000 + f.id % 1000);
    m.text("policyid", Hex32(f.account));
    m.text("host", format_args!("{host}:{}", Uuid(f.account)));
    m.text("url", url);
    m.text("attack", attack);
    m.text("rule", rule);
    m.text("payload", payload);
    m.text("payload_location", pick(&["params", "body", "header", "url"], f.id >> 12));
    m.text("sip", &f.src);
    m.text("action", if f.accepted { "log" } else { "block" });
    m.text("request_line", format_args!("GET {url}"));
    m.bare(
        "headers",
        format_args!(r#"{{"accept":"*/*","host":"{host}","user-agent":"{}"}}"#, pick(&AGENTS, f.id >> 16)),
    );
    m.text("cookie", if f.outward { "" } else { "{\"sid\":\"8f0c\"}" });
    m.text("status", pick(&[418, 403, 200], f.id >> 20));
    m.text("region", f.place.map_or("Reserved IP", |p| p.1));
    m.bare("response_time", f.id % 300);
    m.bare("response_size", f.bytes);
    m.text("response_body", "");
    m.bare("process_time", f.id % 7);
}

fn huawei_waf_access(f: &Flow, m: &mut Members) {
    m.text("waf-time", written(f.start));
    m.text("time_iso8601", written(f.start));
    m.text("remote_ip", &f.src);
    m.text("remote_port", &f.src_port);
    m.text("upstream_addr", format_args!("10.0.0.{}:80, 10.0.0.9:80", f.id % 250));
    m.text("request_length", 300 + f.id % 2000);
    m.text("bytes_send", f.bytes);
    m.text("body_bytes_sent", f.bytes - f.bytes / 9);
    m.text("response_code", pick(&[200, 200, 304, 404, 502], f.id >> 20));
    m.text("method", pick(&["GET", "GET", "POST", "HEAD"], f.id >> 24));
    m.text("http_host", f.host.unwrap_or("www.example.com"));
    m.text("url", pick(&URLS, f.id >> 8));
    m.text("args", format_args!("a={}&q=\"{}\"", f.id % 10_000, f.app));
    m.text("tls_version", pick(&["TLSv1.2", "TLSv1.3"], f.id >> 28));
    m.text("scheme", "https");
    m.text("user_agent", pick(&AGENTS, f.id >> 16));
}

fn huawei_elb(f: &Flow, m: &mut Members) {
    let (balancer, listener) = (Uuid(f.account), Uuid(f.interface));
    m.text("msec", format_args!("{}.{:03}", f.start, f.id % 1000));
    m.text("access_log_topic_id", Uuid(f.account % 3));
    m.text("time_iso8601", written(f.start));
    m.text("log_ver", "elb_01");
    m.text("remote_addr", &f.src);
    m.text("remote_port", &f.src_port);
    m.text("status", pick(&[200, 200, 304, 404, 502], f.id >> 20));
    m.text("request_method", pick(&["GET", "GET", "POST", "HEAD"], f.id >> 24));
    m.text("scheme", "https");
    m.text("host", f.host.unwrap_or("www.example.com"));
    m.text("router_request_uri", pick(&URLS, f.id >> 8));
    m.text("server_protocol", "HTTP/1.1");
    m.text("request_length", 300 + f.id % 2000);
    m.text("bytes_sent", f.bytes);
    m.text("body_bytes_sent", f.bytes - f.bytes / 9);
    m.text("request_time", format_args!("0.{:03}", f.id % 1000));
    m.text("upstream_status", "200");
    m.text("upstream_connect_time", "0.000");
    m.text("upstream_header_time", "0.001");
    m.text("upstream_response_time", "0.001");
    m.text("upstream_addr", format_args!("10.0.0.{}:80, 10.0.0.9:80", f.id % 250));
    m.text("http_user_agent", pick(&AGENTS, f.id >> 16));
    m.text("http_referer", "-");
    m.text("http_x_forwarded_for", "-");
    m.text("lb_name", format_args!("loadbalancer_{balancer}"));
    m.text("listener_name", format_args!("listener_{listener}"));
    m.text("listener_id", Hex32(f.interface));
    m.text("pool_name", format_args!("pool_{listener}"));
    m.text("member_name", "-");
    m.text("tenant_id", Hex32(f.account));
    m.text("eip_address", "198.51.100.4");
    m.text("eip_port", 443);
    m.text("upstream_addr_priv", "-");
    m.text("certificate_id", "-");
    m.text("ssl_protocol", pick(&["TLSv1.2", "TLSv1.3"], f.id >> 28));
    m.text("ssl_cipher", "ECDHE-RSA-AES256-GCM-SHA384");
    m.text("sni_domain_name", f.host.unwrap_or("www.example.com"));
    m.text("tcpinfo_rtt", f.id % 100_000);
    m.text("self_defined_header", "-");
}

/// What SLS adds to each log.
fn sls(f: &Flow, topic: &str, m: &mut Members) {
    m.text("__time__", f.end);
    m.text("__topic__", topic);
    m.text("__source__", "");
    m.text("__tag__:__receive_time__", f.end + 12);
}

fn alibaba_account(f: &Flow) -> impl Display {
    let digits = mix(f.account + 1) >> 14;
    std::fmt::from_fn(move |f| write!(f, "{digits:016}"))
}

const REGIONS: [&str; 4] = ["cn-hangzhou", "us-east-1", "ap-southeast-1", "eu-central-1"];

fn alibaba_cen(f: &Flow, m: &mut Members) {
    sls(f, Product::AlibabaCen.topic(), m);
    m.text("account-id", alibaba_account(f));
    m.text("cen-id", format_args!("cen-{:018x}", mix(f.account % 3)));
    m.text("src-region-id", pick(&REGIONS, f.interface));
    m.text("dst-region-id", pick(&REGIONS, f.interface >> 2));
    m.text("srcaddr", &f.src);
    m.text("srcport", &f.src_port);
    m.text("dstaddr", &f.dst);
    m.text("dstport", &f.dst_port);
    m.text("protocol", f.protocol.0);
    m.text("packets", &f.packets);
    m.text("bytes", f.bytes);
    m.text("start", f.start);
    m.text("end", f.end);
    m.text("direction", if f.outward { "out" } else { "in" });
}

fn alibaba_vpc(f: &Flow, m: &mut Members) {
    let (interface, subnet, there) = (mix(f.interface + 1), mix(f.interface % 16), f.traffic);
    sls(f, Product::AlibabaVpc.topic(), m);
    m.text("version", 1);
    m.text("account-id", alibaba_account(f));
    m.text("eni-id", format_args!("eni-bp{interface:018x}"));
    m.text_if("vm-id", there, format_args!("i-bp{:018x}", mix(interface)));
    m.text_if("vswitch-id", there, format_args!("vsw-bp{subnet:019x}"));
    m.text_if("vpc-id", there, format_args!("vpc-bp{:019x}", mix(subnet % 4)));
    m.text_if("type", there, if f.v6 { "IPv6" } else { "IPv4" });
    m.text_if("protocol", there, f.protocol.0);
    m.text_if("srcaddr", there, &f.src);
    m.text_if("srcport", there, &f.src_port);
    m.text_if("dstaddr", there, &f.dst);
    m.text_if("dstport", there, &f.dst_port);
    m.text_if("direction", there, if f.outward { "out" } else { "in" });
    m.text_if("action", there, accept(f));
    m.text_if("packets", there, &f.packets);
    m.text_if("bytes", there, f.bytes);
    m.text("start", f.start);
    m.text("end", f.end);
    m.text("log-status", if there { "OK" } else { "NODATA" });
    m.text_if("tcp-flags", there, f.tcp_flags);
    m.text_if("traffic_path", there, 1 + f.id % 22);
}

fn alibaba_nat(f: &Flow, m: &mut Members) {
    sls(f, Product::AlibabaNat.topic(), m);
    m.text("instance", format_args!("ngw-bp{:016x}", mix(f.account + 1)));
    m.text("vpc_id", format_args!("vpc-bp{:019x}", mix(f.account % 4)));
    m.text("protocol", f.protocol.0);
    m.text("pri_ip", &f.src);
    m.text("pri_port", &f.src_port);
    m.text("pub_ip", &f.dst);
    m.text("pub_port", &f.dst_port);
    m.text("nat_ip", format_args!("198.51.100.{}", f.account % 250));
    m.text("nat_port", 1024 + f.id % 60_000);
    m.text("bytes_from_pub", f.bytes);
    m.text("pkts_from_pub", 1 + f.bytes / 1400);
    m.text("bytes_from_vpc", f.bytes / 8);
    m.text("pkts_from_vpc", &f.packets);
    m.text("start_time", f.start);
    m.text("end_time", f.end);
}

fn alibaba_cfw(f: &Flow, m: &mut Members) {
    sls(f, Product::AlibabaCfw.topic(), m);
    m.text("aliuid", alibaba_account(f));
    m.text("log_type", "internet_log");
    m.text("direction", if f.outward { "out" } else { "in" });
    m.text("ip_protocol", f.protocol.1.to_ascii_lowercase());
    m.text("src_ip", &f.src);
    m.text("src_port", &f.src_port);
    m.text("dst_ip", &f.dst);
    m.text("dst_port", &f.dst_port);
    m.text("in_packet_bytes", f.bytes);
    m.text("in_packet_count", &f.packets);
    m.text("out_packet_bytes", f.bytes / 8);
    m.text("out_packet_count", 1 + f.bytes / 1400);
    m.text("total_packet_bytes", f.bytes + f.bytes / 8);
    m.text("total_packet_count", 2 + f.bytes / 1000);
    m.text("start_time", f.start);
    m.text("end_time", f.end);
    m.text("rule_result", if f.accepted { "pass" } else { "drop" });
    m.text("app_name", f.app);
    m.text("domain", f.host.unwrap_or_default());
    m.text("url", if f.app == "HTTP" { pick(&URLS, f.id) } else { "" });
    m.text("region_id", pick(&REGIONS, f.interface));
    m.text("acl_rule_id", Uuid(f.id % 16));
}

fn alibaba_waf(f: &Flow, m: &mut Members) {
    let (host, url) = (f.host.unwrap_or("www.example.com"), pick(&URLS, f.id >> 8));
    let attack = if f.accepted { "" } else { pick(&["sqli", "xss", "lfi"], f.id >> 4) };
    sls(f, Product::AlibabaWaf.topic(), m);
    m.text("start_time", f.start);
    m.text("time", written(f.start));
    m.text("user_id", alibaba_account(f));
    m.text("src_ip", &f.src);
    m.text("src_port", &f.src_port);
    m.text("real_client_ip", &f.src);
    m.text("dst_port", 443);
    m.text("host", host);
    m.text("matched_host", format_args!("{host}-waf"));
    m.text("request_method", pick(&["GET", "GET", "POST", "HEAD"], f.id >> 24));
    m.text("request_uri", url);
    m.text("request_length", 300 + f.id % 2000);
    m.text("request_time_msec", f.id % 300);
    m.text("request_traceid", Hex32(f.id));
    m.text("status", pick(&[200, 200, 304, 404, 405], f.id >> 20));
    m.text("body_bytes_sent", f.bytes);
    m.text("http_user_agent", pick(&AGENTS, f.id >> 16));
    m.text("http_referer", "-");
    m.text("http_x_forwarded_for", "-");
    m.text("https", "on");
    m.text("final_action", if f.accepted { "" } else { "block" });
    m.text("final_plugin", if f.accepted { "" } else { "waf" });
    m.text("final_rule_id", if f.accepted { 0 } else { 100_000 + f.id % 100 });
    m.text("final_rule_type", attack);
    m.text("upstream_addr", format_args!("10.0.0.{}:80", f.id % 250));
    m.text("upstream_status", "200");
}

fn alibaba_alb(f: &Flow, m: &mut Members) {
    sls(f, Product::AlibabaAlb.topic(), m);
    m.text("time", written(f.start));
    m.text("app_lb_id", format_args!("alb-{:016x}", mix(f.account + 1)));
    m.text("client_ip", &f.src);
    m.text("client_port", &f.src_port);
    m.text("vip_addr", "10.0.0.100");
    m.text("slb_vport", 443);
    m.text("scheme", "https");
    m.text("http_host", f.host.unwrap_or("www.example.com"));
    m.text("request_method", pick(&["GET", "GET", "POST", "HEAD"], f.id >> 24));
    m.text("request_uri", pick(&URLS, f.id >> 8));
    m.text("server_protocol", "HTTP/1.1");
    m.text("status", pick(&[200, 200, 304, 404, 502], f.id >> 20));
    m.text("request_length", 300 + f.id % 2000);
    m.text("body_bytes_sent", f.bytes);
    m.text("request_time", format_args!("0.{:03}", f.id % 1000));
    m.text("read_request_time", 0);
    m.text("write_response_time", 0);
    m.text("upstream_addr", format_args!("10.0.0.{}:80", f.id % 250));
    m.text("upstream_status", "200");
    m.text("upstream_response_time", "0.003");
    m.text("tcpinfo_rtt", f.id % 100_000);
    m.text("http_user_agent", pick(&AGENTS, f.id >> 16));
    m.text("http_referer", "-");
    m.text("http_x_forwarded_for", "-");
    m.text("ssl_protocol", pick(&["TLSv1.2", "TLSv1.3"], f.id >> 28));
    m.text("ssl_cipher", "ECDHE-RSA-AES256-GCM-SHA384");
}

fn baidu_flow(f: &Flow, m: &mut Members) {
    m.text("version", 1);
    m.text("account-id", format_args!("{:x}", mix(f.account + 1) >> 24));
    m.text("resource-type", pick(&["nat", "eni", "peerconn"], f.interface));
    m.text("resource-id", format_args!("nat-b{:x}", mix(f.interface + 1) >> 32));
    five_tuple_and_counters(f, f.traffic, m);
    m.text("start", f.start);
    m.text("end", f.end);
    m.text_if("action", f.traffic, if f.accepted { "allow" } else { "deny" });
    m.text("log-status", if f.traffic { "OK" } else { "NODATA" });
}

fn aws_vpc(f: &Flow, m: &mut Members) {
    m.text("version", 2);
    m.text("account-id", format_args!("{:012}", mix(f.account + 1) % 1_000_000_000_000));
    m.text("interface-id", format_args!("eni-{:017x}", mix(f.interface + 1)));
    five_tuple_and_counters(f, f.traffic, m);
    m.text("start", f.start);
    m.text("end", f.end);
    m.text_if("action", f.traffic, accept(f));
    m.text("log-status", if f.traffic { "OK" } else { "NODATA" });
}

fn aws_tgw(f: &Flow, m: &mut Members) {
    let there = f.traffic;
    let account = |n: u64| std::fmt::from_fn(move |w| write!(w, "{:012}", mix(n + 1) % 1_000_000_000_000));
    // Of two VPCs that the gateway joins, the one that the traffic comes from.
    let (from, to) = (mix(f.interface + 1), mix(f.interface + 2));
    m.text("version", 6);
    m.text("resource-type", "TransitGateway");
    match there {
        true => m.text("account-id", account(f.account)),
        false => m.text("account-id", "unknown"),
    }
    m.text("tgw-id", format_args!("tgw-{:017x}", mix(f.account + 1)));
    m.text("tgw-attachment-id", format_args!("tgw-attach-{from:017x}"));
    m.text_if("tgw-src-vpc-account-id", there, account(f.account));
    m.text_if("tgw-dst-vpc-account-id", there, account(f.account + 1));
    m.text_if("tgw-src-vpc-id", there, format_args!("vpc-{:017x}", from % 64));
    m.text_if("tgw-dst-vpc-id", there, format_args!("vpc-{:017x}", to % 64));
    m.text_if("tgw-src-subnet-id", there, format_args!("subnet-{:017x}", from % 256));
    m.text_if("tgw-dst-subnet-id", there, format_args!("subnet-{:017x}", to % 256));
    m.text_if("tgw-src-eni", there, format_args!("eni-{from:017x}"));
    m.text_if("tgw-dst-eni", there, format_args!("eni-{to:017x}"));
    m.text_if("tgw-src-az-id", there, format_args!("use1-az{}", 1 + from % 6));
    m.text_if("tgw-dst-az-id", there, format_args!("use1-az{}", 1 + to % 6));
    m.text_if("tgw-pair-attachment-id", there, format_args!("tgw-attach-{to:017x}"));
    five_tuple_and_counters(f, there, m);
    m.text("start", f.start);
    m.text("end", f.end);
    m.text("log-status", if there { "OK" } else { "NODATA" });
    m.text_if("type", there, if f.v6 { "IPv6" } else { "IPv4" });
    m.text_if("packets-lost-no-route", there, if f.accepted { 0 } else { f.id % 9 });
    m.text_if("packets-lost-blackhole", there, 0);
    m.text_if("packets-lost-mtu-exceeded", there, 0);
    m.text_if("packets-lost-ttl-expired", there, 0);
    m.text_if("tcp-flags", there, f.tcp_flags);
    m.text_if("region", there, "us-east-1");
    m.text_if("flow-direction", there, if f.outward { "egress" } else { "ingress" });
    m.text_if("pkt-src-aws-service", false, "");
    m.text_if("pkt-dst-aws-service", there && f.host.is_some(), "AMAZON");
}

fn flat(f: &Flow, m: &mut Members) {
    m.text("provider", "alibaba");
    m.text("product", "vpc");
    m.text("kind", "flow");
    m.bare("start_ms", f.start * 1000);
    m.bare("end_ms", f.end * 1000);
    if f.traffic {
        m.text("src_ip", &f.src);
        m.bare("src_port", &f.src_port);
        m.text("dst_ip", &f.dst);
        m.bare("dst_port", &f.dst_port);
        m.bare("protocol", f.protocol.0);
        let transport = if f.protocol.0 == 58 { "ipv6-icmp" } else { &f.protocol.1.to_ascii_lowercase() };
        m.text("transport", transport);
        m.text("direction", if f.outward { "egress" } else { "ingress" });
        m.text("action", if f.accepted { "accept" } else { "reject" });
        m.text("log_status", "ok");
        m.bare("packets", &f.packets);
        m.bare("bytes", f.bytes);
    } else {
        m.text("log_status", "nodata");
    }
    m.text("account_id", alibaba_account(f));
    m.text("interface_id", format_args!("eni-bp{:018x}", mix(f.interface + 1)));
    if f.traffic {
        m.bare("extra", format_args!(r#"{{"type":"{}"}}"#, if f.v6 { "IPv6" } else { "IPv4" }));
    }
}
