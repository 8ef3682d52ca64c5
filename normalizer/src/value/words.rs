//! The words that sources use for enumerated fields.

/// A word of a source, what it means, and whether that loses something worth keeping.
pub type Word = (&'static str, &'static str, bool);

/// Words for an action, compared without regard to case.
pub const ACTION: &[Word] = &[
    ("accept", "accept", false),
    ("reject", "reject", false),
    ("allow", "accept", false),
    ("permit", "accept", false),
    ("pass", "accept", false),
    ("deny", "reject", false),
    ("block", "reject", false),
    // Discarded without an answer.
    ("drop", "reject", true),
    ("log", "log", false),
    ("alert", "log", true),
    ("challenge", "challenge", false),
    ("captcha", "challenge", true),
    ("js_challenge", "challenge", true),
];

/// Words for an action, where it may be a number too.
pub const NUMBERED_ACTION: &[Word] = &{
    let mut words = [("0", "accept", false); ACTION.len() + 2];
    words[1] = ("1", "reject", false);
    let mut i = 0;
    while i < ACTION.len() {
        words[i + 2] = ACTION[i];
        i += 1;
    }
    words
};

/// What a web application firewall does, beside the general words. An answer that was cut off is
/// a denial. One that came from a cache, or in which something was hidden, reached the client: the
/// event was seen and let through, which is `log`.
pub const WAF_ACTION: &[Word] = &{
    let mut words = [("cache", "log", true); ACTION.len() + 5];
    let mut i = 0;
    while i < ACTION.len() {
        words[i] = ACTION[i];
        i += 1;
    }
    words[i] = ("mask", "log", true);
    words[i + 1] = ("desensitize", "log", true);
    words[i + 2] = ("abort_response", "reject", true);
    words[i + 3] = ("advanced_captcha", "challenge", true);
    words
};

/// What Alibaba's web application firewall does. It tries clients by a slider, a script or a token; one
/// that passed is let through. An answer in which something was hidden reached the client.
pub const ALIBABA_WAF_ACTION: &[Word] = &[
    ("block", "reject", false),
    ("captcha_strict", "challenge", true),
    ("captcha", "challenge", true),
    ("sigchl", "challenge", true),
    ("js", "challenge", true),
    ("pass", "accept", false),
    ("captcha_strict_pass", "accept", true),
    ("captcha_pass", "accept", true),
    ("sigchl_pass", "accept", true),
    ("js_pass", "accept", true),
    ("mask", "log", true),
    ("continue", "accept", true),
];

/// Words for a direction, compared without regard to case.
pub const DIRECTION: &[Word] = &[
    ("ingress", "ingress", false),
    ("egress", "egress", false),
    ("in", "ingress", false),
    ("out", "egress", false),
    ("out2in", "ingress", false),
    ("in2out", "egress", false),
    ("inbound", "ingress", false),
    ("outbound", "egress", false),
];

/// Words for what became of a window, compared without regard to case.
pub const LOG_STATUS: &[Word] =
    &[("ok", "ok", false), ("nodata", "nodata", false), ("skipdata", "skipdata", false)];

/// Looks a word up.
pub(crate) fn find(words: &'static [Word], text: &str) -> Option<(&'static str, bool)> {
    let word = words.iter().find(|w| w.0.eq_ignore_ascii_case(text))?;
    Some((word.1, word.2))
}
