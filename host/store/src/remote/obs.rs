//! Listings of OBS. OpenDAL leaves out of them what an object's etag is and when it was written, and
//! can't begin behind a key.

use http::Request;
use opendal::{
    Buffer, Error, ErrorKind, HttpTransporter, Result,
    raw::{Timestamp, percent_encode_path},
};
use quick_xml::de;
use reqsign_core::{Context, OsEnv, ProvideCredentialChain, Signer};
use reqsign_huaweicloud_obs::{Credential, EnvCredentialProvider, RequestSigner, StaticCredentialProvider};
use serde::Deserialize;

use crate::Object;

/// Asks for pages of a bucket.
pub(super) struct Lister {
    signer: Signer<Credential>,
    transport: HttpTransporter,
    /// With the bucket before the host, as it is put right on the way.
    endpoint: String,
}

/// A page of a listing, with whole keys.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) objects: Vec<Object>,
    /// Where the next one begins.
    pub(super) next: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct ListBucketResult {
    is_truncated: bool,
    next_marker: Option<String>,
    contents: Vec<Contents>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Contents {
    key: String,
    last_modified: String,
    #[serde(rename = "ETag")]
    etag: Option<String>,
    size: u64,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Refusal {
    code: String,
    message: String,
}

impl Lister {
    pub(super) fn new(
        bucket: &str,
        endpoint: String,
        key: Option<(String, String)>,
        transport: HttpTransporter,
    ) -> Self {
        let mut provider = ProvideCredentialChain::new().push(EnvCredentialProvider::new());
        if let Some((id, secret)) = key {
            provider = provider.push_front(StaticCredentialProvider::new(&id, &secret));
        }
        let context = Context::new().with_env(OsEnv);
        Self { signer: Signer::new(context, provider, RequestSigner::new(bucket)), transport, endpoint }
    }

    /// The page of keys that begin with `prefix` and come behind `marker`.
    pub(super) async fn page(&self, prefix: &str, marker: &str) -> Result<Page> {
        let (prefix, marker) = (percent_encode_path(prefix), percent_encode_path(marker));
        let url = format!("{}/?prefix={prefix}&marker={marker}&max-keys=1000", self.endpoint);
        let failed = |message: &'static str, e: &dyn ToString| {
            Error::new(ErrorKind::Unexpected, message).set_source(std::io::Error::other(e.to_string()))
        };
        let request = Request::get(url).body(Buffer::new()).map_err(|e| failed("the URL is wrong", &e))?;
        let (mut parts, body) = request.into_parts();
        self.signer.sign(&mut parts, None).await.map_err(|e| failed("signing http request", &e))?;
        let answer = self.transport.send(Request::from_parts(parts, body)).await?;
        let (status, text) = (answer.status().as_u16(), answer.into_body().to_vec());
        if status != 200 {
            let refusal: Refusal = de::from_reader(&text[..]).unwrap_or_default();
            let kind = match status {
                404 => ErrorKind::NotFound,
                401 | 403 => ErrorKind::PermissionDenied,
                429 => ErrorKind::RateLimited,
                _ => ErrorKind::Unexpected,
            };
            let Refusal { code, message } = refusal;
            let told = format!("Refusal {{ code: {code:?}, message: {message:?} }}");
            return Err(Error::new(kind, told).with_temporary(matches!(status, 429 | 500..)));
        }
        // A page that is cut short may be whole the next time.
        let page: ListBucketResult =
            de::from_reader(&text[..]).map_err(|e| failed("the listing is no XML", &e).set_temporary())?;
        let last = page.contents.last().map(|last| last.key.clone());
        let next = page.next_marker.filter(|next| !next.is_empty()).or(last);
        let objects = page.contents.into_iter().map(|found| Object {
            key: found.key,
            size: found.size,
            etag: found.etag,
            modified: found.last_modified.parse::<Timestamp>().ok().map(Into::into),
        });
        Ok(Page { objects: objects.collect(), next: next.filter(|_| page.is_truncated) })
    }
}
