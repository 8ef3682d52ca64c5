//! The envelopes that log services and APIs put around records.
//!
//! Two kinds: documents that hold an array of records, which the framing opens, and objects
//! that hold one record under a key ([`PAYLOADS`]), which are peeled record by record.

use crate::{
    catalog::{hint::Hint, keys::same_key, products},
    json::{members::Object, read as json},
    value::{
        missing,
        raw::{Raw, RawKind},
        time::Unit,
    },
};

/// What a key at the top of a document may be to the framing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyRole {
    /// Nothing.
    Other,
    /// Its array holds records.
    Records,
    /// Its object has the array of records.
    Section,
    /// Either of the two.
    RecordsOrSection,
    /// Its array holds records that are arrays; inside a section only.
    Rows,
}

impl KeyRole {
    /// Whether its object may have the array of records.
    pub(crate) fn is_section(self) -> bool {
        matches!(self, Self::Section | Self::RecordsOrSection)
    }
}

/// No key with a role, and none that envelopes are known to have, is longer.
pub(crate) const LONGEST_KEY: usize = 20;

/// The role of a key at the top of a document, or in a section.
pub(crate) fn key_role(key: &[u8]) -> KeyRole {
    match key {
        // LTS query; SLS SDK, second form.
        b"logs" => KeyRole::Records,
        // CFW, with and without its `data` section.
        b"records" => KeyRole::Records,
        // WAF.
        b"items" => KeyRole::Records,
        // BLS pull; BLS push body.
        b"result" | b"logRecords" => KeyRole::Records,
        // CloudWatch Logs: subscriptions; FilterLogEvents and GetLogEvents.
        b"logEvents" | b"events" => KeyRole::Records,
        // SLS GetLogs has records in it, CFW a section.
        b"data" => KeyRole::RecordsOrSection,
        // BLS query.
        b"resultSet" => KeyRole::Section,
        b"rows" => KeyRole::Rows,
        _ => KeyRole::Other,
    }
}

/// What envelopes say of themselves beside the arrays of their records, in a word or a number. With
/// [`OWN_NESTED`] the list is closed: another member may be data, and makes an object without
/// records one that is rejected, where an envelope without records is passed over.
const OWN_KEYS: &[&str] = &[
    // LTS query.
    "count",
    "isQueryComplete",
    // CFW and WAF, also in the section.
    "total",
    "limit",
    "offset",
    // SLS SDK, second form.
    "topic",
    "source",
    // BLS pull; query, also in the section; push body.
    "isTruncated",
    "marker",
    "nextMarker",
    "queryType",
    "logStreamName",
    "type",
    // CloudWatch Logs: subscriptions; FilterLogEvents; GetLogEvents.
    "messageType",
    "owner",
    "logGroup",
    "logStream",
    "nextToken",
    "nextForwardToken",
    "nextBackwardToken",
];

/// What they say of themselves in an object or an array.
const OWN_NESTED: &[&str] = &[
    // GetLogs has its metadata under one key; SLS SDK, second form.
    META,
    "tags",
    // BLS query, in the section.
    COLUMNS,
    "columnTypes",
    "datasetScanInfo",
    // CloudWatch Logs: subscriptions; FilterLogEvents.
    "subscriptionFilters",
    "searchedLogStreams",
];

/// Whether a member is on the closed list of what envelopes say of themselves, or one that their
/// records are under; `nested` where its value is an object or an array.
pub(crate) fn is_own(key: &str, nested: bool) -> bool {
    key_role(key.as_bytes()) != KeyRole::Other || OWN_NESTED.contains(&key) || !nested && is_own_word(key)
}

/// Whether a member is on the list of what envelopes say of themselves in a word or a number.
fn is_own_word(key: &str) -> bool {
    OWN_KEYS.contains(&key)
}

/// The key of what is told of a query in an answer of SLS, and in that the key of the words that it found:
/// some of what the records say, again.
pub(crate) const META: &str = "meta";
pub(crate) const FOUND_WORDS: &str = "highlights";

/// The member that makes an object an envelope that the framing opens.
pub(crate) fn records_in(object: Object<'_>) -> Option<usize> {
    let mut members = object.members.iter().enumerate().filter(|(_, m)| m.value.is_nested());
    members.find(|(i, _)| holds_records(object.key(*i), object.raw(*i).text)).map(|(i, _)| i)
}

/// Whether a member of an object may make it an envelope that the framing opens. Its array does
/// not, if no record begins in it.
pub(crate) fn holds_records(key: &str, value: &str) -> bool {
    let records = || value.strip_prefix('[').is_some_and(|rest| rest.trim_ascii_start().starts_with('{'));
    match key_role(key.as_bytes()) {
        KeyRole::Records => records(),
        KeyRole::Section => value.starts_with('{'),
        KeyRole::RecordsOrSection => value.starts_with('{') || records(),
        KeyRole::Rows | KeyRole::Other => false,
    }
}

/// Whether a text is an envelope that holds no record: brackets, and members on the closed list.
#[inline(never)]
pub(crate) fn is_empty(text: &str) -> bool {
    let (mut members, mut unescaped) = (Vec::new(), String::new());
    if json::read_members(text, &mut members, &mut unescaped).is_err() {
        return false;
    }
    let object = Object { text, unescaped: &unescaped, members: &members };
    let keys = || (0..members.len()).map(|i| key_role(object.key(i).as_bytes()));
    match text.trim_ascii_start().starts_with('[') {
        true => members.is_empty(),
        false => keys().any(|role| role != KeyRole::Other) && holds_nothing(object, true),
    }
}

fn holds_nothing(object: Object<'_>, top: bool) -> bool {
    let empty = |i: usize| {
        let (key, Raw { kind, text: value }) = (object.key(i), object.raw(i));
        let role = key_role(key.as_bytes());
        let array = value.starts_with('[');
        match role {
            KeyRole::Other => return is_own(key, kind == RawKind::Nested),
            _ if kind != RawKind::Nested => return false,
            KeyRole::Section if array || !top => return false,
            KeyRole::RecordsOrSection if !array && !top => return false,
            KeyRole::Records if !array => return false,
            KeyRole::Rows if !array || top => return false,
            _ => {}
        }
        let (mut members, mut unescaped) = (Vec::new(), String::new());
        // It was checked as a part of the whole.
        let _ = json::read_members(value, &mut members, &mut unescaped);
        let inner = Object { text: value, unescaped: &unescaped, members: &members };
        if array { members.is_empty() } else { holds_nothing(inner, false) }
    };
    (0..object.members.len()).all(empty)
}

/// What a key of the log service is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meta {
    /// The log's time.
    LogTime(Unit),
    /// Something else that is no part of the record.
    Field,
}

/// Keys whose value is the record: a line, a JSON text, or an object.
const PAYLOADS: &[&str] = &[
    // LTS query; structured queries; transfer to OBS and Kafka; BLS; Splunk HEC; LoongCollector.
    "content",
    "log_content",
    "message",
    "@raw",
    "event",
    "contents",
    // CloudWatch Logs Insights; the rest of CloudWatch has `message`.
    "@message",
    // Log agents and container runtimes; journald.
    "log",
    "MESSAGE",
];

/// The key of the record in events of Fluent Bit's Kafka input; in records it is an attack's.
pub(crate) const EVENT_PAYLOAD: &str = "payload";

/// The key of a record in base64, in what Firehose hands on, and the other keys that it may have.
pub(crate) const ENCODED: &str = "data";
pub(crate) const BESIDE_ENCODED: &[&str] =
    &["recordId", "approximateArrivalTimestamp", "kinesisRecordMetadata"];

/// What an API answers if a call failed.
pub(crate) struct ErrorBody {
    /// The key of the error's code.
    pub(crate) code: &'static str,
    /// The key of its message.
    pub(crate) message: &'static str,
    /// Another key that it always has.
    pub(crate) also: Option<&'static str>,
    /// All other keys that it may have, where others have the same ones; then it comes before a
    /// payload, whose key `message` is as well.
    pub(crate) only: Option<&'static [&'static str]>,
}

/// The error bodies of the clouds' APIs.
pub(crate) const API_ERRORS: &[ErrorBody] = &[
    // Huawei.
    ErrorBody { code: "error_code", message: "error_msg", also: None, only: None },
    // Alibaba's SLS; its other APIs.
    ErrorBody { code: "errorCode", message: "errorMessage", also: None, only: None },
    ErrorBody {
        code: "Code",
        message: "Message",
        also: Some("RequestId"),
        only: Some(&["HostId", "Recommend", "AccessDeniedDetail"]),
    },
    // Baidu.
    ErrorBody { code: "code", message: "message", also: Some("requestId"), only: Some(&[]) },
    // AWS.
    ErrorBody { code: "__type", message: "message", also: None, only: Some(&[]) },
    ErrorBody { code: "__type", message: "Message", also: None, only: Some(&[]) },
];

/// How the messages begin by which CloudWatch Logs tries whether somebody takes its events.
pub(crate) const CONTROL_MESSAGE: &str = "CWL CONTROL MESSAGE";

/// The key of a log's time that may be a record's own key too.
pub(crate) const TIME: &str = "time";

/// The key of the log's topic in a record. In an envelope around records of SLS it is `topic`,
/// which in a record may be anything's: Kafka has topics, too, and somebody named them.
pub(crate) const TOPIC: &str = "__topic__";

/// A key that subscriptions of CloudWatch Logs have in their envelope, and nothing else has there.
const CLOUDWATCH: &str = "messageType";

/// Whether a key is the log's topic, or says whose log service it comes from; `wrapper` as for [`meta`].
pub(crate) fn is_topic(key: &str, wrapper: bool) -> bool {
    key == TOPIC || wrapper && matches!(key, "topic" | CLOUDWATCH)
}

/// Topics of logs in SLS that are of no product here, though some of their keys are: those of
/// classic load balancers and of Anti-DDoS.
const OTHER_TOPICS: [&str; 4] =
    ["slb_layer4_access_log", "slb_layer7_access_log", "ddoscoo_access_log", "ddos_access_log"];

/// How the topics begin that Security Center gives its logs.
const SECURITY_CENTER: [&str; 2] = ["sas-", "aegis-"];

/// What a log's topic says about its records.
pub(crate) fn hint(key: &str, topic: Raw<'_>) -> Hint {
    if let Some(p) = products::all().iter().position(|p| p.topics.contains(&topic.text)) {
        return Hint::Product(p);
    }
    match key {
        _ if missing::is_missing(topic) => Hint::Nothing,
        _ if OTHER_TOPICS.contains(&topic.text) => Hint::Other,
        _ if SECURITY_CENTER.iter().any(|begin| topic.text.starts_with(begin)) => Hint::Other,
        CLOUDWATCH => Hint::Provider("aws"),
        TOPIC => Hint::Provider("alibaba"),
        // An envelope's may be another log service's.
        _ => Hint::Nothing,
    }
}

/// The key of the names of columns in a section, and the key of what they are around.
pub(crate) const COLUMNS: &str = "columns";

/// Whether an object with this key may be wrapped around a record.
pub(crate) fn is_payload(key: &str) -> bool {
    PAYLOADS.contains(&key)
}

/// Whether what stands under this key in a record may be the text that the record was made of: it
/// is a payload's, a log service's, or that of a kept text.
pub(crate) fn holds_text(key: &str) -> bool {
    let others = ["raw", "envelope", "__raw__", "__raw_log__", EVENT_PAYLOAD, ENCODED];
    PAYLOADS.iter().chain(&others).any(|k| same_key(k, key))
}

/// Whether this is what a log's time has below its second.
pub(crate) fn is_time_part(key: &str) -> bool {
    matches!(key, "__time_ns_part__" | "@time_ns")
}

/// What a key is to the log service; `wrapper` where it stands beside a payload, and not
/// among the keys of a record.
pub(crate) fn meta(key: &str, wrapper: bool) -> Option<Meta> {
    match key {
        "__time__" | "@lh_time" => Some(Meta::LogTime(Unit::Seconds)),
        "@timestamp" => Some(Meta::LogTime(Unit::Millis)),
        // LTS transfer to OBS; LoongCollector, also among the keys of a record.
        TIME => Some(Meta::LogTime(Unit::Guess)),
        // BLS.
        "timestamp" if wrapper => Some(Meta::LogTime(Unit::Millis)),
        "__topic__" | "__source__" | "__pack_id__" | "__pack_meta__" | "__index_number__" | "__raw__"
        | "__raw_log__" | "__time_ns_part__" | "@time_ns" | "@stream" | "@seq" => Some(Meta::Field),
        // CloudWatch Logs Insights; what its exports name beside a message.
        "@logStream" | "@log" | "@ptr" | "@ingestionTime" => Some(Meta::Field),
        "logStreamName" | "ingestionTime" | "eventId" if wrapper => Some(Meta::Field),
        _ if key.starts_with("__tag__:") => Some(Meta::Field),
        _ => None,
    }
}

/// The marks that LTS puts around the words that a query found.
pub(crate) const HIGHLIGHTS: [&str; 2] = ["<HighLightTag>", "</HighLightTag>"];
