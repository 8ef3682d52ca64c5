//! Stores of objects, as the sections of a configuration name them.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use schemars::JsonSchema;
use serde::Deserialize;
use weir_store::{Address, Credentials, Kind, Service, Store};

use crate::{
    config::{fault::Fault, secret::Secret},
    error::Error,
    health::{Health, Trouble},
    stop::Stop,
};

/// How long a store may take to answer somebody who only wants to know.
const PATIENCE: Duration = Duration::from_secs(10);

/// `auth = { access_key = { env = "AK" }, secret_key = { file = "/run/secrets/sk" } }`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Auth {
    /// The name of the key; of Azure the account
    pub access_key: Option<Secret>,
    /// The key itself
    pub secret_key: Option<Secret>,
    /// What comes with a key that is good for some time only
    pub session_token: Option<Secret>,
}

/// Makes the options of a source or a sink of objects: those that tell of the store, and behind them its own.
/// Written out, as behind `flatten` unknown keys can't be found.
macro_rules! store_options {
    ($(#[$about:meta])* pub struct Options {
        $(#[$of_url:meta])* url;
        own { $($(#[$what:meta])* $own:ident: $type:ty = $default:expr;)* }
    }) => {
        $(#[$about])*
        #[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize, schemars::JsonSchema)]
        #[serde(default)]
        pub struct Options {
            $(#[$of_url])*
            pub url: String,
            /// Where the service is, without the bucket, such as `https://obs.cn-north-4.myhuaweicloud.com`
            pub endpoint: Option<String>,
            /// The region, where the endpoint does not tell it
            pub region: Option<String>,
            /// Name the bucket in the path of requests and not before the host
            pub path_style: bool,
            /// Send requests without a signature, for buckets that let everybody in
            pub anonymous: bool,
            /// Who asks; without it that comes from the environment, as each vendor's own tools take it
            pub auth: $crate::store::Auth,
            $($(#[$what])* pub $own: $type,)*
        }

        impl Default for Options {
            fn default() -> Self {
                Self {
                    url: String::new(),
                    endpoint: None,
                    region: None,
                    path_style: false,
                    anonymous: false,
                    auth: Default::default(),
                    $($own: $default,)*
                }
            }
        }

        impl Options {
            /// What they tell of the store.
            pub(crate) fn access(&self) -> $crate::store::StoreAccess {
                $crate::store::StoreAccess {
                    url: self.url.clone(),
                    endpoint: self.endpoint.clone(),
                    region: self.region.clone(),
                    path_style: self.path_style,
                    anonymous: self.anonymous,
                    auth: self.auth.clone(),
                }
            }
        }
    };
}
pub(crate) use store_options;

/// What a section says of a store.
#[derive(Clone, Debug)]
pub(crate) struct StoreAccess {
    pub(crate) url: String,
    pub(crate) endpoint: Option<String>,
    pub(crate) region: Option<String>,
    pub(crate) path_style: bool,
    pub(crate) anonymous: bool,
    pub(crate) auth: Auth,
}

impl StoreAccess {
    /// The folder.
    pub(crate) fn address(&self) -> Result<Address, Error> {
        if self.url.is_empty() {
            return Err(Error::usage("expected the address of a folder, such as \"s3://bucket/flows/\""));
        }
        Address::parse(&self.url).map(Address::into_folder).map_err(|e| Error::usage(told(&e)))
    }

    /// Whether it is a folder of this machine.
    pub(crate) fn local(&self) -> Option<Address> {
        self.address().ok().filter(|address| address.service() == Service::Local)
    }

    fn credentials(&self) -> Result<Option<Credentials>, Error> {
        let read = |secret: &Option<Secret>| -> Result<Option<String>, Error> {
            Ok(secret.as_ref().map(Secret::read).transpose()?.map(|text| text.expose().to_owned()))
        };
        let Auth { access_key, secret_key, session_token } = &self.auth;
        match (read(access_key)?, read(secret_key)?, read(session_token)?) {
            (None, None, None) => Ok(None),
            (Some(id), Some(secret), token) => Ok(Some(Credentials { id, secret, token })),
            _ => Err(Error::usage("`access_key` and `secret_key` go together")),
        }
    }

    /// What is wrong with it, without asking anybody.
    pub(crate) fn check(&self, faults: &mut Vec<Fault>) {
        let before = faults.len();
        if let Err(error) = self.address() {
            faults.push(Fault::at(["url"], error.to_string()));
        }
        if let Err(error) = self.credentials() {
            faults.push(Fault::at(["auth"], error.to_string()));
        }
        if faults.len() == before
            && let Err(error) = self.open()
        {
            faults.push(Fault::at(["url"], error.to_string()));
        }
    }

    /// Opens it, with secrets as they are now. Nobody is asked anything yet.
    pub(crate) fn open(&self) -> Result<Store, Error> {
        self.open_with(None, None)
    }

    /// Opens it for a part that tells of its trouble, as soon as there is some, and tries until it stops.
    pub(crate) fn open_for(&self, stop: &Stop, trouble: Arc<StoreTrouble>) -> Result<Store, Error> {
        let stop = stop.clone();
        self.open_with(
            Some(Arc::new(move || stop.is_told())),
            Some(Arc::new(move |error| trouble.begins(error))),
        )
    }

    /// Whether its objects can be listed, as somebody wants to know now; what is wrong if not.
    pub(crate) fn try_out(&self) -> Result<(), String> {
        let until = Instant::now() + PATIENCE;
        let store = self
            .open_with(Some(Arc::new(move || Instant::now() >= until)), None)
            .map_err(|e| e.to_string())?;
        let first = store.list("", None).and_then(|mut listing| listing.next().transpose());
        first.map(drop).map_err(|e| match e.kind() {
            Kind::Stopped => {
                format!(
                    "{}: there is no answer within {} s; check the endpoint",
                    self.url,
                    PATIENCE.as_secs()
                )
            }
            _ => told(&e),
        })
    }

    fn open_with(
        &self,
        stop: Option<Arc<dyn Fn() -> bool + Send + Sync>>,
        repeats: Option<weir_store::Repeats>,
    ) -> Result<Store, Error> {
        let options = weir_store::Options {
            endpoint: self.endpoint.clone(),
            region: self.region.clone(),
            path_style: self.path_style,
            anonymous: self.anonymous,
            credentials: self.credentials()?,
            stop,
            repeats,
        };
        Store::open(&self.address()?, &options).map_err(|e| Error::usage(told(&e)))
    }
}

/// What is wrong with the store of a part, told when it begins, also while the store itself still tries again.
#[derive(Debug)]
pub(crate) struct StoreTrouble {
    trouble: Trouble,
    of: Of,
    /// A folder of this machine is nobody else's care.
    local: bool,
    /// The folder, for what is said of it as a whole.
    folder: String,
}

/// Whose trouble it is.
#[derive(Debug)]
pub(crate) enum Of {
    Source(Arc<str>),
    Sink(Arc<str>),
}

impl StoreTrouble {
    /// Nothing is wrong yet.
    pub(crate) fn new(access: &StoreAccess, health: Health, of: Of) -> Self {
        let folder = access.address().map(|address| address.to_string()).unwrap_or_default();
        Self { trouble: Trouble::new(health), of, local: access.local().is_some(), folder }
    }

    /// Something is wrong, of which an object is no more than an example.
    pub(crate) fn begins(&self, error: &weir_store::Error) {
        let why = with_keys(error.why());
        let what = match error.why().len() < error.to_string().len() {
            true => format!("{}: {why}", self.folder),
            false => why,
        };
        self.tell(&what, error.kind());
    }

    /// The same, in words.
    pub(crate) fn tell(&self, what: &str, kind: Kind) {
        if self.trouble.begins(what, is_wrong(kind) || self.local) {
            match &self.of {
                Of::Source(source) => tracing::warn!(%source, "{what}; it is tried again"),
                Of::Sink(sink) => tracing::warn!(%sink, "{what}; it is tried again"),
            }
        }
    }

    /// It works.
    pub(crate) fn ends(&self) {
        if self.trouble.ends() {
            match &self.of {
                Of::Source(source) => tracing::info!(%source, "objects can be read again"),
                Of::Sink(sink) => tracing::info!(%sink, "objects can be written again"),
            }
        }
    }
}

/// What a store says, with the keys of a section where it names options of the command line.
pub(crate) fn told(error: &weir_store::Error) -> String {
    with_keys(&error.to_string())
}

fn with_keys(text: &str) -> String {
    let keys = ["endpoint", "region", "path-style", "anonymous"];
    // The service does that by itself.
    keys.iter().fold(text.replace(", or run it again", ""), |text, key| {
        text.replace(&format!("--{key}"), &format!("`{}`", key.replace('-', "_")))
    })
}

/// A failure in a word, for counting.
pub(crate) fn reason(kind: Kind) -> &'static str {
    match kind {
        Kind::NotFound => "not_found",
        Kind::Denied => "denied",
        Kind::Changed => "changed",
        Kind::Stopped => "stopped",
        Kind::Usage => "wrong",
        Kind::Other => "failed",
    }
}

/// Whether it goes well when somebody corrects something: a login, a name, the rights of a folder.
fn is_wrong(kind: Kind) -> bool {
    matches!(kind, Kind::NotFound | Kind::Denied | Kind::Usage)
}
