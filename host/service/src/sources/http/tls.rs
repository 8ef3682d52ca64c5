//! TLS of a listener. Certificates are looked at again and again, so that one that was renewed is shown
//! without a restart; where what is there is wrong or half written, the one before goes on.

use std::{
    fs, io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use schemars::JsonSchema;
use serde::Deserialize;
use tokio_rustls::TlsAcceptor;

use crate::{config::fault::Fault, error::Error, health::Health, metrics::SourceMetrics};

/// `tls = { cert_file = "/etc/weir/cert.pem", key_file = "/etc/weir/key.pem" }`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Tls {
    /// The certificate in PEM, with those that signed it behind it
    pub cert_file: Option<PathBuf>,
    /// Its private key in PEM
    pub key_file: Option<PathBuf>,
}

/// How often it is looked whether there is another certificate.
const LOOK: Duration = Duration::from_secs(1);

impl Tls {
    fn files(&self) -> Result<(&Path, &Path), Error> {
        match (&self.cert_file, &self.key_file) {
            (Some(cert), Some(key)) => Ok((cert, key)),
            _ => Err(Error::usage("expected { cert_file = \"PATH\", key_file = \"PATH\" }")),
        }
    }

    /// Reads the certificate and its key.
    fn read(&self) -> Result<CertifiedKey, Error> {
        let (cert_file, key_file) = self.files()?;
        let wrong = |path: &Path, what: &str| Error::usage(format!("{}: {what}", path.display()));
        let pem = fs::read(cert_file).map_err(|e| Error::file(cert_file, "read the certificate", &e))?;
        let certs: Vec<CertificateDer<'static>> =
            CertificateDer::pem_slice_iter(&pem).collect::<Result<_, _>>().map_err(|e| {
                wrong(cert_file, &format!("the certificate is cut short or no PEM ({e}); write it anew"))
            })?;
        if certs.is_empty() {
            let what =
                "there is no certificate in it; expected PEM, which begins with -----BEGIN CERTIFICATE-----";
            return Err(wrong(cert_file, what));
        }
        let pem = fs::read(key_file).map_err(|e| Error::file(key_file, "read the key", &e))?;
        let key = PrivateKeyDer::from_pem_slice(&pem).map_err(|_| {
            let what = "there is no whole private key in it; expected PEM, which begins with \
                        -----BEGIN PRIVATE KEY-----, and has no password";
            wrong(key_file, what)
        })?;
        let key = ring::sign::any_supported_type(&key)
            .map_err(|_| wrong(key_file, "this is no key of RSA, ECDSA or Ed25519; make another one"))?;
        let certified = CertifiedKey::new(certs, key);
        match certified.keys_match() {
            // Keys that can't tell are taken as they are.
            Ok(()) | Err(rustls::Error::InconsistentKeys(rustls::InconsistentKeys::Unknown)) => Ok(certified),
            Err(rustls::Error::InconsistentKeys(_)) => Err(Error::usage(format!(
                "{} is not the key of {}; name the two that belong together",
                key_file.display(),
                cert_file.display()
            ))),
            Err(e) => {
                Err(wrong(cert_file, &format!("the first certificate can't be read ({e}); write it anew")))
            }
        }
    }

    pub(super) fn check(&self, faults: &mut Vec<Fault>) {
        if let Err(error) = self.read() {
            faults.push(Fault::at(["tls"], error.to_string()));
        }
    }

    /// What makes connections secret.
    pub(super) fn acceptor(&self, metrics: SourceMetrics, health: Health) -> Result<TlsAcceptor, Error> {
        let stamp = self.stamp();
        let shown = Arc::new(self.read()?);
        let (tls, told) = (self.clone(), None);
        let last = Mutex::new(Last { shown, stamp, told, looked: Instant::now() });
        let fresh = Arc::new(Fresh { tls, metrics, health, last });
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|e| Error::failed(format!("can't set up TLS: {e}")))?
            .with_no_client_auth()
            .with_cert_resolver(fresh);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config).into())
    }

    /// Tells the files of one moment from those of another.
    fn stamp(&self) -> Stamp {
        let of = |path: &Option<PathBuf>| -> io::Result<_> {
            let path = path.as_deref().unwrap_or(Path::new(""));
            let data = fs::metadata(path)?;
            Ok((data.dev(), data.ino(), data.len(), data.mtime(), data.mtime_nsec()))
        };
        [of(&self.cert_file).ok(), of(&self.key_file).ok()]
    }
}

type Stamp = [Option<(u64, u64, u64, i64, i64)>; 2];

/// The certificate of now.
#[derive(Debug)]
struct Fresh {
    tls: Tls,
    metrics: SourceMetrics,
    health: Health,
    last: Mutex<Last>,
}

#[derive(Debug)]
struct Last {
    shown: Arc<CertifiedKey>,
    /// What the files were like that it came from.
    stamp: Stamp,
    /// What they were like when it was told that they are wrong.
    told: Option<Stamp>,
    looked: Instant,
}

impl Fresh {
    fn look(&self, last: &mut Last) {
        let stamp = self.tls.stamp();
        if stamp == last.stamp {
            // Also where it was put back.
            if last.told.take().is_some() {
                self.health.works();
            }
            return;
        }
        match self.tls.read() {
            Ok(read) => {
                (last.shown, last.stamp) = (Arc::new(read), stamp);
                if last.told.take().is_some() {
                    self.health.works();
                }
                tracing::info!("the certificate was renewed");
            }
            // Perhaps the other half is still to be written, so it is tried again.
            Err(error) => {
                if last.told != Some(stamp) {
                    last.told = Some(stamp);
                    let why = format!("tls: {error}; the certificate from before is shown");
                    tracing::error!("{why}");
                    self.metrics.error("certificate");
                    self.health.fails(why);
                }
            }
        }
    }
}

impl ResolvesServerCert for Fresh {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.looked.elapsed() >= LOOK {
            last.looked = Instant::now();
            self.look(&mut last);
        }
        Some(Arc::clone(&last.shown))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_and_half_files_are_told_with_their_path_and_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let make = || rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let (one, other) = (make(), make());
        let (cert, key) = (one.cert.pem(), one.signing_key.serialize_pem());
        fs::write(path("cert"), &cert).unwrap();
        fs::write(path("key"), &key).unwrap();
        fs::write(path("other"), other.signing_key.serialize_pem()).unwrap();
        fs::write(path("half cert"), &cert[..cert.len() / 2]).unwrap();
        fs::write(path("half key"), &key[..key.len() / 2]).unwrap();
        fs::write(path("empty"), "").unwrap();
        fs::write(path("text"), "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").unwrap();
        let tls = |cert: &str, key: &str| Tls { cert_file: Some(path(cert)), key_file: Some(path(key)) };
        assert!(tls("cert", "key").read().is_ok());
        for (cert, key, wrong, says) in [
            ("none", "key", "none", "check the path"),
            ("cert", "none", "none", "check the path"),
            ("half cert", "key", "half cert", "cut short"),
            ("empty", "key", "empty", "there is no certificate in it"),
            ("key", "key", "key", "there is no certificate in it"),
            ("text", "key", "text", "can't be read"),
            ("cert", "half key", "half key", "no whole private key"),
            ("cert", "empty", "empty", "no whole private key"),
            ("cert", "cert", "cert", "no whole private key"),
            ("cert", "other", "other", "is not the key of"),
        ] {
            let mut faults = Vec::new();
            tls(cert, key).check(&mut faults);
            let [Fault { message, .. }] = &faults[..] else { panic!("{cert} {key}: {faults:?}") };
            assert!(message.contains(&*path(wrong).to_string_lossy()) && message.contains(says), "{message}");
            assert!(!message.contains("BEGIN PRIVATE KEY-----\n"));
        }
        let half = Tls { cert_file: Some(path("cert")), key_file: None };
        assert!(half.read().unwrap_err().to_string().contains("expected { cert_file"));
    }
}
