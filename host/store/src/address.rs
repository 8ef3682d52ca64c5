//! Where objects are: a service, a bucket, and a key or the beginning of keys.

use std::{fmt, path::Path};

use weir_printable::line;

use crate::Error;

/// What keeps objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Service {
    /// Folders of this machine.
    Local,
    /// Amazon S3, and whatever speaks its protocol.
    S3,
    /// Alibaba Cloud's Object Storage Service.
    Oss,
    /// Huawei Cloud's Object Storage Service.
    Obs,
    /// Google Cloud Storage.
    Gcs,
    /// Azure Blob Storage; a bucket is a container there.
    Azure,
    /// Baidu AI Cloud's Object Storage, over the protocol of S3.
    Bos,
}

impl Service {
    const SCHEMES: [(&'static str, Self); 7] = [
        ("s3", Self::S3),
        ("oss", Self::Oss),
        ("obs", Self::Obs),
        ("gs", Self::Gcs),
        ("az", Self::Azure),
        ("bos", Self::Bos),
        ("file", Self::Local),
    ];

    /// What stands before `://`.
    pub fn scheme(self) -> &'static str {
        Self::SCHEMES.iter().find(|(_, service)| *service == self).map_or("file", |(scheme, _)| scheme)
    }

    /// What people call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Local => "a folder",
            Self::S3 => "S3",
            Self::Oss => "Alibaba Cloud OSS",
            Self::Obs => "Huawei Cloud OBS",
            Self::Gcs => "Google Cloud Storage",
            Self::Azure => "Azure Blob Storage",
            Self::Bos => "Baidu AI Cloud BOS",
        }
    }
}

/// Where objects are.
///
/// Its text is split at the last `/`: what stands before it is the *folder*, which a
/// [`Store`](crate::Store) is opened at and keys are relative to; behind it stands the *name*, which may
/// be empty, an object's, the beginning of several, or a pattern. A prefix of keys is called a folder
/// here if it ends in `/`, though stores of clouds have none.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Address {
    service: Service,
    /// Empty for local files.
    bucket: String,
    /// With the `/` at its end, unless it is empty.
    folder: String,
    name: String,
}

impl Address {
    /// Reads `s3://bucket/prefix`, `oss://`, `obs://`, `bos://`, `gs://`, `az://container/prefix`, or a
    /// path of this machine, with or without `file://`.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let Some((scheme, rest)) = text.split_once("://") else { return Ok(Self::local(text)) };
        let known = Service::SCHEMES.iter().find(|(known, _)| known.eq_ignore_ascii_case(scheme));
        let Some((_, service)) = known else { return Err(unknown(text, scheme, rest)) };
        if *service == Service::Local {
            return Ok(Self::local(rest));
        }
        let (bucket, key) = rest.split_once('/').unwrap_or((rest, ""));
        let wrong = |what: &str| {
            let (text, scheme) = (line(text), service.scheme());
            Err(Error::usage(format!("{text}: {what}; write {scheme}://BUCKET/PREFIX")))
        };
        if bucket.is_empty() {
            return wrong("there is no bucket in this address");
        }
        if bucket.contains('@') {
            // What stands before it may be a secret.
            return Err(Error::usage(format!(
                "{}://...: an address has no credentials in it; set {}",
                service.scheme(),
                crate::options::variables(*service)
            )));
        }
        if let Some(c) = bucket.chars().find(|c| !(c.is_ascii_alphanumeric() || "-._".contains(*c))) {
            return wrong(&format!("no name of a bucket has {c:?} in it"));
        }
        let (folder, name) = split(key);
        Ok(Self { service: *service, bucket: bucket.into(), folder: folder.into(), name: name.into() })
    }

    fn local(path: &str) -> Self {
        let (folder, name) = split(path);
        // A folder that is there is one without a `/` at its end, too.
        let is_folder = matches!(name, "." | "..") || (!name.is_empty() && Path::new(path).is_dir());
        let (folder, name) = if is_folder { (format!("{path}/"), "") } else { (folder.into(), name) };
        Self { service: Service::Local, bucket: String::new(), folder, name: name.into() }
    }

    /// Whether a text has the form of an address with a scheme, known or not; else it is a path.
    pub fn has_scheme(text: &str) -> bool {
        let scheme = text.split_once("://").map_or("", |(scheme, _)| scheme);
        !scheme.is_empty() && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
    }

    /// What keeps the objects.
    pub fn service(&self) -> Service {
        self.service
    }

    /// The bucket, or Azure's container; empty for local files.
    pub fn bucket(&self) -> &str {
        &self.bucket
    }

    /// What a store is opened at: the key's beginning up to its last `/`, or a local folder.
    pub fn folder(&self) -> &str {
        &self.folder
    }

    /// What stands behind the last `/`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The whole key, in its bucket.
    pub fn key(&self) -> String {
        format!("{}{}", self.folder, self.name)
    }

    /// The address of its whole bucket.
    #[must_use]
    pub fn into_bucket(mut self) -> Self {
        self.folder.clear();
        self.name.clear();
        self
    }

    /// The same address as a folder: with a `/` at its end.
    #[must_use]
    pub fn into_folder(mut self) -> Self {
        if !self.name.is_empty() {
            self.folder = format!("{}{}/", self.folder, self.name);
            self.name.clear();
        }
        self
    }

    /// The address of a key in its folder.
    #[must_use]
    pub fn of(&self, key: &str) -> Self {
        let (folder, name) = split(key);
        Self { folder: format!("{}{folder}", self.folder), name: name.into(), ..self.clone() }
    }
}

/// As it is parsed.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.service != Service::Local {
            write!(f, "{}://{}/", self.service.scheme(), self.bucket)?;
        }
        write!(f, "{}{}", self.folder, self.name)
    }
}

/// What stands up to the last `/`, and behind it.
fn split(key: &str) -> (&str, &str) {
    key.split_at(key.rfind('/').map_or(0, |at| at + 1))
}

fn unknown(text: &str, scheme: &str, rest: &str) -> Error {
    // Names by which the same service is known elsewhere.
    let meant = match scheme.to_ascii_lowercase().as_str() {
        "s3a" | "s3n" | "minio" => Some("s3"),
        "gcs" => Some("gs"),
        "azure" | "azblob" | "abfs" | "abfss" | "wasb" | "wasbs" => Some("az"),
        "cos" | "cosn" | "tos" | "r2" | "b2" => {
            return Error::usage(format!(
                "{}: Weir does not speak {scheme}://; where the service has the protocol of S3, write \
                 s3://BUCKET/PREFIX with --endpoint",
                shown(text)
            ));
        }
        "http" | "https" => {
            return Error::usage(format!(
                "{}: this is a URL and no store's address; write s3://BUCKET/PREFIX with --endpoint, or fetch the \
                 file first",
                shown(text)
            ));
        }
        lower => Service::SCHEMES
            .iter()
            .map(|(known, _)| (strsim::osa_distance(lower, known), *known))
            .min()
            .filter(|(distance, _)| *distance <= 1)
            .map(|(_, known)| known),
    };
    let known: Vec<_> = Service::SCHEMES.iter().map(|(known, _)| format!("{known}://")).collect();
    let remedy = match meant {
        Some(meant) => format!("write {meant}://{}", shown(rest)),
        None => format!("Weir knows {}, and paths", known.join(", ")),
    };
    Error::usage(format!("{}: there is no scheme {}://; {remedy}", shown(text), line(scheme)))
}

/// A URL may have a login before its `@`.
fn shown(text: &str) -> String {
    let (scheme, rest) = text.split_once("://").map_or(("", text), |(s, rest)| (&text[..s.len() + 3], rest));
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    // What a query has may be a signature.
    let path = path.split('?').next().unwrap_or_default();
    line(&format!("{scheme}{}{path}", host.rsplit('@').next().unwrap_or_default())).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_parsed_and_written() {
        for (text, service, bucket, folder, name) in [
            ("s3://b", Service::S3, "b", "", ""),
            ("s3://b/", Service::S3, "b", "", ""),
            ("s3://b/x", Service::S3, "b", "", "x"),
            ("S3://b.c/x/y/", Service::S3, "b.c", "x/y/", ""),
            ("oss://b/x/*.gz", Service::Oss, "b", "x/", "*.gz"),
            ("obs://b/LogTanks/a b.gz", Service::Obs, "b", "LogTanks/", "a b.gz"),
            ("gs://b_1/x", Service::Gcs, "b_1", "", "x"),
            ("az://c/x", Service::Azure, "c", "", "x"),
            ("bos://b/x", Service::Bos, "b", "", "x"),
            ("a/b.log", Service::Local, "", "a/", "b.log"),
            ("b.log", Service::Local, "", "", "b.log"),
            ("/", Service::Local, "", "/", ""),
            ("..", Service::Local, "", "../", ""),
            ("file:///a/b", Service::Local, "", "/a/", "b"),
        ] {
            let address = Address::parse(text).unwrap();
            assert_eq!(
                (address.service(), address.bucket(), address.folder(), address.name()),
                (service, bucket, folder, name),
                "{text}"
            );
            assert_eq!(Address::parse(&address.to_string()).unwrap(), address, "{text}");
        }
        let address = Address::parse("s3://b/x").unwrap();
        assert_eq!(address.clone().into_folder().to_string(), "s3://b/x/");
        assert_eq!(address.of("y/z").to_string(), "s3://b/y/z");
        let folder = tempfile::tempdir().unwrap();
        let text = folder.path().to_str().unwrap();
        assert_eq!(Address::parse(text).unwrap(), Address::parse(&format!("{text}/")).unwrap());
    }

    #[test]
    fn what_is_wrong_with_an_address_is_told() {
        for (text, expected) in [
            ("s4://b/x", "s4://b/x: there is no scheme s4://; write s3://b/x"),
            ("s3a://b/x", "write s3://b/x"),
            ("gcs://b/x", "write gs://b/x"),
            ("ftp://b/x", "Weir knows s3://, oss://, obs://, gs://, az://, bos://, file://, and paths"),
            ("cos://b/x", "write s3://BUCKET/PREFIX with --endpoint"),
            ("https://b/x?sig=secret", "https://b/x: this is a URL and no store's address"),
            ("s3:///x", "there is no bucket in this address; write s3://BUCKET/PREFIX"),
            ("oss://b*/x", "no name of a bucket has '*' in it; write oss://BUCKET/PREFIX"),
            ("oss://AK:secret@b/x", "set ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET"),
            ("sftp://me:secret@b/x", "sftp://b/x: there is no scheme sftp://"),
        ] {
            let error = Address::parse(text).unwrap_err();
            assert!(error.to_string().contains(expected), "{text}: {error}");
            assert!(!error.to_string().contains("secret"), "{error}");
            assert_eq!(error.kind(), crate::Kind::Usage);
        }
    }

    #[test]
    fn a_path_is_no_address() {
        for (text, expected) in
            [("s3://b", true), ("s9://b", true), ("a/b", false), ("://b", false), ("my logs://b", false)]
        {
            assert_eq!(Address::has_scheme(text), expected, "{text}");
        }
    }
}
