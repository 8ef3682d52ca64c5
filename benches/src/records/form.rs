//! How records lie in an input: bare, in rows, or in the envelopes of log services and APIs.

use std::io::Write as _;

use super::{Product, flow::Flow, products::Members};

/// How records lie in an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Text lines, for products that have them.
    Lines,
    /// A JSON object a line.
    Keyed,
    /// A header row, then rows.
    Csv,
    /// Pages of an LTS query, the records as text.
    LtsQuery,
    /// Pages of a structured LTS query, the records as objects.
    LtsStructured,
    /// LTS transfer to OBS and Kafka, a record a line.
    LtsTransfer,
    /// Pages of Cloud Firewall's API.
    CfwPages,
    /// Pages of Web Application Firewall's API.
    WafPages,
    /// Arrays, as SLS `GetLogs` first answered.
    SlsArray,
    /// Pages of SLS `GetLogsV2`.
    SlsPages,
    /// Log groups of the SLS SDK.
    SlsGroups,
    /// LoongCollector's files, a record a line.
    LoongCollector,
    /// Splunk HEC events, a record a line.
    SplunkHec,
    /// Pages of a BLS pull.
    BlsPull,
    /// Bodies of a BLS push.
    BlsPush,
    /// Pages of a BLS query, the records in rows.
    BlsQuery,
    /// BLS's deliveries, a record a line.
    BlsTransfer,
}

/// Where a record stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Position {
    pub(super) index: usize,
    pub(super) of_page: usize,
    /// How many records its page has.
    pub(super) page: usize,
}

impl Form {
    /// Every one.
    pub const ALL: [Self; 17] = [
        Self::Lines,
        Self::Keyed,
        Self::Csv,
        Self::LtsQuery,
        Self::LtsStructured,
        Self::LtsTransfer,
        Self::CfwPages,
        Self::WafPages,
        Self::SlsArray,
        Self::SlsPages,
        Self::SlsGroups,
        Self::LoongCollector,
        Self::SplunkHec,
        Self::BlsPull,
        Self::BlsPush,
        Self::BlsQuery,
        Self::BlsTransfer,
    ];

    /// What it is called on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Lines => "lines",
            Self::Keyed => "keyed",
            Self::Csv => "csv",
            Self::LtsQuery => "lts-query",
            Self::LtsStructured => "lts-structured",
            Self::LtsTransfer => "lts-transfer",
            Self::CfwPages => "cfw-pages",
            Self::WafPages => "waf-pages",
            Self::SlsArray => "sls-array",
            Self::SlsPages => "sls-pages",
            Self::SlsGroups => "sls-groups",
            Self::LoongCollector => "loongcollector",
            Self::SplunkHec => "splunk-hec",
            Self::BlsPull => "bls-pull",
            Self::BlsPush => "bls-push",
            Self::BlsQuery => "bls-query",
            Self::BlsTransfer => "bls-transfer",
        }
    }

    /// The one with this name.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|form| form.name() == name)
    }

    /// Whether records are objects, also where the product has lines.
    pub(super) fn is_keyed(self) -> bool {
        use Form::*;
        matches!(
            self,
            Keyed | LtsStructured | CfwPages | WafPages | SlsArray | SlsPages | SlsGroups | LoongCollector
        )
    }

    /// Whether a record's text is the value of a JSON string.
    pub(super) fn is_quoted(self) -> bool {
        use Form::*;
        matches!(self, LtsQuery | LtsTransfer | SplunkHec | BlsPull | BlsPush | BlsQuery | BlsTransfer)
    }

    /// Whether a record may end early without another one.
    pub(super) fn can_be_cut(self) -> bool {
        self.is_quoted() || matches!(self, Self::Lines | Self::Keyed | Self::LoongCollector)
    }

    /// Writes what stands before a record.
    pub(super) fn before(self, product: Product, at: Position, members: &Members, out: &mut Vec<u8>) {
        if self == Self::Csv {
            if at.index == 0 {
                members.header(out);
            }
            return;
        }
        let n = at.page;
        // Writing to a vector can't fail.
        let _ = match self {
            Self::Lines
            | Self::Keyed
            | Self::Csv
            | Self::LtsTransfer
            | Self::LoongCollector
            | Self::SplunkHec
            | Self::BlsTransfer => return,
            _ if at.of_page > 0 => {
                out.push(b',');
                return;
            }
            Self::LtsQuery | Self::LtsStructured => write!(out, r#"{{"count":{n},"logs":["#),
            Self::CfwPages => write!(out, r#"{{"data":{{"limit":1000,"records":["#),
            Self::WafPages => write!(out, r#"{{"items":["#),
            Self::SlsArray => write!(out, "["),
            Self::SlsPages => write!(out, r#"{{"meta":{{"progress":"Complete","count":{n}}},"data":["#),
            Self::SlsGroups => write!(
                out,
                r#"{{"topic":"{}","source":"10.0.0.9","tags":{{"__receive_time__":"1718000412"}},"logs":["#,
                product.topic()
            ),
            Self::BlsPull => write!(out, r#"{{"result":["#),
            Self::BlsPush => write!(out, r#"{{"logStreamName":"flow","type":"TEXT","logRecords":["#),
            Self::BlsQuery => write!(
                out,
                r#"{{"resultSet":{{"queryType":"match","columns":["@timestamp","@seq","@stream","@raw"],"rows":["#
            ),
        };
    }

    /// Writes a record with what is wrapped around it alone.
    pub(super) fn wrap(self, product: Product, flow: &Flow, at: Position, body: &[u8], out: &mut Vec<u8>) {
        let (seconds, millis) = (flow.end, flow.end * 1000 + flow.id % 1000);
        const LABELS: &str = r#""labels":{"hostName":"ecs-01","hostIP":"192.168.0.9","appName":"default_appname","path":"/var/log/flow","clusterName":"CONFIG_FILE"}"#;
        let index = at.index;
        let _ = match self {
            Self::Lines
            | Self::Keyed
            | Self::Csv
            | Self::CfwPages
            | Self::WafPages
            | Self::SlsArray
            | Self::SlsPages
            | Self::SlsGroups => {
                out.extend_from_slice(body);
                return;
            }
            Self::LtsQuery => {
                out.extend_from_slice(br#"{"content":"#);
                quoted(body, out);
                write!(out, r#",{LABELS},"line_num":"{}"}}"#, millis * 1_000_000 + index as u64)
            }
            Self::LtsStructured => {
                out.extend_from_slice(br#"{"log_content":"#);
                out.extend_from_slice(body);
                write!(out, r#",{LABELS},"line_num":"{}"}}"#, millis * 1_000_000 + index as u64)
            }
            Self::LtsTransfer => {
                let _ =
                    write!(out, r#"{{"host_name":"ecs-01","ip":"192.168.0.9","line_no":{index},"message":"#);
                quoted(body, out);
                // The line break of the file that LTS read.
                out.pop();
                write!(out, r#"\n","path":"/var/log/flow","time":{millis}}}"#)
            }
            Self::LoongCollector => {
                let _ = write!(out, r#"{{"time":{seconds},"contents":"#);
                out.extend_from_slice(body);
                write!(out, r#","tags":{{"host.ip":"10.0.0.9","__topic__":"{}"}}}}"#, product.topic())
            }
            Self::SplunkHec => {
                out.extend_from_slice(br#"{"event":"#);
                quoted(body, out);
                write!(out, r#","time":"{seconds}","host":"h","source":"s","sourcetype":"t"}}"#)
            }
            Self::BlsPull | Self::BlsPush => {
                out.extend_from_slice(br#"{"message":"#);
                quoted(body, out);
                write!(out, r#","timestamp":{millis}}}"#)
            }
            Self::BlsQuery => {
                let _ = write!(out, r#"[{millis},{index},"flow","#);
                quoted(body, out);
                write!(out, "]")
            }
            Self::BlsTransfer => {
                let _ = write!(out, r#"{{"@timestamp":{millis},"@stream":"flow","@raw":"#);
                quoted(body, out);
                write!(out, "}}")
            }
        };
    }

    /// Writes what stands after a record.
    pub(super) fn after(self, at: Position, records: usize, out: &mut Vec<u8>) {
        let ends_page = at.of_page + 1 == at.page;
        let _ = match self {
            Self::Lines
            | Self::Keyed
            | Self::Csv
            | Self::LtsTransfer
            | Self::LoongCollector
            | Self::SplunkHec
            | Self::BlsTransfer => writeln!(out),
            _ if !ends_page => return,
            Self::LtsQuery | Self::LtsStructured => writeln!(out, r#"],"isQueryComplete":true}}"#),
            Self::CfwPages => writeln!(out, r#"],"total":{records}}}}}"#),
            Self::WafPages => writeln!(out, r#"],"total":{records}}}"#),
            Self::SlsArray => writeln!(out, "]"),
            Self::SlsPages | Self::SlsGroups => writeln!(out, "]}}"),
            Self::BlsPull => writeln!(out, r#"],"isTruncated":true,"marker":"a","nextMarker":"b"}}"#),
            Self::BlsPush => writeln!(out, r#"],"tags":[]}}"#),
            Self::BlsQuery => writeln!(out, r#"],"tags":[{{}}]}},"nextMarker":""}}"#),
        };
    }
}

/// A text as a JSON string.
pub(super) fn quoted(text: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    for &byte in text {
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\t' => out.extend_from_slice(b"\\t"),
            _ => out.push(byte),
        }
    }
    out.push(b'"');
}
