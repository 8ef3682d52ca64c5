//! What a store's refusal means, in words that say what to do. A message of OpenDAL's is not shown as it
//! is: it may hold a URL with a signature in it.

use std::error::Error as _;

use opendal::ErrorKind;
use weir_printable::line;

use super::{Name, Remote};
use crate::{Error, Kind, options::variables};

/// How much is shown of what a store says.
const SHOWN: usize = 200;

/// What a store says, out of the debug form of a structure of OpenDAL's, such as
/// `S3Error { code: "NoSuchBucket", message: "The bucket ...", ... }`.
#[derive(Debug, Default, PartialEq, Eq)]
struct Said {
    code: String,
    message: String,
}

impl Said {
    fn of(text: &str) -> Self {
        let Some((_, inside)) = text.split_once(" { ") else { return Self::default() };
        Self { code: member(inside, "code"), message: member(inside, "message") }
    }
}

/// The string behind `name: "`, unescaped as far as it matters to a reader.
fn member(text: &str, name: &str) -> String {
    let Some((_, from)) = text.split_once(&format!("{name}: \"")) else { return String::new() };
    let mut value = String::new();
    let mut chars = from.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => break,
            '\\' => match chars.next() {
                Some('n' | 'r' | 't') => value.push(' '),
                Some(c) => value.push(c),
                None => break,
            },
            c => value.push(c),
        }
        if value.len() >= SHOWN {
            value.push_str("...");
            break;
        }
    }
    value
}

impl Remote {
    /// What an error means. `doing` goes on behind "can't".
    pub(super) fn error(&self, name: Name<'_>, doing: &str, error: &opendal::Error) -> Error {
        let service = self.address.service();
        let bucket = format!("{}://{}", service.scheme(), self.address.bucket());
        let said = Said::of(error.message());
        let told = match (said.code.as_str(), said.message.as_str()) {
            ("", "") => String::new(),
            (code, "") => format!(" ({})", line(code)),
            ("", message) => format!(" ({})", line(message)),
            (code, message) => format!(" ({}: {})", line(code), line(message)),
        };
        let variables = variables(service);
        let signing = error.message().starts_with("signing") || error.message().starts_with("loading");
        let (kind, why) = match (said.code.as_str(), error.kind()) {
            _ if signing => (
                Kind::Denied,
                format!(
                    "there are no credentials that can be used; set {variables}, or --anonymous for what \
                     everybody may read"
                ),
            ),
            ("NoSuchBucket" | "ContainerNotFound", _) => (
                Kind::NotFound,
                format!(
                    "there is no bucket {bucket} at {}{told}; check its name, --endpoint and --region",
                    self.endpoint
                ),
            ),
            (
                "InvalidAccessKeyId"
                | "SignatureDoesNotMatch"
                | "InvalidToken"
                | "ExpiredToken"
                | "SecurityTokenExpired"
                | "InvalidSecurityToken"
                | "AuthenticationFailed",
                _,
            ) => (
                Kind::Denied,
                format!("{} does not accept the credentials{told}; check {variables}", service.name()),
            ),
            ("RequestTimeTooSkewed", _) => {
                (Kind::Denied, format!("this machine's clock is wrong{told}; set it"))
            }
            (
                "PermanentRedirect"
                | "TemporaryRedirect"
                | "AuthorizationHeaderMalformed"
                | "IllegalLocationConstraintException"
                | "IncorrectEndpoint",
                _,
            ) => (
                Kind::Usage,
                format!("the bucket is in another region{told}; name it with --region or --endpoint"),
            ),
            ("SecondLevelDomainForbidden" | "VirtualHostDomainRequired", _) => (
                Kind::Usage,
                format!(
                    "the service wants the bucket before the host's name{told}; leave --path-style out, and \
                     name the endpoint's host"
                ),
            ),
            (_, ErrorKind::NotFound) => {
                (Kind::NotFound, format!("there is no such object in {bucket}{told}; check the key"))
            }
            (_, ErrorKind::PermissionDenied) => (
                Kind::Denied,
                format!(
                    "access is denied{told}; ask for the right to do it, and check that {variables} are those \
                     that are meant"
                ),
            ),
            (_, ErrorKind::ConditionNotMatch) => return Error::changed(&name.to_string()),
            (_, ErrorKind::RateLimited) => (
                Kind::Other,
                format!("the service asks to slow down{told}; run it again later, with fewer jobs"),
            ),
            _ => {
                let causes = causes(error);
                let what = if told.is_empty() { format!(" ({})", line(&causes)) } else { told };
                (
                    Kind::Other,
                    format!("{} does not answer as it should{what}; check {}", service.name(), self.reach()),
                )
            }
        };
        Error::about(&name.to_string(), doing, kind, &why)
    }

    /// What may be wrong where a request does not arrive.
    fn reach(&self) -> String {
        format!("that {} is the endpoint and can be reached, or run it again", self.endpoint)
    }
}

/// What led to an error, the outermost first, without URLs.
fn causes(error: &opendal::Error) -> String {
    let mut texts = Vec::new();
    let mut source = error.source();
    while let Some(cause) = source {
        let text = cause.to_string();
        if texts.last() != Some(&text) && !text.contains("://") {
            texts.push(text);
        }
        source = cause.source();
    }
    if texts.is_empty() {
        let mut message = error.message().split("://").next().unwrap_or_default().to_owned();
        message.truncate(message.floor_char_boundary(SHOWN));
        return message;
    }
    texts.join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_store_says_is_found_in_a_debug_form() {
        let text = r#"S3Error { code: "NoSuchBucket", message: "The \"b\" is\nnot there", resource: "/b" }"#;
        let said = Said { code: "NoSuchBucket".into(), message: "The \"b\" is not there".into() };
        assert_eq!(Said::of(text), said);
        assert_eq!(Said::of("<html>502 Bad Gateway</html>"), Said::default());
        assert_eq!(Said::of("ObsError { code: \"x"), Said { code: "x".into(), message: String::new() });
        let long = format!("E {{ code: \"{}\" }}", "x".repeat(5000));
        assert!(Said::of(&long).code.len() < 300);
    }
}
