//! Links and headings of a page, as mdBook sees them.

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

pub(crate) struct Link {
    pub(crate) target: String,
}

fn events(text: &str) -> Parser<'_> {
    Parser::new_ext(text, Options::ENABLE_TABLES)
}

/// Links and pictures, but those in code.
pub(crate) fn of(text: &str) -> Vec<Link> {
    let target = |event| match event {
        Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
            Some(Link { target: dest_url.into_string() })
        }
        _ => None,
    };
    events(text).filter_map(target).collect()
}

/// What leads to the headings: their letters and digits in lower case, `-` for blanks, and a number
/// behind one that was there before.
pub(crate) fn anchors(text: &str) -> Vec<String> {
    let (mut anchors, mut heading) = (Vec::<String>::new(), None);
    for event in events(text) {
        match event {
            Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
            Event::Text(text) | Event::Code(text) => {
                if let Some(heading) = &mut heading {
                    heading.push_str(&text);
                }
            }
            Event::End(TagEnd::Heading(_)) => {
                let id: String =
                    heading.take().unwrap_or_default().trim().chars().filter_map(letter).collect();
                let is_another = |a: &&String| {
                    a.strip_prefix(&id).is_some_and(|rest| {
                        rest.is_empty() || rest.strip_prefix('-').is_some_and(|n| n.parse::<u32>().is_ok())
                    })
                };
                match anchors.iter().filter(is_another).count() {
                    0 => anchors.push(id),
                    n => anchors.push(format!("{id}-{n}")),
                }
            }
            _ => {}
        }
    }
    anchors
}

fn letter(c: char) -> Option<char> {
    match c {
        c if c.is_alphanumeric() || c == '_' || c == '-' => Some(c.to_ascii_lowercase()),
        c if c.is_whitespace() => Some('-'),
        _ => None,
    }
}

/// The page that a path on another page names.
pub(crate) fn join(page: &str, path: &str) -> String {
    let mut parts: Vec<&str> = page.split('/').collect();
    parts.pop();
    for part in path.split('/') {
        match part {
            "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

#[test]
fn headings_have_the_anchors_that_mdbook_gives_them() {
    let text =
        "# One, *two* `three`\n\n## `[sinks.NAME]`: Files\n\n## A/B\n\n```sh\n# no heading\n```\n\n## A/B\n";
    assert_eq!(anchors(text), ["one-two-three", "sinksname-files", "ab", "ab-1"]);
    let links: Vec<_> = of("[a](x.md#y) `[b](z)` ![c](../d.png)").into_iter().map(|l| l.target).collect();
    assert_eq!(links, ["x.md#y", "../d.png"]);
    assert_eq!(join("run/a.md", "../b.md"), "b.md");
    assert_eq!(join("run/a.md", "./b.md"), "run/b.md");
}
