//! What says how the service is: `/metrics`, `/health` and `/ready`.

use std::{convert::Infallible, net::TcpListener, time::Duration};

use http_body_util::Full;
use hyper::{
    Method, Request, Response, StatusCode, body::Bytes, header, server::conn::http1, service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::task::AbortHandle;

use crate::{error::Error, health::Board, metrics::Metrics, plane::Plane};

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
                    let response = answer(request.method(), request.uri().path(), metrics, board, measure);
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

fn answer(
    method: &Method,
    path: &str,
    metrics: &Metrics,
    board: &Board,
    measure: &Measure,
) -> Response<Full<Bytes>> {
    let (status, text, kind) = match (method, path) {
        (&Method::GET | &Method::HEAD, "/metrics") => {
            measure();
            (StatusCode::OK, metrics.text(), "application/openmetrics-text; version=1.0.0; charset=utf-8")
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
