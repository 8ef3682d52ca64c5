//! The client: a pool of connections, TLS, and names.

use std::{error::Error as StdError, fmt, fs, io, net::SocketAddr, sync::Arc, time::Duration};

use reqwest::{
    Certificate, Client, Identity, Url,
    dns::{Addrs, Name, Resolve, Resolving},
    redirect,
};

use super::options::Tls;
use crate::error::Error;

/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(10);

/// Certificates of the options.
pub(super) struct Certificates {
    trusted: Option<Vec<Certificate>>,
    own: Option<Identity>,
}

/// Reads the certificates.
pub(super) fn certificates(tls: &Tls) -> Result<Certificates, Error> {
    let trusted = match &tls.ca_file {
        None => None,
        Some(path) => {
            let pem = fs::read(path).map_err(|e| Error::file(path, "read the certificates", &e))?;
            let found = Certificate::from_pem_bundle(&pem)
                .map_err(|e| Error::usage(format!("{}: {e}; expected PEM", path.display())))?;
            if found.is_empty() {
                return Err(Error::usage(format!("{}: there is no certificate in it", path.display())));
            }
            Some(found)
        }
    };
    let own = match (&tls.cert_file, &tls.key_file) {
        (Some(cert), Some(key)) => {
            let mut pem = fs::read(cert).map_err(|e| Error::file(cert, "read the certificate", &e))?;
            pem.push(b'\n');
            pem.extend(fs::read(key).map_err(|e| Error::file(key, "read the key", &e))?);
            let identity = Identity::from_pem(&pem).map_err(|_| {
                let (cert, key) = (cert.display(), key.display());
                Error::usage(format!("{cert} and {key}: expected a certificate and its key in PEM"))
            })?;
            Some(identity)
        }
        _ => None,
    };
    Ok(Certificates { trusted, own })
}

/// Makes a client for a destination.
pub(super) fn client(url: &Url, tls: &Tls, resolver: Arc<dyn Resolve>) -> Result<Client, Error> {
    // Where it was installed before, it is the same one.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let Certificates { trusted, own } = certificates(tls)?;
    let mut builder = Client::builder()
        .user_agent(concat!("weir/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT)
        // A redirect would take a login elsewhere.
        .redirect(redirect::Policy::none())
        .referer(false)
        .dns_resolver(resolver);
    if let Some(trusted) = trusted {
        builder = builder.tls_certs_only(trusted);
    } else if url.scheme() == "http" {
        // Then it does not matter whether the system has certificates.
        builder = builder.tls_certs_only([]);
    }
    if let Some(own) = own {
        builder = builder.identity(own);
    }
    // Nor is there one for the names of tests.
    if is_loopback(url) || cfg!(test) {
        // A proxy could not reach it.
        builder = builder.no_proxy();
    }
    builder.build().map_err(|e| {
        let what = causes(&e);
        Error::failed(format!(
            "can't set up TLS: {what}; install certificates, or name them with tls.ca_file"
        ))
    })
}

/// Whether a destination is this machine.
pub(super) fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let ip = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    host == "localhost" || ip.is_ok_and(|ip| ip.is_loopback())
}

/// The system's names, asked again for each connection.
#[derive(Debug)]
pub(super) struct Names;

impl Resolve for Names {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            match tokio::net::lookup_host((name.as_str(), 0)).await {
                Ok(found) => Ok(Box::new(found.collect::<Vec<SocketAddr>>().into_iter()) as Addrs),
                Err(e) => Err(Box::new(NotResolved(e.to_string())) as Box<dyn StdError + Send + Sync>),
            }
        })
    }
}

/// A name could not be found.
#[derive(Debug)]
pub(super) struct NotResolved(pub(super) String);

impl fmt::Display for NotResolved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the name is not found: {}", self.0)
    }
}

impl StdError for NotResolved {}

/// A word for why there was no answer, for metrics.
pub(super) fn reason(error: &reqwest::Error) -> &'static str {
    let is_in_chain = |is: &dyn Fn(&(dyn StdError + 'static)) -> bool| chain(error).any(is);
    if is_in_chain(&|e| e.is::<NotResolved>()) {
        "dns"
    } else if is_in_chain(&|e| e.is::<rustls::Error>()) {
        "tls"
    } else if error.is_timeout() {
        "timeout"
    } else if error.is_connect() {
        "connect"
    } else {
        "connection"
    }
}

/// An error with all its causes, without the URL.
pub(super) fn causes(error: &reqwest::Error) -> String {
    let mut text = String::new();
    for cause in chain(error).skip(1) {
        let cause = cause.to_string();
        if !text.contains(&cause) {
            text.push_str(if text.is_empty() { "" } else { ": " });
            text.push_str(&cause);
        }
    }
    if text.is_empty() && error.is_timeout() {
        text.push_str("it took too long");
    } else if text.is_empty() {
        text.push_str("the request failed");
    }
    text
}

/// An error and what it comes from; also what is inside errors of IO, which hide it.
fn chain<'e>(error: &'e (dyn StdError + 'static)) -> impl Iterator<Item = &'e (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |error| {
        let error: &'e (dyn StdError + 'static) = *error;
        match error.downcast_ref::<io::Error>() {
            Some(io) => io.get_ref().map(|inner| inner as &(dyn StdError + 'static)),
            None => error.source(),
        }
    })
}
