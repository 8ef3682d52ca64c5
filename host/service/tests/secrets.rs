//! Secrets are in no log, whatever is logged.

mod support;

use std::{
    fmt::{Debug, Write as _},
    fs,
    sync::{Arc, Mutex},
};

use support::{Place, line, request, until};
use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    span,
};

/// Keeps all that is said, at every level.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<String>>);

struct Writer<'a>(&'a mut String);

impl Visit for Writer<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let _ = write!(self.0, " {}={value:?}", field.name());
    }
}

impl Subscriber for Kept {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &span::Attributes<'_>) -> span::Id {
        span.record(&mut Writer(&mut self.0.lock().unwrap()));
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, values: &span::Record<'_>) {
        values.record(&mut Writer(&mut self.0.lock().unwrap()));
    }

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut kept = self.0.lock().unwrap();
        event.record(&mut Writer(&mut kept));
        kept.push('\n');
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

#[test]
fn case_49_no_secret_is_in_any_log() {
    let kept = Kept::default();
    tracing::subscriber::set_global_default(kept.clone()).unwrap();
    let place = Place::default();
    fs::write(place.path("secret"), "hunter2\n").unwrap();
    let secret = format!("{{ file = {:?} }}", place.path("secret"));
    // A port where nobody listens.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let start = place.config.find("[sources.in]").unwrap();
    let head = place.config[..start].replace("drain = \"60s\"", "drain = \"20ms\"\nlisten = \"127.0.0.1:0\"");
    let config = format!(
        "{head}[sources.in]\ntype = \"http\"\nlisten = \"127.0.0.1:0\"\nauth = {{ bearer = {secret} }}\n\
         [pipelines.p]\nsources = [\"in\"]\nsinks = [\"out\"]\n\
         [sinks.out]\ntype = \"http\"\nurl = \"http://127.0.0.1:{port}/\"\n\
         auth = {{ user = \"weir\", password = {secret} }}\nsecret_headers = {{ x-key = {secret} }}\n"
    );
    let mut place = Place { config, ..place };
    let run = place.start();
    let (address, operation) = (run.address("in"), run.address("operation"));
    let login = |token: &str| format!("POST / HTTP/1.1\r\nauthorization: Bearer {token}");
    assert_eq!(request(address, &login("hunter2"), line(0).as_bytes()).0, 200);
    assert_eq!(request(address, &login("hunter22"), line(0).as_bytes()).0, 401);
    until("the sink fails", || {
        request(operation, "GET /metrics HTTP/1.1", b"").1.contains("weir_sink_retries_total")
    });
    let good = place.config.clone();
    // Written where it is only to be named.
    place.config = good.replacen(&secret, "\"hunter2\"", 1);
    let refused = run.reload(&place).unwrap_err();
    let told = request(operation, "GET /ready HTTP/1.1", b"").1
        + &request(operation, "GET /metrics HTTP/1.1", b"").1;
    run.end();
    let log = kept.0.lock().unwrap().clone();
    assert!(log.contains("listening") && log.contains("is refused"), "{log}");
    // Neither as it is nor as it is sent: `weir:hunter2` in base64.
    for text in [&refused, &told, &log] {
        assert!(!text.contains("hunter2") && !text.contains("d2VpcjpodW50ZXIy"), "{text}");
    }
}
