//! Lines whose columns a layout, a header row or the format of a vendor names.

use crate::{
    base::error::{Error, ErrorKind},
    bytes::scan,
    catalog::{hint::Hint, products},
    engine::{
        context::{Context, SeenContext},
        finisher::Scratch,
        line_refusals::{Names, column_count},
        own_lines::OwnLines,
        refusals::other_line,
        stamp::stamped,
    },
    fast::plans::QuickPlan,
    framing::{
        columns::{Columns, Separation},
        layout::{HEADER, Layout},
    },
    reading::{plan::Verdict, planner::Planner, source::NamedLine},
    record::fault::{Fault, RejectCode},
    rules::config::Config,
    value::{time::Time, zone::Zone},
};

/// Lines whose columns somebody named.
#[derive(Debug)]
pub(super) struct Rows {
    pub(super) layout: Layout,
    pub(super) quick: QuickPlan,
    /// What messages call it: the layout, or the header row.
    called: &'static str,
    names: Names,
    missing: Option<String>,
    /// A byte that each of its lines has, and few others; `None` where none is known.
    mark: Option<u8>,
    /// Whether it is a format of a vendor's, in which nothing between blanks has a blank.
    written: bool,
}

/// The lines whose columns a layout or a header row names.
#[derive(Debug)]
pub(super) struct NamedLines {
    /// What of the configuration is asked again, for header rows.
    config: Config,
    /// The layout that was configured.
    pub(super) layout: Option<Rows>,
    /// The header row that was in force last, as its context.
    header: (SeenContext, Option<Rows>),
    columns: Columns,
    scratch: Scratch,
}

/// The lines in formats that their vendor has written down, wherever they stand.
#[derive(Debug)]
pub(super) struct WrittenLines {
    formats: Vec<Rows>,
    columns: Columns,
    scratch: Scratch,
}

/// Lines, and the memory to cut one into its columns and to read what is inside of it.
pub(super) struct Cutting<'n> {
    pub(super) rows: &'n Rows,
    pub(super) columns: &'n mut Columns,
    pub(super) scratch: &'n mut Scratch,
}

impl WrittenLines {
    /// All formats, or those of one product.
    pub(super) fn new(from: Option<usize>, planner: &Planner, config: &Config) -> Result<Self, Error> {
        let written = Layout::written(config, from.map(|p| products::all()[p]))?.into_iter();
        let formats = written.map(|(product, layout)| Rows {
            written: true,
            ..Rows::new(layout, product.id, planner, config)
        });
        Ok(Self { formats: formats.collect(), columns: Columns::default(), scratch: Scratch::default() })
    }

    /// Which format a line is written in, if in one, with a time in front of it or not.
    #[inline(never)]
    pub(super) fn find(&mut self, text: &str) -> Option<usize> {
        let Self { formats, columns, .. } = self;
        // Nearly no line is in one, and a byte is looked for sooner than the texts of each.
        if formats.iter().all(|rows| rows.mark.is_some_and(|mark| !scan::has(text.as_bytes(), mark))) {
            return None;
        }
        let mut find = |text: &str| formats.iter().position(|rows| rows.fit(text, columns));
        find(text).or_else(|| find(stamped(text, None, |b| b.is_ascii_digit())?.1))
    }

    /// The lines of a format that was found.
    pub(super) fn get(&mut self, format: usize) -> Cutting<'_> {
        let Self { formats, columns, scratch } = self;
        Cutting { rows: &formats[format], columns, scratch }
    }
}

impl NamedLines {
    pub(super) fn new(layout: Option<Rows>, config: &Config) -> Self {
        Self {
            config: config.clone(),
            layout,
            header: (SeenContext::default(), None),
            columns: Columns::default(),
            scratch: Scratch::default(),
        }
    }

    /// Whether lines that begin so are of the configured layout.
    pub(super) fn begins_with(&self, byte: u8) -> bool {
        self.layout.as_ref().is_some_and(|rows| rows.layout.begins_with(byte))
    }

    /// Whether the layout or a header row says what the columns of a line are. The line was cut at its
    /// blanks.
    pub(super) fn speak_for(
        &mut self,
        text: &str,
        context: Context<'_>,
        own: &OwnLines,
        written: Option<&mut WrittenLines>,
        planner: &Planner,
    ) -> bool {
        self.layout.is_some()
            || context.bytes.first() == Some(&HEADER)
                && self.header_speaks(text, context, own, written, planner)
    }

    /// The lines of the layout, or of the header row that came last.
    pub(super) fn get(&mut self) -> Option<Cutting<'_>> {
        let Self { layout, header, columns, scratch, .. } = self;
        Some(Cutting { rows: layout.as_ref().or(header.1.as_ref())?, columns, scratch })
    }

    /// Whether the header row that stands above a line is about it. A stream may go on with
    /// lines of another product.
    #[inline(never)]
    fn header_speaks(
        &mut self,
        text: &str,
        context: Context<'_>,
        own: &OwnLines,
        written: Option<&mut WrittenLines>,
        planner: &Planner,
    ) -> bool {
        if !self.header.0.is(context) {
            let layout = Layout::from_header(context.bytes);
            self.header.1 = layout.map(|l| Rows::new(l, "the header row", planner, &self.config));
        }
        let (Some(rows), columns) = (&self.header.1, &mut self.columns) else { return false };
        // Of a row around a line any text may be a part.
        let fits = rows.fit(text, columns);
        let names_a_product = matches!(rows.quick.plan.verdict, Verdict::Product(_));
        fits && names_a_product
            || (fits || !own.is_told(text)) && written.and_then(|written| written.find(text)).is_none()
    }
}

const NO_SEPARATORS: &str = "the layout has no separators, so a line can't be cut into its columns: \
with ${srcaddr}${dstaddr}${bytes}, 10.0.0.110.0.0.251200 is both 10.0.0.1 10.0.0.25 1200 and 10.0.0.11 0.0.0.25 1200";

impl Rows {
    pub(super) fn new(layout: Layout, called: &'static str, planner: &Planner, config: &Config) -> Self {
        let names: Vec<&str> = layout.names.iter().map(String::as_str).collect();
        Self {
            quick: QuickPlan::new(planner, &names, Hint::Nothing),
            names: Names::new(names.into_iter()),
            mark: layout.mark(),
            layout,
            called,
            missing: config.missing.clone(),
            written: false,
        }
    }

    /// Whether a line has these columns, and in each what the product may have there.
    fn fit(&self, text: &str, columns: &mut Columns) -> bool {
        let Some(separation) = &self.layout.separation else { return false };
        if columns.split(text, separation).is_err()
            || columns.len() != self.layout.names.len()
            || !self.is_tight(text, columns)
        {
            return false;
        }
        let Verdict::Product(p) = self.quick.plan.verdict else { return true };
        let entries = products::all()[p].entries;
        self.quick.plan.steps.iter().all(|&(i, e)| entries[e].fits(columns.get(text, i).as_bytes()))
    }

    /// Whether no column between blanks has a blank or a quote in it, but for the last, which is all that
    /// is left: with a quote the line is a value in a row. Where somebody wrote the layout, each may
    /// have some.
    fn is_tight(&self, text: &str, columns: &Columns) -> bool {
        let Some(Separation::Literals(literals)) = &self.layout.separation else { return true };
        if !self.written {
            return true;
        }
        let between =
            |i: usize| (i == 0 || literals[i].text.ends_with(' ')) && literals[i + 1].text.starts_with(' ');
        (0..columns.len()).all(|i| !between(i) || !columns.get(text, i).contains([' ', '\t', '"']))
    }

    /// Cuts a line into its columns. Gives the time in front of it, if there is one, and the line
    /// behind that.
    #[inline(never)]
    pub(super) fn cut<'a>(
        &self,
        text: &'a str,
        columns: &mut Columns,
        zone: Option<&Zone>,
    ) -> Result<(Option<Time>, &'a str), Fault<'a>> {
        let fault = match self.cut_plain(text, columns) {
            Ok(()) => return Ok((None, text)),
            Err(fault) => fault,
        };
        if let Some((time, rest)) = stamped(text, zone, |_| true)
            && self.cut_plain(rest, columns).is_ok()
        {
            return Ok((Some(time), rest));
        }
        Err(fault)
    }

    /// The same for a line with nothing in front of it.
    fn cut_plain(&self, text: &str, columns: &mut Columns) -> Result<(), Fault<'static>> {
        let Self { layout, called, .. } = self;
        let product = match self.quick.plan.verdict {
            Verdict::Product(p) => products::all()[p].id,
            _ => "",
        };
        let Some(separation) = &layout.separation else {
            let text = format!("{NO_SEPARATORS}; give --separator, or write separators into the layout");
            return Err(Fault { format: product, ..Fault::of_record(RejectCode::Ambiguous, text) });
        };
        if let Err(i) = columns.split(text, separation) {
            let text = "the text that the layout has beside this column is not there";
            let fault = Fault::of_record(RejectCode::ColumnCount, text);
            return Err(Fault { format: product, column: i + 1, ..fault });
        }
        if columns.len() != layout.names.len() || !self.is_tight(text, columns) {
            return Err(other_line(text).unwrap_or_else(|| Fault {
                format: product,
                ..column_count(called, &self.names, columns.len())
            }));
        }
        Ok(())
    }

    /// The line that was cut last.
    pub(super) fn source<'a>(&'a self, text: &'a str, columns: &'a Columns) -> NamedLine<'a> {
        NamedLine { text, columns, names: &self.layout.names, missing: self.missing.as_deref() }
    }

    /// Checks a configured layout; gives the warnings about it.
    pub(super) fn check(&self, config: &Config, planner: &Planner) -> Result<Vec<String>, Error> {
        let text = config.layout.as_deref().unwrap_or_default();
        let p = match self.quick.plan.verdict {
            Verdict::Product(p) => p,
            Verdict::Payload(_) => return Ok(Vec::new()),
            _ => {
                let what = match &config.from {
                    Some(from) => format!(
                        "layout: none of its names is a field of {from}; `weir formats {from}` lists them, and a layout \
                         is such as '${{srcaddr}} ${{dstaddr}}' or 'srcaddr,dstaddr'"
                    ),
                    None => "layout: its fields do not tell the product; name it with --from".to_owned(),
                };
                return Err(Error::at(ErrorKind::Layout, text, 0, what));
            }
        };
        let product = products::all()[p];
        for (i, &want) in product.layout_begins.iter().enumerate() {
            let found = self.layout.names.get(i).map_or("its end", String::as_str);
            if found != want {
                let offset = text.match_indices("${").nth(i).map_or(text.len(), |m| m.0);
                return Err(Error::at(
                    ErrorKind::Layout,
                    text,
                    offset,
                    format!(
                        "layout: InvalidParameter.LogFormatString: it must begin with {}; found {found} instead of {want}",
                        product.layout_begins.iter().map(|n| format!("${{{n}}}")).collect::<String>()
                    ),
                ));
            }
        }
        let warning = |(name, near): (&str, Option<&str>)| {
            let near = near.map_or(String::new(), |n| format!("; did you mean {n}?"));
            format!("layout: {name} is no field of {}, so its values go to extra{near}", product.id)
        };
        Ok(planner.unknown(p, &self.layout.names).into_iter().map(warning).collect())
    }
}
