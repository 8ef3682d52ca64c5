//! Options that several sinks have, and what is wrong with them.

use std::{collections::BTreeMap, fs, path::PathBuf, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use reqwest::{
    Url,
    header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue},
};
use schemars::JsonSchema;
use serde::Deserialize;

pub(in crate::sinks) use super::compression::Compression;
use crate::{
    config::{
        fault::Fault,
        secret::{Secret, SecretText},
        values::{ByteSize, Span},
    },
    error::Error,
};

/// Makes the options of a sink that sends requests: its own, and behind them those that all such sinks
/// have. Written out, as behind `flatten` unknown keys can't be found. `login` brings the function `headers`
/// with it; a sink that has a login of its own leaves it out, and writes that function itself. It names
/// its keys, because what a macro may leave out has to have a name in it.
macro_rules! request_options {
    ($(#[$about:meta])* pub struct Options {
        $(#[$of_url:meta])* url;
        own { $($(#[$what:meta])* $own:ident: $type:ty = $default:expr;)* }
        $(#[$of_compression:meta])* compression: $compression:literal of $compressions:expr;
        $(login: $auth:ident, $headers:ident, $secret_headers:ident;)?
        batch: $batch:expr;
    }) => {
        $(#[$about])*
        #[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize, schemars::JsonSchema)]
        #[serde(default)]
        pub struct Options {
            $(#[$of_url])*
            pub url: String,
            $($(#[$what])* pub $own: $type,)*
            $(#[$of_compression])*
            pub compression: String,
            /// Requests that may be on their way at a time; with 1 the order of records is kept
            pub concurrency: u16,
            /// How long an answer may take
            pub timeout: $crate::config::values::Span,
            $(
                /// The login
                pub $auth: $crate::sinks::request::options::Auth,
                /// Other headers
                pub $headers: std::collections::BTreeMap<String, String>,
                /// Other headers whose values are secret
                pub $secret_headers: std::collections::BTreeMap<String, $crate::config::secret::Secret>,
            )?
            /// Whom to trust
            pub tls: $crate::sinks::request::options::Tls,
            /// What is sent together
            pub batch: $crate::sinks::request::options::BatchOptions,
        }

        impl Default for Options {
            fn default() -> Self {
                Self {
                    url: String::new(),
                    $($own: $default,)*
                    compression: $compression.into(),
                    concurrency: 4,
                    timeout: $crate::config::values::Span(std::time::Duration::from_secs(60)),
                    $($auth: Default::default(), $headers: Default::default(), $secret_headers: Default::default(),)?
                    tls: Default::default(),
                    batch: $batch,
                }
            }
        }

        impl Options {
            $(
                fn headers(&self) -> $crate::sinks::request::options::Headers {
                    $crate::sinks::request::options::Headers {
                        auth: self.$auth.clone(),
                        scheme: None,
                        plain: self.$headers.clone(),
                        secret: self.$secret_headers.clone(),
                    }
                }
            )?

            /// What requests to this URL need.
            fn settings_for(
                &self,
                url: reqwest::Url,
            ) -> Result<$crate::sinks::request::sender::Settings, $crate::error::Error> {
                Ok($crate::sinks::request::sender::Settings {
                    url,
                    headers: self.headers(),
                    tls: self.tls.clone(),
                    compression: $crate::sinks::request::options::compression(&self.compression)?,
                    concurrency: self.concurrency,
                    timeout: self.timeout.0,
                    batch: self.batch.clone(),
                })
            }

            /// Certificates, which are read when the client is made.
            fn read_once(&self) -> Vec<&std::path::Path> {
                let tls = &self.tls;
                [&tls.ca_file, &tls.cert_file, &tls.key_file].into_iter().filter_map(|f| f.as_deref()).collect()
            }

            /// What is wrong with the options that all such sinks have.
            fn check_shared(&self) -> Vec<$crate::config::fault::Fault> {
                let mut faults = $crate::sinks::request::options::check_common(
                    &self.url,
                    &self.tls,
                    &self.compression,
                    &$compressions,
                    self.concurrency,
                    self.timeout,
                );
                self.headers().check(&mut faults);
                self.batch.check(&mut faults);
                faults
            }
        }
    };
}

pub(in crate::sinks) use request_options;

/// `auth = { user = "weir", password = { file = "/run/secrets/es" } }`, or one of the others.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Auth {
    /// The user, with `password`
    pub user: Option<String>,
    /// The user's password
    pub password: Option<Secret>,
    /// A token that is sent as `Authorization: Bearer`
    pub bearer: Option<Secret>,
    /// A key that is sent as `Authorization: ApiKey`
    pub api_key: Option<Secret>,
}

/// `tls = { ca_file = "/etc/weir/ca.pem" }`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Tls {
    /// Certificates in PEM that are trusted, in place of the system's
    pub ca_file: Option<PathBuf>,
    /// The certificate in PEM that Weir shows, with those that signed it
    pub cert_file: Option<PathBuf>,
    /// Its private key in PEM
    pub key_file: Option<PathBuf>,
}

/// `batch = { bytes = "1MiB", records = 5000, age = "1s" }`: what ends a batch, whichever comes first.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default)]
pub struct BatchOptions {
    /// So many bytes of records, before they are compressed
    pub bytes: ByteSize,
    /// So many records
    pub records: u32,
    /// So long after the first record, of which a second may be missing, as it is looked once a second; an answer
    /// that somebody waits for is not held up
    pub age: Span,
}

impl Default for BatchOptions {
    fn default() -> Self {
        Self { bytes: ByteSize(1 << 20), records: 10_000, age: Span(Duration::from_secs(1)) }
    }
}

impl BatchOptions {
    pub(in crate::sinks) fn check(&self, faults: &mut Vec<Fault>) {
        if !(1..=(256 << 20)).contains(&self.bytes.0) {
            faults.push(Fault::at(["batch", "bytes"], "expected from 1 byte to \"256MiB\""));
        }
        if self.records == 0 {
            faults.push(Fault::at(["batch", "records"], "expected at least 1"));
        }
        faults.extend(check_age(self.age));
    }
}

/// What is wrong with the age of a batch: there is none that is so old before it has a record.
pub(in crate::sinks) fn check_age(age: Span) -> Option<Fault> {
    age.0.is_zero().then(|| Fault::at(["batch", "age"], "expected at least \"1ms\""))
}

/// Headers with their values, for each attempt, and the secrets that they come from.
#[derive(Clone, Debug, Default)]
pub(in crate::sinks) struct Headers {
    pub(in crate::sinks) auth: Auth,
    /// A scheme of `Authorization` other than those of `auth`, and its secret.
    pub(in crate::sinks) scheme: Option<(&'static str, Secret)>,
    pub(in crate::sinks) plain: BTreeMap<String, String>,
    pub(in crate::sinks) secret: BTreeMap<String, Secret>,
}

/// Headers that a sink sends itself.
const OWN: [&str; 7] = [
    "authorization",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "host",
    "transfer-encoding",
];

impl Headers {
    /// Reads all secrets.
    pub(in crate::sinks) fn read(&self) -> Result<HeaderMap, Error> {
        let mut headers = HeaderMap::new();
        for (name, value) in &self.plain {
            let value = HeaderValue::from_str(value).map_err(|_| not_a_header(name))?;
            headers.insert(header_name(name)?, value);
        }
        for (name, secret) in &self.secret {
            headers.insert(header_name(name)?, sensitive(name, secret.read()?.expose())?);
        }
        if let Some(value) = self.authorization()? {
            headers.insert(AUTHORIZATION, value);
        }
        Ok(headers)
    }

    fn authorization(&self) -> Result<Option<HeaderValue>, Error> {
        let read = |secret: &Option<Secret>| secret.as_ref().map(Secret::read).transpose();
        let with = |scheme: &str, secret: SecretText| {
            sensitive("authorization", &format!("{scheme} {}", secret.expose())).map(Some)
        };
        if let Some((scheme, secret)) = &self.scheme {
            return with(scheme, secret.read()?);
        }
        if let Some(user) = &self.auth.user {
            let password = read(&self.auth.password)?;
            let login = format!("{user}:{}", password.as_ref().map_or("", SecretText::expose));
            return sensitive("authorization", &format!("Basic {}", STANDARD.encode(login))).map(Some);
        }
        match (read(&self.auth.bearer)?, read(&self.auth.api_key)?) {
            (Some(token), _) => with("Bearer", token),
            (None, Some(key)) => with("ApiKey", key),
            (None, None) => Ok(None),
        }
    }

    /// Whether a secret is sent.
    pub(in crate::sinks) fn has_secret(&self) -> bool {
        self.scheme.is_some() || !self.secret.is_empty() || self.auth != Auth::default()
    }

    pub(in crate::sinks) fn check(&self, faults: &mut Vec<Fault>) {
        let Auth { user, password, bearer, api_key } = &self.auth;
        let ways = [user.is_some(), bearer.is_some(), api_key.is_some()];
        if ways.iter().filter(|is_there| **is_there).count() > 1 {
            faults
                .push(Fault::at(["auth"], "expected one of `user` with `password`, `bearer` and `api_key`"));
        }
        if user.is_some() != password.is_some() {
            faults.push(Fault::at(["auth"], "`user` and `password` go together"));
        }
        if user.as_ref().is_some_and(|user| user.contains(':')) {
            faults.push(Fault::at(["auth", "user"], "a name of a user has no `:`"));
        }
        for (key, secret) in [("password", password), ("bearer", bearer), ("api_key", api_key)] {
            if let Some(Err(error)) = secret.as_ref().map(Secret::read) {
                faults.push(Fault::at(["auth", key], error.to_string()));
            }
        }
        for name in self.plain.keys() {
            if let Err(error) = header_name(name) {
                faults.push(Fault::at(["headers"], error.to_string()));
            } else if HeaderValue::from_str(&self.plain[name]).is_err() {
                faults.push(Fault::at(["headers"], not_a_header(name).to_string()));
            }
        }
        for (name, secret) in &self.secret {
            let result = header_name(name).and_then(|_| sensitive(name, secret.read()?.expose()));
            if let Err(error) = result {
                faults.push(Fault::at(["secret_headers"], format!("{name}: {error}")));
            }
        }
    }
}

fn header_name(name: &str) -> Result<HeaderName, Error> {
    let parsed = HeaderName::from_bytes(name.as_bytes())
        .map_err(|_| Error::usage(format!("{name:?} is not the name of a header")))?;
    match OWN.contains(&parsed.as_str()) {
        true if parsed == AUTHORIZATION => {
            Err(Error::usage("the header `authorization` comes from `auth`; put it there"))
        }
        true => Err(Error::usage(format!("the header `{name}` is the sink's own; leave it out"))),
        false => Ok(parsed),
    }
}

fn sensitive(name: &str, value: &str) -> Result<HeaderValue, Error> {
    let mut value = HeaderValue::from_str(value).map_err(|_| not_a_header(name))?;
    value.set_sensitive(true);
    Ok(value)
}

fn not_a_header(name: &str) -> Error {
    Error::usage(format!(
        "the value of the header `{name}` has a line break or another character that headers can't have"
    ))
}

/// The URL of a destination.
pub(in crate::sinks) fn url(text: &str) -> Result<Url, String> {
    const EXPECTED: &str = "expected a URL such as \"https://example.net:9200\"";
    if text.is_empty() {
        return Err(EXPECTED.into());
    }
    // Neither the text nor the parser's message: there may be a password in it.
    let url = Url::parse(text).map_err(|e| format!("{e}; {EXPECTED}"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(format!("can't send to `{}:`; {EXPECTED}", url.scheme()));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("a URL holds no login, as URLs are shown; put it in `auth`".into());
    }
    if url.fragment().is_some() {
        return Err("what follows `#` is not sent; leave it out".into());
    }
    Ok(url)
}

/// Checks what all sinks have that send requests, but for their headers and batches.
pub(in crate::sinks) fn check_common(
    address: &str,
    tls: &Tls,
    compression: &str,
    compressions: &[&str],
    concurrency: u16,
    timeout: Span,
) -> Vec<Fault> {
    let mut faults = Vec::new();
    if let Err(message) = url(address) {
        faults.push(Fault::at(["url"], message));
    }
    if !compressions.contains(&compression) {
        faults.push(Fault::at(
            ["compression"],
            format!("{compression:?} is not known; expected one of {}", compressions.join(", ")),
        ));
    }
    if !(1..=256).contains(&concurrency) {
        faults.push(Fault::at(["concurrency"], "expected from 1 to 256"));
    }
    if timeout.0.is_zero() {
        faults.push(Fault::at(["timeout"], "expected at least \"1ms\""));
    }
    if tls.cert_file.is_some() != tls.key_file.is_some() {
        faults.push(Fault::at(["tls"], "`cert_file` and `key_file` go together"));
    }
    for (key, path) in [("ca_file", &tls.ca_file), ("cert_file", &tls.cert_file), ("key_file", &tls.key_file)]
    {
        if let Some(path) = path
            && let Err(e) = fs::metadata(path)
        {
            faults.push(Fault::at(["tls", key], Error::file(path, "read", &e).to_string()));
        }
    }
    if let Err(error) = super::client::certificates(tls)
        && faults.iter().all(|fault| fault.key.first().is_none_or(|key| key != "tls"))
    {
        faults.push(Fault::at(["tls"], error.to_string()));
    }
    faults
}

/// The compression of this name, which was checked.
pub(in crate::sinks) fn compression(name: &str) -> Result<Compression, Error> {
    Compression::parse(name).ok_or_else(|| Error::usage(format!("{name:?} is no compression")))
}
