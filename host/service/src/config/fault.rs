//! What is wrong with a configuration.

/// Something that is wrong with a value, found by who the value is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The key that it is about, from the section's on: `auth`, `password`. None where it is about the section.
    pub key: Vec<String>,
    /// Which item of the key's values it is, from 0 on, where it is one of them.
    pub item: Option<usize>,
    /// What was found, and what to do. No secret.
    pub message: String,
}

impl Fault {
    /// A fault of the value of a key.
    pub fn at<const N: usize>(key: [&str; N], message: impl Into<String>) -> Self {
        Self { key: key.map(str::to_owned).to_vec(), item: None, message: message.into() }
    }

    /// The same of one item of an array.
    pub fn of_item(self, item: usize) -> Self {
        Self { item: Some(item), ..self }
    }
}
