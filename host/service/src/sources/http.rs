//! Requests over HTTP.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::{
    fault::Fault,
    secret::Secret,
    values::{self, ByteSize, Span},
};

/// `type = "http"`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Options {
    /// The address to listen at, such as "127.0.0.1:8080"
    pub listen: String,
    /// Who may send
    pub auth: Option<Auth>,
    /// The longest body that is taken, as it is sent and again when it is unpacked
    pub max_body: ByteSize,
    /// How long a client may take for each piece of a request
    pub idle: Span,
    /// How long a client waits for its records to be safe before it is told to come back
    pub timeout: Span,
    /// How many connections there may be at a time
    pub max_connections: u32,
}

/// Who may send: one of `bearer`, or `user` and `password`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Auth {
    /// The token of `Authorization: Bearer`
    pub bearer: Option<Secret>,
    /// The user of `Authorization: Basic`
    pub user: Option<String>,
    /// The user's password
    pub password: Option<Secret>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: String::new(),
            auth: None,
            max_body: ByteSize(16 << 20),
            idle: Span(Duration::from_secs(10)),
            timeout: Span(Duration::from_secs(30)),
            max_connections: 1024,
        }
    }
}

impl super::Options for Options {
    fn check(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        if let Err(message) = values::address(&self.listen) {
            faults.push(Fault::at(["listen"], message));
        }
        if self.max_body.0 == 0 {
            faults.push(Fault::at(["max_body"], "expected at least one byte"));
        }
        if self.max_connections == 0 {
            faults.push(Fault::at(["max_connections"], "expected at least 1"));
        }
        let Some(auth) = &self.auth else { return faults };
        let mut secret = |key: &'static str, secret: &Secret| {
            if let Err(error) = secret.read() {
                faults.push(Fault::at(["auth", key], error.to_string()));
            }
        };
        match (&auth.bearer, &auth.user, &auth.password) {
            (Some(bearer), None, None) => secret("bearer", bearer),
            (None, Some(_), Some(password)) => secret("password", password),
            _ => faults
                .push(Fault::at(["auth"], "expected { bearer = .. } or { user = \"NAME\", password = .. }")),
        }
        faults
    }
}
