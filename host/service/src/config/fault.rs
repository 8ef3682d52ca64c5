//! What is wrong with a configuration.

/// Something that is wrong with a value, found by who the value is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The key that it is about, from the section's on: `auth`, `password`.
    pub key: Vec<&'static str>,
    /// What was found, and what to do. No secret.
    pub message: String,
}

impl Fault {
    /// A fault of the value of a key.
    pub fn at<const N: usize>(key: [&'static str; N], message: impl Into<String>) -> Self {
        Self { key: key.to_vec(), message: message.into() }
    }
}
