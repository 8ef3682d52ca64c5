//! How requests are sent: over one client for a store, with what a vendor's library leaves out.

use std::time::Duration;

use http::{
    HeaderValue, Request, Response, StatusCode, Uri,
    header::{ACCEPT_ENCODING, AUTHORIZATION, RANGE},
    uri::{Authority, PathAndQuery},
};
use opendal::{Buffer, ErrorKind, HttpBody, HttpTransport};
use opendal_http_transport_reqwest::ReqwestTransport;
use reqwest::Client;
use tokio::time::timeout;

use crate::{Error, Kind, options::Place};

/// The most that a connection may take.
const CONNECT: Duration = Duration::from_secs(10);

/// The most that may pass without a byte; a part that is uploaded takes no longer, either.
const SILENCE: Duration = Duration::from_secs(90);

/// The most that the service of a machine that knows its credentials may take: who has none is on the
/// same machine.
const METADATA: Duration = Duration::from_secs(2);

/// What is put right in requests to a service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Corrections {
    /// The host that a library puts after the bucket's name, and the one that is meant.
    pub(super) host: Option<(String, String)>,
    /// The bucket, where it stands in the path and not before the host.
    pub(super) path: Option<String>,
    /// Whether requests are not signed, whatever the library thinks.
    pub(super) is_anonymous: bool,
    /// Whether a service decompresses what is not asked for compressed.
    pub(super) is_unpacking: bool,
}

impl Corrections {
    /// The URI that is meant; nothing where the request is for somebody else.
    fn uri(&self, uri: &Uri) -> Option<Uri> {
        let (from, to) = self.host.as_ref()?;
        let before = uri.host()?.strip_suffix(from.as_str())?;
        let mut parts = uri.clone().into_parts();
        let (host, path) = match &self.path {
            Some(bucket) => (to.clone(), format!("/{bucket}{}", uri.path_and_query()?)),
            None => (format!("{before}{to}"), uri.path_and_query()?.to_string()),
        };
        parts.authority = Some(host.parse::<Authority>().ok()?);
        parts.path_and_query = Some(path.parse::<PathAndQuery>().ok()?);
        Uri::from_parts(parts).ok()
    }
}

/// Sends requests.
pub(super) struct Transport {
    client: ReqwestTransport,
    corrections: Corrections,
}

impl Transport {
    pub(super) fn new(place: &Place, corrections: Corrections) -> Result<Self, Error> {
        // Where it was installed before, it is the same one.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let builder = |is_tls: bool| {
            let mut builder = Client::builder()
                .user_agent(concat!("weir/", env!("CARGO_PKG_VERSION")))
                .connect_timeout(CONNECT)
                .read_timeout(SILENCE)
                .referer(false);
            if place.endpoint.is_loopback() {
                // A proxy could not reach it.
                builder = builder.no_proxy();
            }
            if !is_tls {
                builder = builder.tls_certs_only([]);
            }
            builder.build()
        };
        let client = builder(true).or_else(|e| match place.endpoint.is_tls {
            true => Err(Error::new(
                Kind::Other,
                format!("can't set up TLS: {e}; install certificates, or name them with SSL_CERT_FILE"),
            )
            .with_source(e)),
            // Then it does not matter whether the system has certificates.
            false => builder(false).map_err(|e| Error::new(Kind::Other, format!("can't set up HTTP: {e}"))),
        })?;
        Ok(Self { client: ReqwestTransport::new(client), corrections })
    }
}

impl HttpTransport for Transport {
    async fn fetch(&self, mut request: Request<Buffer>) -> opendal::Result<Response<HttpBody>> {
        if let Some(meant) = self.corrections.uri(request.uri()) {
            *request.uri_mut() = meant;
            request.headers_mut().remove(http::header::HOST);
        }
        if self.corrections.is_anonymous {
            request.headers_mut().remove(AUTHORIZATION);
        }
        // Bytes are wanted as they are: nothing is compressed or decompressed on the way.
        let accepted = if self.corrections.is_unpacking { "gzip" } else { "identity" };
        request.headers_mut().insert(ACCEPT_ENCODING, HeaderValue::from_static(accepted));
        let is_metadata = matches!(
            request.uri().host(),
            Some("169.254.169.254" | "100.100.100.200" | "metadata.google.internal")
        );
        if !is_metadata {
            let is_part = request.headers().contains_key(RANGE);
            let answer = self.client.fetch(request).await?;
            if is_part && answer.status() == StatusCode::OK {
                // OSS answers so where the range is not all in the object: with other bytes than are meant.
                let what = "the answer has all of the object, and not the part that was asked for";
                return Err(opendal::Error::new(ErrorKind::RangeNotSatisfied, what));
            }
            return Ok(answer);
        }
        match timeout(METADATA, self.client.fetch(request)).await {
            Ok(answer) => answer,
            Err(_) => {
                Err(opendal::Error::new(ErrorKind::Unexpected, "the machine has no service of credentials"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_put_right_with_its_port_and_style() {
        let corrections = Corrections {
            host: Some(("obs.x.myhuaweicloud.com".into(), "store.example:8443".into())),
            ..Corrections::default()
        };
        let corrected = |corrections: &Corrections, uri: &str| {
            corrections.uri(&uri.parse().unwrap()).map(|uri| uri.to_string())
        };
        let uri = "https://b.obs.x.myhuaweicloud.com/a%20b?marker=c%2Fd";
        let meant = corrected(&corrections, uri);
        assert_eq!(meant.as_deref(), Some("https://b.store.example:8443/a%20b?marker=c%2Fd"));
        let in_path = Corrections { path: Some("b".into()), ..corrections.clone() };
        let meant = corrected(&in_path, uri);
        assert_eq!(meant.as_deref(), Some("https://store.example:8443/b/a%20b?marker=c%2Fd"));
        assert_eq!(corrected(&corrections, "http://169.254.169.254/latest"), None);
    }
}
