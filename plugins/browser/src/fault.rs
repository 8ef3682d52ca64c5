//! What is wrong with options: the sentence, which option, where in it, and what to do.

use serde::Serialize;
use weir_normalizer::{Config, Error, Normalizer, framing::Framer};

/// What JavaScript makes an `Error` of.
#[derive(Debug, Serialize)]
pub(crate) struct Fault {
    /// The sentence; where a place is known, the text and a caret under it follow on lines of their own.
    message: String,
    /// The option at fault, as JavaScript calls it.
    #[serde(skip_serializing_if = "Option::is_none")]
    option: Option<&'static str>,
    /// Where in the option's text the fault is, in UTF-16 code units.
    #[serde(skip_serializing_if = "Option::is_none")]
    position: Option<usize>,
    /// What to do.
    remedy: String,
}

impl Fault {
    /// The fault of a configuration that can't be used.
    pub(crate) fn new(error: &Error, config: &Config) -> Self {
        let message = error.to_string();
        let blamed = blame(&message, config);
        let position = error
            .offset()
            .zip(blamed.as_ref())
            .and_then(|(offset, (_, text))| Some(text.get(..offset)?.encode_utf16().count()));
        let option = blamed.map(|(option, _)| option);
        Self { remedy: remedy(&message, option), message, option, position }
    }

    /// The fault of options that do not even make a configuration.
    pub(crate) fn of_options(error: &Error) -> Self {
        let message = error.to_string();
        Self { remedy: remedy(&message, None), message, option: None, position: None }
    }

    /// A schema that there is not.
    pub(crate) fn of_schema(name: &str, known: &str) -> Self {
        let remedy = format!("known are {known}");
        let message = format!("no schema is called {name:?}; {remedy}");
        Self { message, option: Some("to"), position: None, remedy }
    }
}

/// The option, and its text, that gives this error when it is alone.
fn blame(message: &str, config: &Config) -> Option<(&'static str, String)> {
    let gives = |alone: Config| {
        let made = Framer::new(&alone).and_then(|_| Normalizer::new(&alone));
        made.is_err_and(|error| error.to_string() == message)
    };
    let bare = || Config { lists: config.lists.clone(), zone: config.zone.clone(), ..Config::default() };
    if config.from.is_some() && gives(Config { from: config.from.clone(), ..bare() }) {
        return Some(("from", config.from.clone()?));
    }
    if config.filter.is_some() && gives(Config { filter: config.filter.clone(), ..bare() }) {
        return Some(("where", config.filter.clone()?));
    }
    for one in &config.mask {
        if gives(Config { mask: vec![one.clone()], ..bare() }) {
            return Some(("mask", one.clone()));
        }
    }
    for one in &config.drop {
        if gives(Config { drop: vec![one.clone()], ..bare() }) {
            return Some(("drop", one.clone()));
        }
    }
    for one in &config.own {
        if gives(Config { own: vec![one.clone()], ..bare() }) {
            return Some(("own", one.clone()));
        }
    }
    // These are about the columns of lines, and only together.
    let columns = Config {
        layout: config.layout.clone(),
        separator: config.separator.clone(),
        quote: config.quote.clone(),
        missing: config.missing.clone(),
        from: config.from.clone(),
        ..bare()
    };
    if !gives(columns) {
        return None;
    }
    let named = |option: &str| message.starts_with(option);
    match (&config.layout, &config.separator, &config.quote) {
        (_, Some(separator), _) if named("separator") => Some(("separator", separator.clone())),
        (_, _, Some(quote)) if named("quote") => Some(("quote", quote.clone())),
        (Some(layout), ..) => Some(("layout", layout.clone())),
        _ => None,
    }
}

/// What to do: what the sentence says behind its semicolon, or what holds for the option.
fn remedy(message: &str, option: Option<&str>) -> String {
    let sentence = message.lines().next().unwrap_or_default();
    if let Some((_, remedy)) = sentence.split_once("; ") {
        return remedy.to_owned();
    }
    let general = match option {
        Some("from") => "take an id that formats() lists",
        Some("where") => "correct the expression at the position",
        Some("layout" | "separator" | "quote") => "write the columns as in ${srcaddr} ${dstaddr}",
        Some("mask") => "write FIELD/PREFIX, such as src_ip/24",
        Some("drop") => "name a field, such as host or extra.cookie",
        Some("own") => "write networks in CIDR form, such as 10.0.0.0/8, or @LIST",
        _ => "correct the options; the package's README lists them",
    };
    general.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(config: &Config) -> Fault {
        let error = Framer::new(config).map(drop).and_then(|()| Normalizer::new(config).map(drop));
        Fault::new(&error.expect_err("it can't be used"), config)
    }

    #[test]
    fn a_fault_names_its_option_and_the_place_in_it() {
        let good = Config {
            from: Some("huawei-vpc".into()),
            filter: Some("bytes > 1k".into()),
            drop: vec!["host".into()],
            mask: vec!["src_ip/24".into()],
            ..Config::default()
        };
        let expected = [
            (Config { from: Some("huawei-vcp".into()), ..good.clone() }, "from", None),
            (
                Config { filter: Some("host == \"\u{20ac}\" nad bytes > 1".into()), ..good.clone() },
                "where",
                Some(12),
            ),
            (Config { drop: vec!["host".into(), "hots".into()], ..good.clone() }, "drop", None),
            (Config { mask: vec!["src_ip/24".into(), "host/24".into()], ..good.clone() }, "mask", None),
            (Config { own: vec!["10.0.0.0/33".into()], ..good.clone() }, "own", None),
            (Config { layout: Some("${a".into()), ..good.clone() }, "layout", None),
            (Config { separator: Some(",".into()), ..good.clone() }, "separator", None),
        ];
        for (config, option, position) in expected {
            let fault = fault(&config);
            assert_eq!(fault.option, Some(option), "{fault:?}");
            assert!(position.is_none() || fault.position == position, "{fault:?}");
            assert!(!fault.remedy.is_empty(), "{fault:?}");
        }
    }
}
