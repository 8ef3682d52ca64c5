//! Secrets: named in the configuration, and never in it.

use std::{env, fmt, fs, path::PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, de};

use crate::error::Error;

/// Where a secret is: `{ file = "/run/secrets/es" }` or `{ env = "ES_PASSWORD" }`.
#[derive(Clone, Debug, Default, PartialEq, Eq, JsonSchema)]
#[serde(default)]
pub struct Secret {
    /// A file that holds it; one line break at its end is none of it.
    pub file: Option<PathBuf>,
    /// A variable of the environment that holds it.
    pub env: Option<String>,
}

const EXPECTED: &str = "{ file = \"PATH\" } or { env = \"NAME\" }";

/// As derived, but that no error shows what was found: who writes a secret in the configuration
/// shall not find it in a log as well.
impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct Parts {
            file: Option<PathBuf>,
            env: Option<String>,
        }
        struct Visitor;
        fn other<T, E: de::Error>() -> Result<T, E> {
            Err(E::custom(format!("a secret is not written here, but named: expected {EXPECTED}")))
        }
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Secret;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(EXPECTED)
            }
            fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<Secret, A::Error> {
                let Parts { file, env } = Parts::deserialize(de::value::MapAccessDeserializer::new(map))?;
                Ok(Secret { file, env })
            }
            fn visit_str<E: de::Error>(self, _: &str) -> Result<Secret, E> {
                other()
            }
            fn visit_bool<E: de::Error>(self, _: bool) -> Result<Secret, E> {
                other()
            }
            fn visit_i64<E: de::Error>(self, _: i64) -> Result<Secret, E> {
                other()
            }
            fn visit_u64<E: de::Error>(self, _: u64) -> Result<Secret, E> {
                other()
            }
            fn visit_f64<E: de::Error>(self, _: f64) -> Result<Secret, E> {
                other()
            }
        }
        from.deserialize_any(Visitor)
    }
}

/// A secret's text, which no message shows.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretText(String);

impl SecretText {
    /// The text, for who sends it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretText(..)")
    }
}

impl Secret {
    /// The longest file that is taken for a secret, in bytes.
    const LONGEST: u64 = 64 << 10;

    /// Reads it. The message of an error says where it was looked for, and nothing of what was found.
    pub fn read(&self) -> Result<SecretText, Error> {
        let text = match (&self.file, &self.env) {
            (Some(path), None) => {
                let failed = |e| Error::file(path, "read the secret", &e);
                if fs::metadata(path).map_err(failed)?.len() > Self::LONGEST {
                    return Err(Error::usage(format!(
                        "{}: the file is too long for a secret",
                        path.display()
                    )));
                }
                let text = fs::read_to_string(path).map_err(failed)?;
                text.strip_suffix('\n').map(|t| t.strip_suffix('\r').unwrap_or(t).to_owned()).unwrap_or(text)
            }
            (None, Some(name)) => env::var(name).map_err(|_| {
                Error::usage(format!("the environment has no variable `{name}` in UTF-8; set it"))
            })?,
            _ => return Err(Error::usage(format!("expected {EXPECTED}"))),
        };
        match text.is_empty() {
            true => Err(Error::usage("the secret is empty")),
            false => Ok(SecretText(text)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_read_and_not_shown() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("password");
        let secret = Secret { file: Some(path.clone()), env: None };
        assert!(secret.read().unwrap_err().to_string().contains("check the path"));
        for text in ["hunter 2", "hunter 2\n", "hunter 2\r\n"] {
            fs::write(&path, text).unwrap();
            let read = secret.read().unwrap();
            assert_eq!(read.expose(), "hunter 2");
            assert!(!format!("{read:?} {secret:?}").contains("hunter"));
        }
        fs::write(&path, "\n").unwrap();
        assert_eq!(secret.read().unwrap_err().to_string(), "the secret is empty");
        let both = Secret { env: Some("PATH".into()), ..secret };
        assert!(both.read().is_err() && Secret::default().read().is_err());
    }
}
