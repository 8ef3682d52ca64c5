//! What is said of a store beside its address, and what the environment says where nothing is said.

use std::{fmt, net::IpAddr, sync::Arc};

use weir_printable::line;

use crate::{Address, Error, Service};

/// Who is told of attempts that failed and are repeated.
pub type Repeats = Arc<dyn Fn(&Error) + Send + Sync>;

/// What is said of a store beside its address.
#[derive(Clone, Default)]
pub struct Options {
    /// Where the service is, such as `https://obs.cn-north-4.myhuaweicloud.com`, without the bucket.
    pub endpoint: Option<String>,
    /// The region, where the endpoint does not tell it.
    pub region: Option<String>,
    /// Whether the bucket stands in the path of requests and not before the host's name; it always does
    /// where the host is an address or `localhost`.
    pub path_style: bool,
    /// Whether requests are not signed, for buckets that everybody may read.
    pub anonymous: bool,
    /// Who asks; without it that comes from the environment, as each vendor's own tools take it.
    pub credentials: Option<Credentials>,
    /// Whether it is time to stop; it is asked while something is waited for.
    pub stop: Option<Arc<dyn Fn() -> bool + Send + Sync>>,
    /// Told what is wrong with a service each time that an attempt failed and is repeated: it takes a while
    /// before that is given up. It is called by who carries bytes, so that it returns at once.
    pub repeats: Option<Repeats>,
}

/// Who asks.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The name of the key; of Azure the account.
    pub id: String,
    /// The key itself.
    pub secret: String,
    /// What comes with keys that are good for some time only.
    pub token: Option<String>,
}

/// Nothing of them is shown.
impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(..)")
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("endpoint", &self.endpoint)
            .field("region", &self.region)
            .field("path_style", &self.path_style)
            .field("anonymous", &self.anonymous)
            .field("credentials", &self.credentials)
            .finish_non_exhaustive()
    }
}

/// Variables of the environment that are asked before those that the vendor's signer asks by itself,
/// and what a message names.
struct Variables {
    endpoint: &'static [&'static str],
    region: &'static [&'static str],
    /// Pairs of a key's name and its secret, for the services whose signer does not know them.
    keys: &'static [(&'static str, &'static str)],
    told: &'static str,
}

fn of(service: Service) -> Variables {
    match service {
        Service::Local => Variables { endpoint: &[], region: &[], keys: &[], told: "nothing" },
        Service::S3 => Variables {
            endpoint: &["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"],
            region: &["AWS_REGION", "AWS_DEFAULT_REGION"],
            keys: &[],
            told: "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE",
        },
        Service::Oss => Variables {
            endpoint: &["OSS_ENDPOINT"],
            region: &["OSS_REGION", "ALIBABA_CLOUD_REGION_ID"],
            keys: &[],
            told: "ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET",
        },
        Service::Obs => Variables {
            endpoint: &["OBS_ENDPOINT"],
            region: &["OBS_REGION", "HW_REGION_NAME"],
            keys: &[
                ("HUAWEICLOUD_SDK_AK", "HUAWEICLOUD_SDK_SK"),
                ("OBS_ACCESS_KEY_ID", "OBS_SECRET_ACCESS_KEY"),
                ("HW_ACCESS_KEY", "HW_SECRET_KEY"),
            ],
            told: "HUAWEI_CLOUD_ACCESS_KEY_ID and HUAWEI_CLOUD_SECRET_ACCESS_KEY",
        },
        Service::Gcs => Variables {
            endpoint: &[],
            region: &[],
            keys: &[],
            told: "GOOGLE_APPLICATION_CREDENTIALS to a file of credentials",
        },
        Service::Azure => Variables {
            endpoint: &[],
            region: &[],
            keys: &[],
            told: "AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY, or AZURE_STORAGE_SAS_TOKEN",
        },
        Service::Bos => Variables {
            endpoint: &["BOS_ENDPOINT"],
            region: &["BAIDUCLOUD_REGION"],
            keys: &[("BAIDUCLOUD_ACCESS_KEY", "BAIDUCLOUD_SECRET_KEY")],
            told: "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, as BOS is reached by the protocol of S3",
        },
    }
}

/// The variables that a service's credentials are in, for messages.
pub(crate) fn variables(service: Service) -> &'static str {
    of(service).told
}

/// A variable of the environment that is not empty.
pub(crate) type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

/// The process's own.
pub(crate) fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// What is given, or else what the vendor's signer does not find by itself.
pub(crate) fn credentials(
    address: &Address,
    options: &Options,
    env: Environment<'_>,
) -> Result<Option<Credentials>, Error> {
    let service = address.service();
    let Some(given) = &options.credentials else {
        let found = of(service).keys.iter().find_map(|(id, secret)| env(id).zip(env(secret)));
        return Ok(found.map(|(id, secret)| Credentials { id, secret, token: None }));
    };
    if options.anonymous {
        return Err(Error::usage(format!(
            "{address}: requests are signed or anonymous; leave one of both out"
        )));
    }
    match service {
        Service::Gcs => Err(Error::usage(format!(
            "{address}: Google's credentials are a file; name it with GOOGLE_APPLICATION_CREDENTIALS"
        ))),
        Service::Obs | Service::Azure if given.token.is_some() => Err(Error::usage(format!(
            "{address}: {} is asked with a key that lasts, and without a token",
            service.name()
        ))),
        _ => Ok(Some(given.clone())),
    }
}

/// Where requests go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Endpoint {
    pub(crate) is_tls: bool,
    pub(crate) host: String,
    pub(crate) port: Option<u16>,
}

impl Endpoint {
    /// Of `https://host:port`, or a host alone.
    fn parse(text: &str, bucket: &str) -> Result<Self, Error> {
        let wrong = |what: &str| {
            // What stands behind the host may be a signature, before it a login.
            let shown = text.split('?').next().unwrap_or_default().rsplit('@').next().unwrap_or_default();
            Error::usage(format!(
                "{}: this is no endpoint, as {what}; write its scheme and host, such as \
                 https://obs.cn-north-4.myhuaweicloud.com",
                line(shown)
            ))
        };
        let (scheme, rest) = text.split_once("://").unwrap_or(("https", text));
        let is_tls = match scheme.to_ascii_lowercase().as_str() {
            "https" => true,
            "http" => false,
            _ => return Err(wrong("its scheme is neither https nor http")),
        };
        let rest = rest.trim_end_matches('/');
        if rest.contains(['/', '?', '#']) {
            return Err(wrong("it has more than a host"));
        }
        let authority: http::uri::Authority = rest.parse().map_err(|_| wrong("it can't be read"))?;
        if authority.as_str().contains('@') {
            return Err(wrong("it has a login"));
        }
        // Consoles show it with the bucket before it.
        let host = authority.host().to_ascii_lowercase();
        let host = host.strip_prefix(&format!("{bucket}.")).unwrap_or(&host).to_owned();
        Ok(Self { is_tls, host, port: authority.port_u16() })
    }

    fn is_address(&self) -> bool {
        let bare = self.host.trim_start_matches('[').trim_end_matches(']');
        self.host == "localhost" || bare.parse::<IpAddr>().is_ok()
    }

    pub(crate) fn is_loopback(&self) -> bool {
        let bare = self.host.trim_start_matches('[').trim_end_matches(']');
        self.host == "localhost" || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
    }

    /// Whether it is Amazon's own.
    pub(crate) fn is_amazon(&self) -> bool {
        self.host.ends_with(".amazonaws.com") || self.host.ends_with(".amazonaws.com.cn")
    }

    /// The region that its name tells.
    fn region(&self) -> Option<&str> {
        let name = |domain: &str| self.host.strip_suffix(domain);
        let word = |text: &'_ str| !text.is_empty() && !text.contains('.');
        [
            name(".myhuaweicloud.com").and_then(|name| name.strip_prefix("obs.")),
            name(".aliyuncs.com").and_then(|name| {
                let name = name.strip_prefix("s3.").unwrap_or(name).strip_prefix("oss-")?;
                Some(name.strip_suffix("-internal").unwrap_or(name))
            }),
            name(".bcebos.com").map(|name| name.strip_prefix("s3.").unwrap_or(name)),
            name(".amazonaws.com").or(name(".amazonaws.com.cn")).and_then(|name| name.strip_prefix("s3.")),
        ]
        .into_iter()
        .flatten()
        .find(|region| word(region))
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http{}://{}", if self.is_tls { "s" } else { "" }, self.host)?;
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

/// Where a store is, with all that is known.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) endpoint: Endpoint,
    /// What requests are signed for, where the service asks.
    pub(crate) region: String,
    pub(crate) path_style: bool,
}

/// Finds out where a store is.
pub(crate) fn place(address: &Address, options: &Options, env: Environment<'_>) -> Result<Place, Error> {
    let (service, bucket) = (address.service(), address.bucket());
    let Variables { endpoint: endpoints, region: regions, .. } = of(service);
    let text = options.endpoint.clone().or_else(|| endpoints.iter().find_map(|name| env(name)));
    let given = text.map(|text| Endpoint::parse(&text, bucket)).transpose()?;
    let region = options
        .region
        .clone()
        .or_else(|| given.as_ref().and_then(Endpoint::region).map(str::to_owned))
        .or_else(|| regions.iter().find_map(|name| env(name)));
    if let Some(region) = &region
        && !region.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c))
    {
        return Err(Error::usage(format!(
            "{}: this is no region; write its identifier, such as cn-north-4",
            line(region)
        )));
    }
    let endpoint = match (given, &region) {
        (Some(given), _) => given,
        (None, region) => Endpoint::parse(&standard(address, region.as_deref(), options, env)?, bucket)?,
    };
    let is_s3 = matches!(service, Service::S3 | Service::Bos);
    if options.path_style && endpoint.host.ends_with(".aliyuncs.com") {
        return Err(Error::usage(format!(
            "{address}: Alibaba Cloud OSS refuses requests with the bucket in the path; leave --path-style out"
        )));
    }
    // No certificate has a bucket's name with dots.
    let path_style =
        options.path_style || endpoint.is_address() || (is_s3 && endpoint.is_tls && bucket.contains('.'));
    Ok(Place { endpoint, region: region.unwrap_or_else(|| "us-east-1".into()), path_style })
}

/// The endpoint of a vendor's region.
fn standard(
    address: &Address,
    region: Option<&str>,
    options: &Options,
    env: Environment<'_>,
) -> Result<String, Error> {
    let needed = |example: &str| {
        region.ok_or_else(|| {
            let names = of(address.service()).region.join(" or ");
            Error::usage(format!(
                "{address}: the region is not known; give it with --region, such as {example}, or by {names}, or \
                 name the --endpoint"
            ))
        })
    };
    Ok(match address.service() {
        Service::Local => String::new(),
        Service::S3 => {
            let region = needed("eu-central-1")?;
            let china = if region.starts_with("cn-") { ".cn" } else { "" };
            format!("s3.{region}.amazonaws.com{china}")
        }
        Service::Oss => format!("oss-{}.aliyuncs.com", needed("cn-hangzhou")?.trim_start_matches("oss-")),
        Service::Obs => format!("obs.{}.myhuaweicloud.com", needed("cn-north-4")?),
        Service::Bos => format!("s3.{}.bcebos.com", needed("bj")?),
        Service::Gcs => "storage.googleapis.com".into(),
        Service::Azure => {
            let given = options.credentials.as_ref().map(|given| given.id.clone());
            let account = given.or_else(|| env("AZURE_STORAGE_ACCOUNT_NAME")).ok_or_else(|| {
                Error::usage(format!(
                    "{address}: the account is not known; set AZURE_STORAGE_ACCOUNT_NAME, or name the --endpoint"
                ))
            })?;
            format!("{account}.blob.core.windows.net")
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn placed(address: &str, options: &Options, env: &[(&str, &str)]) -> Result<Place, Error> {
        let find = |name: &str| env.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned());
        place(&Address::parse(address).unwrap(), options, &find)
    }

    #[test]
    fn a_store_is_found_by_its_endpoint_or_its_region() {
        let none = Options::default;
        let at = |endpoint: &str| Options { endpoint: Some(endpoint.into()), ..none() };
        let of = |region: &str| Options { region: Some(region.into()), ..none() };
        for (address, options, env, endpoint, region, path_style) in [
            ("s3://b", of("eu-west-1"), &[][..], "https://s3.eu-west-1.amazonaws.com", "eu-west-1", false),
            ("s3://b", of("cn-north-1"), &[], "https://s3.cn-north-1.amazonaws.com.cn", "cn-north-1", false),
            ("s3://b", none(), &[("AWS_REGION", "x-1")], "https://s3.x-1.amazonaws.com", "x-1", false),
            ("s3://b.c", of("x-1"), &[], "https://s3.x-1.amazonaws.com", "x-1", true),
            ("s3://b", at("http://127.0.0.1:5000/"), &[], "http://127.0.0.1:5000", "us-east-1", true),
            ("s3://b", at("http://[::1]:5000"), &[], "http://[::1]:5000", "us-east-1", true),
            (
                "s3://b",
                none(),
                &[("AWS_ENDPOINT_URL", "http://localhost:9")],
                "http://localhost:9",
                "us-east-1",
                true,
            ),
            (
                "s3://b",
                at("https://obs.cn-north-4.myhuaweicloud.com"),
                &[("AWS_REGION", "eu-west-1")],
                "https://obs.cn-north-4.myhuaweicloud.com",
                "cn-north-4",
                false,
            ),
            ("oss://b", of("cn-beijing"), &[], "https://oss-cn-beijing.aliyuncs.com", "cn-beijing", false),
            (
                "oss://b",
                at("b.oss-cn-beijing-internal.aliyuncs.com"),
                &[],
                "https://oss-cn-beijing-internal.aliyuncs.com",
                "cn-beijing",
                false,
            ),
            (
                "obs://b",
                at("https://b.obs.cn-east-3.myhuaweicloud.com:443"),
                &[],
                "https://obs.cn-east-3.myhuaweicloud.com:443",
                "cn-east-3",
                false,
            ),
            ("obs://b", of("cn-east-3"), &[], "https://obs.cn-east-3.myhuaweicloud.com", "cn-east-3", false),
            ("bos://b", of("bj"), &[], "https://s3.bj.bcebos.com", "bj", false),
            ("bos://b", at("https://s3.gz.bcebos.com"), &[], "https://s3.gz.bcebos.com", "gz", false),
            ("gs://b", none(), &[], "https://storage.googleapis.com", "us-east-1", false),
            (
                "az://c",
                none(),
                &[("AZURE_STORAGE_ACCOUNT_NAME", "me")],
                "https://me.blob.core.windows.net",
                "us-east-1",
                false,
            ),
        ] {
            let place = placed(address, &options, env).unwrap();
            let found = (place.endpoint.to_string(), place.region.as_str(), place.path_style);
            assert_eq!(found, (endpoint.into(), region, path_style), "{address} {options:?}");
        }
    }

    #[test]
    fn credentials_are_those_that_are_given_and_are_not_shown() {
        let given = Credentials { id: "me".into(), secret: "hunter2".into(), token: Some("hunter3".into()) };
        let options = Options { credentials: Some(given.clone()), ..Options::default() };
        assert!(!format!("{options:?}").contains("hunter"), "{options:?}");
        let find = |name: &str| (name != "AZURE_STORAGE_ACCOUNT_NAME").then(|| name.to_owned());
        let of = |address: &str, options: &Options| {
            credentials(&Address::parse(address).unwrap(), options, &find).map_err(|e| e.to_string())
        };
        assert_eq!(of("s3://b", &options), Ok(Some(given.clone())));
        assert_eq!(of("s3://b", &Options::default()), Ok(None));
        assert_eq!(of("obs://b", &Options::default()).unwrap().unwrap().id, "HUAWEICLOUD_SDK_AK");
        let lasting = Options { credentials: Some(Credentials { token: None, ..given }), ..options.clone() };
        assert!(of("obs://b", &lasting).is_ok() && of("az://b", &lasting).is_ok());
        let address = Address::parse("az://b").unwrap();
        assert_eq!(place(&address, &lasting, &find).unwrap().endpoint.host, "me.blob.core.windows.net");
        for (address, options, expected) in [
            ("obs://b", options.clone(), "without a token"),
            ("gs://b", lasting.clone(), "GOOGLE_APPLICATION_CREDENTIALS"),
            ("s3://b", Options { anonymous: true, ..lasting }, "leave one of both out"),
        ] {
            let error = of(address, &options).unwrap_err();
            assert!(error.contains(expected) && !error.contains("hunter"), "{error}");
        }
    }

    #[test]
    fn what_is_missing_or_wrong_is_told() {
        let at = |endpoint: &str| Options { endpoint: Some(endpoint.into()), ..Options::default() };
        for (address, options, expected) in [
            ("s3://b/x", Options::default(), "s3://b/x: the region is not known; give it with --region"),
            (
                "oss://b",
                Options::default(),
                "such as cn-hangzhou, or by OSS_REGION or ALIBABA_CLOUD_REGION_ID",
            ),
            ("obs://b", Options::default(), "such as cn-north-4"),
            ("az://c", Options::default(), "set AZURE_STORAGE_ACCOUNT_NAME"),
            ("s3://b", at("ftp://host"), "its scheme is neither https nor http"),
            ("s3://b", at("https://host/path"), "it has more than a host"),
            ("s3://b", at("https://host?sig=secret"), "https://host: this is no endpoint"),
            ("s3://b", at("https://ak:secret@host"), "this is no endpoint"),
            ("s3://b", Options { region: Some("a.b/c".into()), ..at("h") }, "a.b/c: this is no region"),
            (
                "oss://b",
                Options { path_style: true, ..at("oss-cn-beijing.aliyuncs.com") },
                "Alibaba Cloud OSS refuses requests with the bucket in the path; leave --path-style out",
            ),
        ] {
            let error = placed(address, &options, &[]).unwrap_err().to_string();
            assert!(error.contains(expected), "{address} {options:?}: {error}");
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
