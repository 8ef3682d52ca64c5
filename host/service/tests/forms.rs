//! What clouds and other agents push, in the forms that they have for it.

mod support;

use std::{fs, net::SocketAddr};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use support::{Place, gzip, line, request, until};

fn place(more: &str) -> Place {
    let place = Place::default();
    let start = place.config.find("[sources.in]").unwrap();
    let end = place.config.find("[pipelines.p]").unwrap();
    fs::write(place.path("secret"), "hunter2\n").unwrap();
    let auth = format!("auth = {{ bearer = {{ file = {:?} }} }}", place.path("secret"));
    let source = format!("[sources.in]\ntype = \"http\"\nlisten = \"127.0.0.1:0\"\n{auth}\n{more}\n");
    let config = format!("{}{source}{}buffer = false\n", &place.config[..start], &place.config[end..]);
    Place { config, ..place }
}

/// The status, and the JSON of the answer.
fn ask(address: SocketAddr, head: &str, body: &[u8]) -> (u16, Value) {
    let (status, answer) = request(address, head, body);
    assert!(answer.to_lowercase().contains("content-type: application/json"), "{answer}");
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    (status, serde_json::from_str(body).unwrap_or_else(|e| panic!("{e}: {answer}")))
}

const ID: &str = "ed4acda5-034f-9f42-bba1-f29aea6d7d8f";

fn firehose(records: &[Vec<u8>]) -> Vec<u8> {
    let records: Vec<_> = records.iter().map(|data| json!({ "data": STANDARD.encode(data) })).collect();
    let body = json!({ "requestId": ID, "timestamp": 1_578_090_901_599_u64, "records": records });
    body.to_string().into_bytes()
}

#[test]
fn firehose_hands_on_records_and_has_the_answer_that_it_expects() {
    let place = place("max_body = \"64KiB\"");
    let run = place.start();
    let address = run.address("in");
    let head = format!(
        "POST /firehose HTTP/1.1\r\ncontent-type: application/json\r\nx-amz-firehose-protocol-version: 1.0\r\n\
         x-amz-firehose-request-id: {ID}\r\nx-amz-firehose-source-arn: arn:aws:firehose:us-east-1:123456789:deliverystream/test"
    );
    let key = "\r\nx-amz-firehose-access-key: ";
    let records = firehose(&[line(0).into(), (line(1) + &line(2)).into()]);
    let is_in_order = |answer: &Value| {
        assert_eq!(answer["requestId"], ID);
        // 2020 and later, in milliseconds.
        assert!(answer["timestamp"].as_u64().unwrap() > 1_577_836_800_000, "{answer}");
    };
    for wrong in [String::new(), format!("{key}hunter"), "\r\nauthorization: Splunk hunter2".to_owned()] {
        let (status, answer) = ask(address, &format!("{head}{wrong}"), &records);
        assert!(status == 401 && answer["errorMessage"].is_string(), "{answer}");
        is_in_order(&answer);
    }
    assert!(place.delivered().is_empty());
    let right = format!("{head}{key}hunter2");
    let (status, answer) = ask(address, &right, &records);
    assert!(status == 200 && answer.get("errorMessage").is_none(), "{answer}");
    is_in_order(&answer);
    // No need to wait.
    assert_eq!(place.delivered().len(), 3);
    // Its compression, and that of a subscription of CloudWatch Logs inside, with how that is tried out.
    let message = |kind: &str, text: &str| {
        let event = json!({ "id": "1", "timestamp": 1_548_752_736_000_u64, "message": text.trim_end() });
        gzip(
            &json!({
                "messageType": kind, "owner": "123456789012", "logGroup": "vpc", "logStream": "eni-1",
                "subscriptionFilters": ["all"], "logEvents": [event],
            })
            .to_string(),
        )
    };
    let records = firehose(&[
        message("DATA_MESSAGE", &line(3)),
        message("CONTROL_MESSAGE", "CWL CONTROL MESSAGE: Checking health of destination Firehose."),
        message("DATA_MESSAGE", &line(4)),
    ]);
    let packed = gzip(std::str::from_utf8(&records).unwrap());
    let (status, answer) = ask(address, &format!("{right}\r\ncontent-encoding: GZIP"), &packed);
    assert_eq!(status, 200, "{answer}");
    place.expect(0..5);
    // What can't be taken is told in the same form, so that the reason is found in its log.
    let (status, answer) = ask(address, &right, &vec![b' '; 100 << 10]);
    assert!(status == 413 && answer["errorMessage"].as_str().unwrap().contains("65536 bytes"), "{answer}");
    is_in_order(&answer);
    let (status, answer) = ask(address, &format!("{right}\r\ncontent-encoding: gzip"), b"no gzip");
    assert!(status == 400 && answer["errorMessage"].as_str().unwrap().contains("unpacked"), "{answer}");
    // What it says is said back, and can't break out of its place.
    let hostile = right.replace(ID, "a\"},{\"b\\");
    assert_eq!(ask(address, &hostile, &firehose(&[])).1["requestId"], "a\"},{\"b\\");
    assert_eq!(run.end(), Default::default());
}

#[test]
fn firehose_is_told_to_come_back_as_long_as_its_records_are_not_safe() {
    let place = place("timeout = \"50ms\"").with("/out.ndjson", "/later/out.ndjson");
    fs::write(place.path("later"), "a file where a folder should be").unwrap();
    let run = place.start();
    let address = run.address("in");
    let head =
        format!("POST / HTTP/1.1\r\nx-amz-firehose-request-id: {ID}\r\nx-amz-firehose-access-key: hunter2");
    let (status, answer) = ask(address, &head, &firehose(&[line(0).into()]));
    assert!(status == 503 && answer["requestId"] == ID && answer["errorMessage"].is_string(), "{answer}");
    let splunk = "POST /services/collector/event HTTP/1.1\r\nauthorization: Splunk hunter2";
    let event = json!({ "event": line(1).trim_end() }).to_string();
    let (status, answer) = ask(address, splunk, event.as_bytes());
    assert_eq!((status, answer), (503, json!({ "text": "Server is busy", "code": 9 })));
    fs::remove_file(place.path("later")).unwrap();
    until("there is room", || ask(address, splunk, event.as_bytes()).0 == 200);
    run.end();
}

#[test]
fn splunk_s_collector_is_spoken_with() {
    let place = place("max_body = \"64KiB\"");
    let run = place.start();
    let address = run.address("in");
    let post = |path: &str, authorization: &str, body: &[u8]| {
        let login = match authorization {
            "" => String::new(),
            value => format!("\r\nauthorization: {value}"),
        };
        ask(address, &format!("POST /services/collector{path} HTTP/1.1{login}"), body)
    };
    let said = |status: u16, text: &str, code: u8| (status, json!({ "text": text, "code": code }));
    let event =
        |id: u64| json!({ "time": 1_548_752_736, "host": "h", "event": line(id).trim_end() }).to_string();
    let right = "Splunk hunter2";
    let success = said(200, "Success", 0);
    // Events stand one behind the other, with nothing in between.
    assert_eq!(post("/event", right, (event(0) + &event(1)).as_bytes()), success);
    assert_eq!(place.delivered().len(), 2);
    assert_eq!(post("", right, event(2).as_bytes()), success);
    assert_eq!(post("/event/1.0", right, event(3).as_bytes()), success);
    assert_eq!(post("/raw?channel=FE0ECFAD-13D5-401B-847D-77833BD77131", right, line(4).as_bytes()), success);
    assert_eq!(post("/raw/1.0", "splunk hunter2", line(5).trim_end().as_bytes()), success);
    let basic = format!("Basic {}", STANDARD.encode("x:hunter2"));
    assert_eq!(post("/event", &basic, event(6).as_bytes()), success);
    place.expect(0..7);
    for (authorization, answer) in [
        ("", said(401, "Token is required", 2)),
        ("Splunk hunter", said(403, "Invalid token", 4)),
        ("Splunk hunter22", said(403, "Invalid token", 4)),
        ("Basic eDpodW50ZXI=", said(403, "Invalid token", 4)),
    ] {
        assert_eq!(post("/event", authorization, event(9).as_bytes()), answer, "{authorization}");
    }
    // Firehose tries a collector with nothing, and takes this for its being there.
    assert_eq!(post("/event", right, b""), said(400, "No data", 5));
    let packed = format!("{right}\r\ncontent-encoding: gzip");
    assert_eq!(post("/event", &packed, b"no gzip"), said(400, "Invalid data format", 6));
    assert_eq!(post("/event", &packed, &gzip(&event(7))), success);
    assert_eq!(post("/ack", right, b"{\"acks\":[0]}"), said(400, "ACK is disabled", 14));
    assert_eq!(post("/event", right, &vec![b' '; 100 << 10]).0, 413);
    let healthy = ask(address, "GET /services/collector/health HTTP/1.1", b"");
    assert_eq!(healthy, said(200, "HEC is healthy", 17));
    assert_eq!(request(address, "GET /services/collector/other HTTP/1.1", b"").0, 404);
    place.expect(0..8);
    assert_eq!(run.end(), Default::default());
}
