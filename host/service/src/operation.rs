//! What says how the service is: `/metrics`, `/health` and `/ready`.

use std::{convert::Infallible, net::TcpListener, time::Duration};

use http_body_util::Full;
use hyper::{
    HeaderMap, Method, Request, Response, StatusCode, body::Bytes, header, server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::task::AbortHandle;

use crate::{
    error::Error,
    health::Board,
    metrics::{self, Metrics},
    plane::Plane,
};

/// How long a client may take for a request.
const PATIENCE: Duration = Duration::from_secs(10);

/// Measures what only matters when somebody asks.
pub(crate) type Measure = Box<dyn Fn() + Send + Sync>;

/// Serves until the task is aborted; what was asked before is answered.
pub(crate) fn serve(
    listener: TcpListener,
    plane: &Plane,
    metrics: Metrics,
    board: Board,
    measure: Measure,
) -> Result<AbortHandle, Error> {
    let runtime = plane.handle()?;
    let shared = std::sync::Arc::new((metrics, board, measure));
    let task = runtime.spawn(async move {
        let Ok(listener) = tokio::net::TcpListener::from_std(listener) else { return };
        loop {
            let Ok((connection, _)) = listener.accept().await else {
                tokio::time::sleep(PATIENCE / 100).await;
                continue;
            };
            let shared = std::sync::Arc::clone(&shared);
            tokio::spawn(async move {
                let service = service_fn(|request: Request<hyper::body::Incoming>| {
                    let (metrics, board, measure) = &*shared;
                    let response = answer(&request, metrics, board, measure);
                    async move { Ok::<_, Infallible>(response) }
                });
                let served = http1::Builder::new()
                    .timer(TokioTimer::new())
                    .header_read_timeout(PATIENCE)
                    .serve_connection(TokioIo::new(connection), service);
                let _ = served.await;
            });
        }
    });
    Ok(task.abort_handle())
}

fn answer<B>(
    request: &Request<B>,
    metrics: &Metrics,
    board: &Board,
    measure: &Measure,
) -> Response<Full<Bytes>> {
    let (status, text, kind) = match (request.method(), request.uri().path()) {
        (&Method::GET | &Method::HEAD, "/metrics") => {
            measure();
            match asks_for_open_metrics(request.headers()) {
                true => (StatusCode::OK, metrics.open_metrics(), metrics::OPEN_METRICS),
                false => (StatusCode::OK, metrics.text(), metrics::TEXT),
            }
        }
        (&Method::GET | &Method::HEAD, "/health") => (StatusCode::OK, "it runs\n".into(), "text/plain"),
        (&Method::GET | &Method::HEAD, "/ready") => {
            let failing = board.failing();
            let status = if failing.is_empty() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
            let text = serde_json::to_string(&failing).unwrap_or_default();
            (status, text + "\n", "application/json")
        }
        (&Method::GET | &Method::HEAD, _) => {
            (StatusCode::NOT_FOUND, "there are /metrics, /health and /ready\n".into(), "text/plain")
        }
        _ => (StatusCode::METHOD_NOT_ALLOWED, "GET it\n".into(), "text/plain"),
    };
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(kind));
    response
}

/// Whether OpenMetrics is what a client likes best of the two formats. Who names neither can read the older one.
fn asks_for_open_metrics(headers: &HeaderMap) -> bool {
    let mut best = (0.0, false);
    let accepted = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    for range in accepted.flat_map(|value| value.split(',')) {
        let mut parts = range.split(';').map(str::trim);
        let kind = parts.next().unwrap_or_default().to_ascii_lowercase();
        let (mut version, mut quality) = (None, 1.0f32);
        for (name, value) in parts.filter_map(|part| part.split_once('=')) {
            let value = value.trim().trim_matches('"');
            match &*name.trim().to_ascii_lowercase() {
                "version" => version = Some(value),
                "q" => quality = value.parse().unwrap_or(1.0),
                _ => {}
            }
        }
        let is_open = match &*kind {
            "application/openmetrics-text" if version.is_none_or(|version| version == "1.0.0") => true,
            "text/plain" | "text/*" if version.is_none_or(|version| version == "0.0.4") => false,
            _ => continue,
        };
        // Of two that are liked alike it is the first.
        if quality > best.0 {
            best = (quality, is_open);
        }
    }
    best.1
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `/metrics` as a client gets it that accepts this: the content type, and the text.
    fn metrics(accepts: &[&str]) -> (String, String) {
        let mut request = Request::get("http://weir/metrics");
        for accepted in accepts {
            request = request.header(header::ACCEPT, *accepted);
        }
        let measure: Measure = Box::new(|| ());
        let response = answer(&request.body(()).unwrap(), &Metrics::new(), &Board::default(), &measure);
        let kind = response.headers()[header::CONTENT_TYPE].to_str().unwrap().to_owned();
        let body = format!("{:?}", response.into_body());
        (kind, body)
    }

    #[test]
    fn open_metrics_are_for_who_asks_for_them() {
        // What Prometheus 3 sends, and Prometheus 2.
        let newer = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,\
                     application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;q=0.4,\
                     text/plain;version=0.0.4;q=0.3,*/*;q=0.2";
        let older = "application/openmetrics-text; version=1.0.0, text/plain;version=0.0.4;q=0.5";
        for accepts in [
            &[newer][..],
            &[older],
            &["application/openmetrics-text"],
            &["Application/OpenMetrics-Text; Version=\"1.0.0\""],
            &["text/html", "application/openmetrics-text"],
            &["text/plain;q=0.1, application/openmetrics-text;q=0.2"],
        ] {
            let (kind, body) = metrics(accepts);
            assert_eq!(kind, "application/openmetrics-text; version=1.0.0; charset=utf-8", "{accepts:?}");
            assert!(
                body.contains("# EOF") && body.contains("# TYPE weir_checkpoint_writes counter"),
                "{body}"
            );
        }
        for accepts in [
            &[][..],
            &["*/*"],
            &["text/plain"],
            &["text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"],
            &["text/plain;version=0.0.4, application/openmetrics-text"],
            &["application/openmetrics-text;q=0.2, text/plain;q=0.3"],
            &["application/openmetrics-text;q=0"],
            &["application/openmetrics-text;version=2.0.0"],
            &["application/openmetrics-text;version=0.0.1"],
            &["application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"],
        ] {
            let (kind, body) = metrics(accepts);
            assert_eq!(kind, "text/plain; version=0.0.4; charset=utf-8", "{accepts:?}");
            assert!(
                !body.contains("# EOF") && body.contains("# TYPE weir_checkpoint_writes_total counter"),
                "{body}"
            );
        }
    }
}
