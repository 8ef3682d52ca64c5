//! The whole of a program.

use crate::{
    base::{error::Error, limits},
    catalog::{
        hint::Hint,
        product::{Lines, Product},
        products,
    },
    engine::normalizer::Normalizer,
    framing::{
        columns::{Parts, Separation},
        layout::Layout,
    },
    reading::{
        plan::{Plan, Verdict},
        planner::Planner,
    },
    record::{
        fault::RejectCode,
        fields::{Field, FieldType},
    },
    rules::{config::Config, filter, ways::Ways},
    vrl::{
        filter::{Condition, condition, variable, within},
        quoting::{literal, regex, string},
        refusal::refused,
        values::{self, abort},
    },
};

/// Writes a program in VRL, the language of Vector, that makes of an event with a text line in
/// `.message` the record that this configuration makes of that line, in the flat schema.
///
/// A line that the filter keeps back, a blank one and the header row of the layout become no event
/// (`. = []`). One that can't be read aborts with the code of the reject, the column and what is wrong. So
/// does what a program can't read though this crate does: JSON and envelopes, a time in front of a line,
/// times that are written as dates, and numbers above those of VRL.
///
/// Refused is what no program could do right: other schemas, what takes addresses out of texts, records
/// whose product is to be detected, and what records say that are no lines of columns.
///
/// ```
/// use weir_normalizer::{Config, vrl};
///
/// let program = vrl::program(&Config::builder().from("aws-vpc").filter("action == reject").build())?;
/// assert!(program.contains("record.src_ip"));
/// # Ok::<(), weir_normalizer::Error>(())
/// ```
pub fn program(config: &Config) -> Result<String, Error> {
    // First what is wrong with it for everybody.
    Normalizer::new(config)?;
    refuse(config)?;
    let from = config.from.as_deref().unwrap_or_default();
    let index = products::all().iter().position(|p| p.id == from);
    let Some(index) = index else {
        return Err(refused("a program reads the lines of one product; name it with --from"));
    };
    let product: &Product = products::all()[index];
    let own = || product.entries[..product.lines.columns()].iter().map(|e| e.keys[0].to_owned());
    let (names, separation, plan) = match Layout::configured(config)? {
        Some(Layout { separation: None, .. }) => {
            return Err(refused("the layout has no separators, so that it is of keyed records"));
        }
        Some(Layout { names, separation: Some(separation) }) => {
            let keys: Vec<&str> = names.iter().map(String::as_str).collect();
            let planner = Planner::new(Some(index), &[], Ways::without(&[])?);
            let plan = planner.plan(&keys, Hint::Nothing);
            (names, separation, plan)
        }
        None if matches!(product.lines, Lines::Written(_)) => {
            return Err(refused(&format!(
                "the lines of {from} have texts between their columns that VRL can't part them by as Weir does"
            )));
        }
        None if product.lines == Lines::None => {
            return Err(refused(&format!(
                "{from} has no text lines of its own, and JSON is not read there; give --layout where it has"
            )));
        }
        None => (own().collect(), Separation::Blanks, Planner::lines(index)),
    };
    let columns = RowProgram {
        product,
        names: &names,
        separation: &separation, // A product's own columns have no word for it.
        missing: config.missing.as_deref().filter(|_| config.layout.is_some()),
    };
    let own = match config.own.is_empty() {
        true => None,
        false => Some(filter::own_networks(&config.own, &config.lists)?),
    };
    let tree = config.filter.as_ref().map(|f| filter::parse(f, &config.lists, config.zone.as_ref()));
    let condition = tree.transpose()?.map(|parsed| condition(&parsed.tree)).transpose()?;

    let mut body = columns.cut()?;
    body.push_str(&columns.read(&plan)?);
    body.push_str(&values::late());
    if plan.steps.iter().any(|s| product.entries[s.1].to.field() == Some(Field::Protocol)) {
        body.push_str(&values::transport());
    }
    if let Some(own) = &own {
        body.push_str(&format!(
            "\n# The direction, by whose networks the addresses are of.\n\
             from = string(record.src_ip) ?? \"\"\n\
             to = string(record.dst_ip) ?? \"\"\n\
             if (string(record.direction) ?? \"\") == \"\" && from != \"\" && to != \"\" {{\n\
             \x20 from_own = {}\n\
             \x20 to_own = {}\n\
             \x20 if from_own && !to_own {{ record.direction = \"egress\" }}\n\
             \x20 if to_own && !from_own {{ record.direction = \"ingress\" }}\n\
             }}\n",
            within(own, "from")?,
            within(own, "to")?
        ));
    }
    body.push_str("\nif !is_empty(extra) { record.extra = extra }\n");
    body.push_str(&end(product, condition.as_ref()));
    let body: String =
        body.lines().map(|l| if l.is_empty() { "\n".into() } else { format!("  {l}\n") }).collect();
    Ok(format!("{}{}if nothing {{\n  . = []\n}} else {{\n{body}}}\n", head(config, product), columns.line()))
}

/// Refuses what a program can't do right.
fn refuse(config: &Config) -> Result<(), Error> {
    let why = if !config.to.is_flat() {
        format!(
            "--to {}: a program writes flat records only, as the other schemas take hashes, texts and tables that it has not",
            config.to.name()
        )
    } else if config.redacts() {
        "--drop and --mask look for addresses in all of a record, which VRL can't".into()
    } else if config.keep_envelope || config.keep_raw {
        "--keep-raw and --keep-envelope: a program reads lines without envelopes, and the event has the line"
            .into()
    } else if config.source_name {
        "--source-name: a program sees a line, and not where it stands; Vector's sources tell that in .file \
         and with offset_key"
            .into()
    } else if config.quote.as_deref() == Some("'") {
        "VRL reads CSV with double quotes, or --quote none".into()
    } else {
        return Ok(());
    };
    Err(refused(&why))
}

/// How the first line of a program ends.
const WROTE: &str = "`weir bake vector` wrote this.";

/// Whether a text is a program that was written here.
pub fn is_program(text: &[u8]) -> bool {
    text.split(|b| *b == b'\n').next().is_some_and(|first| first.ends_with(WROTE.as_bytes()))
}

/// What the program says of itself.
fn head(config: &Config, product: &Product) -> String {
    let mut head = format!(
        "# The text lines of {} ({}), as Weir {} reads them; {WROTE}\n",
        product.id,
        product.title,
        env!("CARGO_PKG_VERSION")
    );
    for (option, value) in [("--layout", &config.layout), ("--where", &config.filter)] {
        if let Some(value) = value {
            head.push_str(&format!("# {option} {}\n", string(value)));
        }
    }
    head.push_str(
        "#\n\
         # Of the line in .message it makes Weir's flat record. No event comes of a blank line, a header row, and\n\
         # what --where keeps back; what can't be read aborts, with CODE: COLUMN: what is wrong. JSON, times in\n\
         # front of a line and dates are not read here, though `weir` reads them.\n\n",
    );
    head
}

/// The end: what the filter lets through.
fn end(product: &Product, condition: Option<&Condition>) -> String {
    let Some(condition) = condition else { return ". = record\n".to_owned() };
    let mut text = String::from("\n# What --where looks at, and what it says.\n");
    for &field in &condition.fields {
        let name = variable(field);
        let said = product.words().into_iter().find(|w| w.0 == field).map(|w| string(w.1));
        let read = said.unwrap_or_else(|| match field.field_type() {
            FieldType::Integer(_) | FieldType::Millis => format!("int(record.{}) ?? -1", field.key()),
            _ => format!("string(record.{}) ?? \"\"", field.key()),
        });
        text.push_str(&format!("{name} = {read}\n"));
    }
    text + &format!("if {} {{ . = record }} else {{ . = [] }}\n", condition.text)
}

/// The columns of the lines.
struct RowProgram<'c> {
    product: &'static Product,
    names: &'c [String],
    separation: &'c Separation,
    missing: Option<&'c str>,
}

impl RowProgram<'_> {
    /// Looks at the line: what is odd about it, and whether nothing is in it.
    fn line(&self) -> String {
        // What is in nearly no line, and is looked at again where it is.
        let odd = match self.separation {
            Separation::Blanks => r"[^!-~ ]|^ | $|  ",
            _ => "[^!-~]",
        };
        let reads_braces = match self.separation {
            Separation::Literals(literals) => literals[0].text.starts_with(['{', '[']),
            _ => false,
        };
        let json = match reads_braces {
            true => String::new(),
            false => format!(
                "if starts_with(line, \"\\{{\") || starts_with(line, \"[\") || (odd && match(line, r'^[ \\t\\r]*[\\{{\\[]')) {{\n  {}\n}}\n",
                abort(RejectCode::UnknownFormat, "", "this is JSON, which this program does not read")
            ),
        };
        format!(
            "line, err = string(.message)\n\
             if err != null {{\n  {not_text}\n}}\n\
             odd = match(line, r'{odd}')\n\
             if odd {{\n\
             \x20 # What is no UTF-8 comes out as another byte.\n\
             \x20 valid = replace(line, \"\\n\", \"\\n\")\n\
             \x20 if contains(valid, \"\u{fffd}\") && encode_base64(valid) != encode_base64(line) {{\n    {utf8}\n  }}\n\
             \x20 line = replace(valid, r'^\\x{{feff}}+', \"\")\n\
             \x20 line = replace(line, r'\\r?\\n?$', \"\")\n\
             \x20 if contains(line, \"\\0\") {{\n    {nul}\n  }}\n\
             \x20 if contains(line, \"\\n\") {{\n    {lines}\n  }}\n\
             }}\n\
             if length(line) > {most} {{\n  {long}\n}}\n\
             {json}\
             nothing = line == \"\" || (odd && match(line, r'^[ \\t\\r]*$')){header}\n",
            not_text = abort(RejectCode::UnknownFormat, "", ".message is no text; give it lines"),
            utf8 = abort(RejectCode::Utf8, "", "there is a byte that is not UTF-8"),
            nul = abort(RejectCode::Nul, "", "there is a NUL byte in the line"),
            lines =
                abort(RejectCode::ColumnCount, "", "there are several lines in it; give it one at a time"),
            long = abort(RejectCode::TooLong, "", &format!("it is longer than {} bytes", limits::RECORD)),
            most = limits::RECORD,
            header = self.header(),
        )
    }

    /// Whether it is the header row.
    fn header(&self) -> String {
        let by = match self.separation {
            Separation::Blanks => " ".to_owned(),
            Separation::Csv { separator, .. } => char::from(*separator).to_string(),
            Separation::Literals(_) => return String::new(),
        };
        format!(" || line == {}", string(&self.names.join(&by)))
    }

    /// Cuts the line.
    fn cut(&self) -> Result<String, Error> {
        let count = self.names.len();
        let cut = match self.separation {
            Separation::Blanks => "\
                columns = split(line, \" \")\n\
                if odd {\n  columns = filter(split(line, r'[ \\t\\r\\n]+')) -> |_place, column| { column != \"\" }\n}\n"
                .to_owned(),
            Separation::Csv { separator, quote: None } => {
                format!("columns = split(line, {})\n", string(&char::from(*separator).to_string()))
            }
            Separation::Csv { separator, quote: Some(_) } => {
                let fault = abort(RejectCode::ColumnCount, "", "this is no row of CSV");
                format!(
                    "if contains(line, \"\\r\") {{\n  {}\n}}\n\
                     columns, err = parse_csv(line, delimiter: {})\n\
                     if err != null {{\n  {fault}\n}}\n",
                    abort(RejectCode::ColumnCount, "", "there is a carriage return in the row, which this program does not read"),
                    string(&char::from(*separator).to_string())
                )
            }
            Separation::Literals(literals) if literals.iter().any(|l| l.parts != Parts::First) => {
                return Err(refused(
                    "an address and a port, or a name and a path, with nothing else between them can't be parted \
                     in VRL as Weir does",
                ));
            }
            Separation::Literals(literals) => {
                let mut pattern = format!("(?s)^{}", literal(&literals[0].text));
                for (i, text) in literals.iter().enumerate().skip(1) {
                    let last = i + 1 == literals.len();
                    pattern.push_str(if last { "(.*)" } else { "(.*?)" });
                    pattern.push_str(&literal(&text.text));
                }
                let list: Vec<String> = (1..=count).map(|i| format!("parts.\"{i}\"")).collect();
                format!(
                    "parts, err = parse_regex(line, {}, numeric_groups: true)\n\
                     if err != null {{\n  {}\n}}\n\
                     columns = [{}]\n",
                    regex(&(pattern + "$")),
                    abort(RejectCode::ColumnCount, "", "the text that the layout has beside the columns is not there"),
                    list.join(", ")
                )
            }
        };
        let fault = format!("a line of another number of columns than {count}");
        Ok(format!(
            "{cut}if length(columns) != {count} {{\n  {}\n}}\n",
            abort(RejectCode::ColumnCount, "", &fault)
        ))
    }

    /// Reads the values, as the plan says.
    fn read(&self, plan: &Plan) -> Result<String, Error> {
        let product = self.product;
        if !matches!(plan.verdict, Verdict::Product(_)) {
            return Err(refused(&format!(
                "these columns are not those of {}, but have a record in them",
                product.id
            )));
        }
        if plan.log_time.is_some() || !plan.other_log_times.is_empty() {
            return Err(refused("a column has the time of a log service, which has rules of its own"));
        }
        let words = product.words();
        let mut seen: Vec<Field> = words.iter().map(|w| w.0).collect();
        let words: Vec<String> =
            words.iter().map(|w| format!("{}: {}", string(w.0.key()), string(w.1))).collect();
        let mut text = format!("\nrecord = {{ {} }}\nextra = {{}}\nlate = []\n", words.join(", "));
        for &(member, entry) in &plan.steps {
            let entry = &product.entries[entry];
            if let Some(field) = entry.to.field() {
                if seen.contains(&field) {
                    return Err(refused(&format!(
                        "several columns are {}, of which one goes before",
                        field.key()
                    )));
                }
                seen.push(field);
            }
            text.push_str(&self.value(member));
            if values::is_trimmed(entry) {
                text.push_str(&self.trimmed());
            }
            text.push_str(&values::column(entry, &self.names[member])?);
            text.push('\n');
        }
        for &member in &plan.extra {
            text.push_str(&self.value(member));
            text.push_str(&format!("if v != \"-\" {{ extra.{} = v }}\n", string(&self.names[member])));
        }
        Ok(text)
    }

    /// The value of a column, as it is.
    fn value(&self, member: usize) -> String {
        format!(
            "\n# {} {}\nv = string(columns[{member}]) ?? \"\"\n",
            member + 1,
            self.names[member].replace(char::is_control, " ")
        )
    }

    /// The same without blanks around it; nothing, where it is the text that stands for none.
    fn trimmed(&self) -> String {
        let trimmed = format!("t = if odd {{ replace(v, {}, \"\") }} else {{ v }}\n", values::ENDS);
        let missing = self.missing.map(|m| format!("if v == {} {{ t = \"\" }}\n", string(m)));
        trimmed + &missing.unwrap_or_default()
    }
}
