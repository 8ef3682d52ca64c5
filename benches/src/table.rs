//! The table of ratios that the README shows: what is measured, what is wanted, and how
//! the results are written.

use std::fmt::Write as _;

/// What is wanted of a figure.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Goal {
    /// It is reported, no more.
    None,
    /// This or more.
    AtLeast(f64),
    /// This or less.
    AtMost(f64),
}

/// What a figure counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// One time divided by another.
    Ratio,
    /// 1024 × 1024 bytes.
    Mebibytes,
    /// 1000 bytes.
    Kilobytes,
    /// Thousandths of a second.
    Milliseconds,
}

impl Unit {
    fn symbol(self) -> &'static str {
        match self {
            Self::Ratio => "×",
            Self::Mebibytes => "MiB",
            Self::Kilobytes => "KB",
            Self::Milliseconds => "ms",
        }
    }
}

/// A row: a figure that is measured.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// What the measuring program calls it.
    pub id: &'static str,
    /// What people call it; of a ratio, the time of one `/` the time of the other.
    pub what: &'static str,
    /// What is wanted of it.
    pub goal: Goal,
    /// What it counts.
    pub unit: Unit,
    /// Whether it needs other people's programs.
    pub peers: bool,
    /// Whether the README has it.
    pub readme: bool,
}

/// Which rows are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rows {
    /// Every one.
    All,
    /// Those that the README has.
    Readme,
}

const fn row(id: &'static str, what: &'static str, goal: Goal, unit: Unit) -> Row {
    Row { id, what, goal, unit, peers: false, readme: true }
}

const fn ratio(id: &'static str, what: &'static str, goal: Goal) -> Row {
    row(id, what, goal, Unit::Ratio)
}

const fn peer(id: &'static str, what: &'static str, goal: Goal) -> Row {
    Row { peers: true, ..ratio(id, what, goal) }
}

const fn detail(id: &'static str, what: &'static str) -> Row {
    Row { readme: false, ..ratio(id, what, Goal::None) }
}

/// What a schema costs. Its text goes through everything but the writing of files.
const fn mapped(id: &'static str, what: &'static str, goal: Goal) -> Row {
    Row { readme: false, ..ratio(id, what, goal) }
}

/// Every row, in order. To add one, give it a line here and tell `ratios.rs` how it is measured.
pub const ROWS: &[Row] = {
    use Goal::{AtLeast, AtMost, None};
    use Unit::{Kilobytes, Mebibytes, Milliseconds};
    &[
        peer(
            "duckdb-guest",
            "DuckDB `read_csv` to JSON, one thread / `weir normalize`, one job",
            AtLeast(4.0),
        ),
        peer("duckdb-native", "DuckDB `read_csv` to JSON, one thread / `--native`, one job", AtLeast(6.0)),
        peer("duckdb-2", "DuckDB `read_csv` to JSON, two threads / two jobs", AtLeast(6.0)),
        peer("duckdb-keyed", "DuckDB `read_json` to JSON, one thread / one job, keyed JSON", AtLeast(2.0)),
        Row {
            readme: false,
            ..peer(
                "duckdb-parquet",
                "DuckDB `read_csv` to Parquet, one thread / `weir normalize --to parquet`, one job",
                AtLeast(2.5),
            )
        },
        peer("vrl", "VRL `parse_aws_vpc_flow_log`, writing nothing / one job", AtLeast(5.0)),
        Row {
            readme: false,
            ..peer(
                "vrl-baked",
                "VRL, the program that `weir bake vector` writes / VRL `parse_aws_vpc_flow_log`",
                None,
            )
        },
        peer("simd-json-sls", "native, keyed JSON of SLS / simd-json making a tree of it", AtMost(1.0)),
        peer("sonic-rs-sls", "native, keyed JSON of SLS / sonic-rs making a tree of it", AtMost(1.0)),
        peer("simd-json-cfw", "native, keyed JSON of CFW / simd-json making a tree of it", AtMost(1.0)),
        peer("sonic-rs-cfw", "native, keyed JSON of CFW / sonic-rs making a tree of it", AtMost(1.0)),
        ratio("jobs", "one job / two jobs", AtLeast(1.8)),
        ratio("guest-lines", "guest / native, batches of text lines", AtMost(1.3)),
        ratio("guest-keyed", "guest / native, batches of keyed JSON", AtMost(1.3)),
        ratio("guest-pages", "guest / native, batches of JSON pages", AtMost(1.3)),
        ratio("guest-process", "guest / native, the whole process, one job", None),
        ratio("guards-lines", "deadline and memory limit on / off, text lines", AtMost(1.05)),
        ratio("guards-keyed", "deadline and memory limit on / off, keyed JSON", AtMost(1.05)),
        ratio("broken-lines", "1 % broken records / none, native, text lines", AtMost(1.1)),
        ratio("broken-keyed", "1 % broken records / none, native, keyed JSON", AtMost(1.1)),
        ratio("broken-pages", "1 % broken records / none, native, JSON pages", AtMost(1.1)),
        ratio("broken-process", "1 % broken records / none, the whole process, one job", AtMost(1.1)),
        row("memory", "most resident memory, 1 GB of input, one job", AtMost(64.0), Mebibytes),
        row("memory-growth", "what of it came after the first eighth", AtMost(4.0), Mebibytes),
        row("first", "from the start of the process to the first record", AtMost(20.0), Milliseconds),
        row("size", "size of the guest", AtMost(450.0), Kilobytes),
        ratio("limit", "one job / reading the file and counting its lines", None),
        detail("filter-lines", "a filter that drops 99 % / none, text lines"),
        detail("filter-keyed", "a filter that drops 99 % / none, keyed JSON"),
        ratio("lists", "a filter by 100,000 networks / by 10", AtMost(2.0)),
        detail("parsing-lines", "parsing alone / parsing and encoding, behind a filter, text lines"),
        detail("parsing-keyed", "parsing alone / parsing and encoding, behind a filter, keyed JSON"),
        detail("framing-lines", "framing alone / framing and normalizing, text lines"),
        detail("framing-keyed", "framing alone / framing and normalizing, keyed JSON"),
        detail("framing-pages", "framing alone / framing and normalizing, JSON pages"),
        detail("form-lts-query", "a record in a page of an LTS query / one in keyed JSON, native"),
        detail(
            "form-lts-structured",
            "a record in a page of a structured LTS query / one in keyed JSON, native",
        ),
        detail("form-lts-transfer", "a record in a line of LTS transfer / one in keyed JSON, native"),
        detail("form-waf-access", "a record of WAF access / one in keyed JSON, native"),
        detail("form-loong-collector", "a record of LoongCollector / one in keyed JSON, native"),
        detail("form-flat", "a flat record / one in keyed JSON, native"),
        mapped("ocsf-lines", "OCSF / flat, guest, text lines", AtMost(3.0)),
        mapped("ocsf-keyed", "OCSF / flat, guest, keyed JSON", AtMost(3.0)),
        mapped("ocsf-waf", "OCSF / flat, guest, attacks seen by a web application firewall", AtMost(4.0)),
        mapped("ocsf-cfw", "OCSF / flat, guest, flows seen by a firewall", AtMost(4.0)),
        mapped("ecs-lines", "ECS / flat, guest, text lines", AtMost(3.0)),
        mapped("ecs-keyed", "ECS / flat, guest, keyed JSON", AtMost(3.0)),
        mapped("ecs-waf", "ECS / flat, guest, attacks seen by a web application firewall", AtMost(4.0)),
        mapped("ecs-cfw", "ECS / flat, guest, flows seen by a firewall", AtMost(4.0)),
        mapped("otel-lines", "OTLP / flat, guest, text lines", AtMost(3.5)),
        mapped("otel-keyed", "OTLP / flat, guest, keyed JSON", AtMost(3.5)),
        mapped("otel-waf", "OTLP / flat, guest, attacks seen by a web application firewall", AtMost(4.0)),
        mapped("otel-cfw", "OTLP / flat, guest, flows seen by a firewall", AtMost(4.0)),
        mapped("filter-ocsf", "a filter that drops 99 % / none, OCSF, guest, text lines", AtMost(0.5)),
        mapped("filter-ecs", "a filter that drops 99 % / none, ECS, guest, text lines", AtMost(0.5)),
        mapped("filter-otel", "a filter that drops 99 % / none, OTLP, guest, text lines", AtMost(0.5)),
        detail("boundary", "batches into a guest and out again / with the work, text lines"),
    ]
};

/// What was found for a row.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    /// The row's.
    pub id: &'static str,
    /// One for each round, in any order; at least one.
    pub samples: Vec<f64>,
    /// The same of processor times; none where there is no ratio.
    pub processor: Vec<f64>,
}

/// The least, the middle one and the greatest.
fn spread(samples: &[f64]) -> Option<[f64; 3]> {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    Some([*sorted.first()?, sorted[(sorted.len() - 1) / 2], *sorted.last()?])
}

impl Goal {
    fn is_met(self, figure: f64) -> Option<bool> {
        match self {
            Self::None => None,
            Self::AtLeast(least) => Some(figure >= least),
            Self::AtMost(most) => Some(figure <= most),
        }
    }

    fn text(self, unit: Unit) -> String {
        match self {
            Self::None => String::new(),
            Self::AtLeast(least) => format!("at least {least} {}", unit.symbol()),
            Self::AtMost(most) => format!("at most {most} {}", unit.symbol()),
        }
    }
}

const HEAD: &str =
    "| time of one / of the other | goal | median | range | processor time | |\n|---|---|--:|--:|--:|---|\n";

/// The table, with those of the rows for which there are figures.
pub fn write(figures: &[Figure], rows: Rows) -> String {
    let mut table = HEAD.to_owned();
    for row in ROWS.iter().filter(|row| row.readme || rows == Rows::All) {
        let Some(figure) = figures.iter().find(|figure| figure.id == row.id) else { continue };
        let Some([least, median, most]) = spread(&figure.samples) else { continue };
        let (goal, unit) = (row.goal.text(row.unit), row.unit.symbol());
        let processor = spread(&figure.processor).map_or(String::new(), |s| format!("{:.2}", s[1]));
        let met = match row.goal.is_met(median) {
            None => "",
            Some(true) => "met",
            Some(false) => "**missed**",
        };
        // Writing to a string can't fail.
        let _ = writeln!(
            table,
            "| {} | {goal} | {median:.2} {unit} | {least:.2} to {most:.2} | {processor} | {met} |",
            row.what
        );
    }
    table
}

/// What stands around the table in the README.
const MARKS: [&str; 2] = ["<!-- ratios -->\n", "<!-- /ratios -->"];

/// A text with its table between the marks replaced; none if it has no marks.
pub fn replaced(text: &str, table: &str) -> Option<String> {
    let (before, after) = (text.split_once(MARKS[0])?.0, text.split_once(MARKS[1])?.1);
    Some([before, MARKS[0], table, MARKS[1], after].concat())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn figure(id: &'static str, samples: &[f64]) -> Figure {
        Figure { id, samples: samples.to_vec(), processor: Vec::new() }
    }

    #[test]
    fn rows_have_names_of_their_own() {
        assert_eq!(ROWS.iter().map(|row| row.id).collect::<BTreeSet<_>>().len(), ROWS.len());
        assert_eq!(ROWS.iter().map(|row| row.what).collect::<BTreeSet<_>>().len(), ROWS.len());
    }

    #[test]
    fn a_row_says_whether_its_goal_is_met() {
        let row = |id, samples: &[f64]| {
            write(&[figure(id, samples)], Rows::All).lines().last().map(str::to_owned).unwrap_or_default()
        };
        let jobs = "| one job / two jobs | at least 1.8 × |";
        assert_eq!(row("jobs", &[1.9, 1.7, 2.0]), format!("{jobs} 1.90 × | 1.70 to 2.00 |  | met |"));
        assert_eq!(row("jobs", &[1.79]), format!("{jobs} 1.79 × | 1.79 to 1.79 |  | **missed** |"));
        assert!(row("size", &[451.0]).ends_with("| **missed** |"));
        assert!(row("size", &[450.0]).ends_with("| met |"));
        assert!(row("limit", &[9.0]).ends_with("|  |  |"));
    }

    #[test]
    fn the_table_is_put_between_the_marks() {
        let text = "a\n<!-- ratios -->\nold\n<!-- /ratios -->\nb\n";
        assert_eq!(
            replaced(text, "new\n").as_deref(),
            Some("a\n<!-- ratios -->\nnew\n<!-- /ratios -->\nb\n")
        );
        assert_eq!(replaced("no marks", "new\n"), None);
    }

    /// Not the figures, which differ from machine to machine.
    #[test]
    fn the_readme_has_every_row() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../README.md");
        let text = std::fs::read_to_string(path).unwrap();
        let shown = text.split(MARKS[0]).nth(1).and_then(|t| t.split(MARKS[1]).next()).unwrap();
        let cells = |table: &str| -> Vec<String> {
            let rows = table.lines().filter(|line| line.starts_with('|'));
            rows.map(|line| line.split('|').take(3).collect::<Vec<_>>().join("|")).collect()
        };
        let all: Vec<_> = ROWS.iter().map(|row| figure(row.id, &[1.0])).collect();
        assert_eq!(
            cells(shown),
            cells(&write(&all, Rows::Readme)),
            "`cargo xtask bench --peers` writes it anew"
        );
    }
}
