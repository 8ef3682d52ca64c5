//! The forms in which others push: what they ask for besides a POST of records, and what they take for
//! an answer. What is in their bodies the normalizer knows.
//!
//! * Amazon Data Firehose, and CloudWatch Logs through it: "HTTP endpoint delivery request and response
//!   specifications" in its developer guide. The key comes in a header of its own, and the answer has
//!   the request's id and a time.
//! * Splunk's HTTP Event Collector: "HTTP Event Collector REST API endpoints" and "Troubleshoot HTTP
//!   Event Collector" in its documentation. There are no acknowledgements to ask for later, as
//!   a request is answered when its events are safe.

use std::time::{SystemTime, UNIX_EPOCH};

use http_body_util::Full;
use hyper::{
    HeaderMap, Method, Response, StatusCode,
    body::Bytes,
    header::{self, HeaderValue},
};
use serde::Serialize;

use crate::worker::Rejected;

const REQUEST_ID: &str = "x-amz-firehose-request-id";
/// The header with the key.
pub(super) const ACCESS_KEY: &str = "x-amz-firehose-access-key";

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Plain,
    /// With the id of the request.
    Firehose(String),
    Splunk,
}

/// What the answer is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// All records are safe.
    Safe { normalized: u64, filtered: u64, rejected: u64, first: Vec<Rejected> },
    /// Not so, and why.
    Not(StatusCode, String),
}

/// What is answered to who posts records in no form of somebody else.
#[derive(Serialize)]
struct Taken<'a> {
    normalized: u64,
    filtered: u64,
    rejected: u64,
    /// The first of them, with where in the body and why.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    rejects: &'a [Rejected],
}

/// The answers of Splunk's collector.
#[derive(Serialize)]
struct Said<'a> {
    text: &'a str,
    code: u8,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Delivered<'a> {
    request_id: &'a str,
    timestamp: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_message: Option<&'a str>,
}

impl Form {
    pub(super) fn of(path: &str, headers: &HeaderMap) -> Self {
        if let Some(id) = headers.get(REQUEST_ID) {
            return Self::Firehose(String::from_utf8_lossy(id.as_bytes()).into_owned());
        }
        match path == "/services/collector" || path.starts_with("/services/collector/") {
            true => Self::Splunk,
            false => Self::Plain,
        }
    }

    /// What is answered without records, and without a login where that is not needed.
    pub(super) fn asked(&self, method: &Method, path: &str) -> Option<Response<Full<Bytes>>> {
        if *self != Self::Splunk {
            return None;
        }
        match path.trim_start_matches("/services/collector").trim_end_matches("/1.0") {
            "/health" if method == Method::GET => Some(said(StatusCode::OK, "HEC is healthy", 17)),
            "/ack" => Some(said(StatusCode::BAD_REQUEST, "ACK is disabled", 14)),
            "" | "/event" | "/raw" => None,
            _ => Some(Self::Plain.answer(&Outcome::Not(
                StatusCode::NOT_FOUND,
                "there are event, raw and health below /services/collector".into(),
            ))),
        }
    }

    /// The answer as whoever asks expects it.
    pub(super) fn answer(&self, outcome: &Outcome) -> Response<Full<Bytes>> {
        let (status, why) = match outcome {
            Outcome::Safe { .. } => (StatusCode::OK, None),
            Outcome::Not(status, why) => (*status, Some(why.as_str())),
        };
        let mut response = match (self, outcome) {
            (Self::Plain, Outcome::Safe { normalized, filtered, rejected, first }) => {
                let (normalized, filtered, rejected) = (*normalized, *filtered, *rejected);
                let taken = Taken { normalized, filtered, rejected, rejects: first };
                json(status, serde_json::to_string(&taken).unwrap_or_default() + "\n")
            }
            (Self::Plain, Outcome::Not(_, why)) => {
                let mut response = Response::new(Full::new(Bytes::from(format!("{why}\n"))));
                *response.status_mut() = status;
                response
            }
            (Self::Firehose(id), _) => {
                let timestamp =
                    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_millis() as u64);
                let body = Delivered { request_id: id, timestamp, error_message: why };
                json(status, serde_json::to_string(&body).unwrap_or_default())
            }
            (Self::Splunk, Outcome::Safe { normalized: 0, filtered: 0, rejected: 0, .. }) => {
                said(StatusCode::BAD_REQUEST, "No data", 5)
            }
            (Self::Splunk, Outcome::Safe { .. }) => said(status, "Success", 0),
            (Self::Splunk, Outcome::Not(..)) => match status {
                StatusCode::UNAUTHORIZED => said(status, "Token is required", 2),
                StatusCode::FORBIDDEN => said(status, "Invalid token", 4),
                StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
                    said(StatusCode::SERVICE_UNAVAILABLE, "Server is busy", 9)
                }
                // It has no codes for the others.
                _ => said(status, "Invalid data format", 6),
            },
        };
        if matches!(response.status(), StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

fn said(status: StatusCode, text: &str, code: u8) -> Response<Full<Bytes>> {
    json(status, serde_json::to_string(&Said { text, code }).unwrap_or_default())
}

fn json(status: StatusCode, text: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
