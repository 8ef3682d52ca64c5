//! What is taken out of records before they leave: fields dropped, addresses cut to networks.
//!
//! Whatever else may tell the same goes, too: what `extra` keeps of a field, other spellings of an
//! address, and what may hold the record's text. A URL stays as it is.

use std::net::{IpAddr, Ipv4Addr};

use crate::{
    base::error::{Error, ErrorKind},
    catalog::{
        detection::KeyIndex,
        envelopes::{self, Meta},
        keys::same_key,
        product::{Product, To},
        products,
    },
    json::output::Output,
    record::fields::{Field, FieldType, Record, Value},
    rules::{
        config::Config,
        meant,
        spellings::{self, Cut, Hidden},
    },
    value::{addresses, missing, networks, raw::Raw},
};

/// What is to be taken out.
#[derive(Clone, Debug, Default)]
pub(crate) struct Redaction {
    fields: Vec<Field>,
    extra: Vec<String>,
    all_extra: bool,
    masks: Vec<(Field, Prefixes)>,
    extra_masks: Vec<(String, Prefixes)>,
}

/// How much of an address may be told.
#[derive(Clone, Copy, Debug)]
struct Prefixes {
    v4: u8,
    v6: u8,
}

/// The texts of a record that were written anew.
#[derive(Debug, Default)]
pub(crate) struct Cuts {
    text: Output,
    /// Whose they are, and where they end.
    places: Vec<(Target, usize)>,
}

#[derive(Clone, Copy, Debug)]
enum Target {
    Field(Field),
    Extra(usize),
}

/// How many addresses of a record are hidden: those of its fields, and some that `extra` keeps.
const HIDDEN: usize = {
    let (mut i, mut count) = (0, 0);
    while i < Field::ALL.len() {
        count += matches!(Field::ALL[i].field_type(), FieldType::Address) as usize;
        i += 1;
    }
    count + 4
};

impl Redaction {
    /// Reads `drop` and `mask` of the configuration.
    pub(crate) fn new(config: &Config) -> Result<Self, Error> {
        let mut made = Self::default();
        if config.redacts() {
            for (kept, what, option) in [
                (config.keep_raw, "the record's text", "--keep-raw"),
                (
                    config.keep_envelope,
                    "the fields of envelopes, which may be the record's text,",
                    "--keep-envelope",
                ),
            ] {
                if kept {
                    return Err(still_there(what, option));
                }
            }
        }
        for name in &config.drop {
            match name.strip_prefix("extra.") {
                Some("*") => made.all_extra = true,
                _ if name == "extra" => made.all_extra = true,
                Some(key) => made.extra.push(extra_key("drop", key)?),
                None => match field("drop", name)? {
                    f @ (Field::Provider | Field::Product | Field::Kind) => {
                        return Err(Error::new(
                            ErrorKind::Redaction,
                            format!("drop: every record has {}; it can't be taken out", f.key()),
                        ));
                    }
                    // The keyword says which number it was.
                    Field::Protocol => made.fields.extend([Field::Protocol, Field::Transport]),
                    f => made.fields.push(f),
                },
            }
        }
        for text in &config.mask {
            // A key in quotes may have a slash.
            let quoted = text.strip_prefix("extra.\"").and_then(|t| t.find('"')).map_or(0, |end| end + 8);
            let name = quoted + text[quoted..].find('/').unwrap_or(text.len() - quoted);
            let (name, prefixes) = text.split_at(name);
            let mut parts = prefixes.split('/').skip(1);
            let mut prefix = |most: u8| parts.next().map(|p| p.parse().ok().filter(|p| *p <= most));
            let prefixes = match (prefix(128), prefix(128), parts.next()) {
                (Some(Some(v4)), Some(Some(v6)), None) if v4 <= 32 => Prefixes { v4, v6 },
                (Some(Some(both)), None, None) if both <= 32 => Prefixes { v4: both, v6: both },
                _ => {
                    return Err(Error::new(
                        ErrorKind::Redaction,
                        format!(
                            "mask: {text:?} is not FIELD/PREFIX, such as src_ip/24, or src_ip/24/64 where the second, up to 128, is for IPv6"
                        ),
                    ));
                }
            };
            if let Some(key) = name.strip_prefix("extra.") {
                made.extra_masks.push((extra_key("mask", key)?, prefixes));
                continue;
            }
            let field = field("mask", name)?;
            if field.field_type() != FieldType::Address {
                return Err(Error::new(ErrorKind::Redaction, format!("mask: {} is no address", field.key())));
            }
            made.masks.push((field, prefixes));
        }
        Ok(made)
    }

    fn is_empty(&self) -> bool {
        self.fields.is_empty()
            && self.extra.is_empty()
            && !self.all_extra
            && self.masks.is_empty()
            && self.extra_masks.is_empty()
    }

    /// Takes it out of a record of this product. What is written anew stands among the cuts.
    #[inline]
    pub(crate) fn apply<'r>(&self, record: &mut Record<'r>, product: &Product, cuts: &'r mut Cuts) {
        if !self.is_empty() {
            self.take_out(record, product, cuts);
        }
    }

    #[inline(never)]
    fn take_out<'r>(&self, record: &mut Record<'r>, product: &Product, cuts: &'r mut Cuts) {
        cuts.text.clear();
        cuts.places.clear();
        let mut all = [Hidden { address: IpAddr::V4(Ipv4Addr::UNSPECIFIED), cut: None }; HIDDEN];
        let tables = Tables::of(record, product);
        let count = self.hide(record, tables, &mut all);
        let hidden = &all[..count];
        for &field in &self.fields {
            record.remove(field);
        }
        let all_fields = if hidden.is_empty() { &[] } else { Field::ALL };
        for &field in all_fields {
            match record.get(field) {
                Some(Value::Address(a)) => match hidden.iter().find(|h| h.address == a) {
                    Some(Hidden { cut: Some(cut), .. }) => record.set(field, Value::Address(*cut)),
                    Some(_) => record.remove(field),
                    None => {}
                },
                Some(Value::Text(text)) if !matches!(field, Field::Product | Field::Url) => {
                    match spellings::cut(text, hidden, &mut cuts.text) {
                        Cut::Clean => {}
                        Cut::Written => cuts.places.push((Target::Field(field), cuts.text.len())),
                        Cut::Unsafe => record.remove(field),
                    }
                }
                _ => {}
            }
        }
        if self.all_extra {
            record.extra.clear();
        }
        if !record.extra.is_empty() {
            let mut count = 0;
            record.extra.retain(|(key, raw)| {
                let Some(cut) = self.extra_left(key, *raw, tables, hidden, &mut cuts.text) else {
                    return false;
                };
                if cut == Cut::Written {
                    cuts.places.push((Target::Extra(count), cuts.text.len()));
                }
                count += 1;
                true
            });
        }
        let cuts: &'r Cuts = cuts;
        let mut start = 0;
        for &(place, end) in &cuts.places {
            // It was made of whole texts.
            let text = std::str::from_utf8(&cuts.text[start..end]).unwrap_or_default();
            start = end;
            match place {
                Target::Field(field) => record.set(field, Value::Text(text)),
                Target::Extra(i) => record.extra[i].1.text = text,
            }
        }
    }

    /// Notes the addresses of a record that must not be told, also what `extra` keeps of their
    /// fields; gives their number.
    fn hide(&self, record: &Record<'_>, tables: Tables<'_>, hidden: &mut [Hidden; HIDDEN]) -> usize {
        let mut count = 0;
        for (field, value) in record.fields() {
            if let Value::Address(address) = value
                && let Some(cut) = self.may_be_told(field, address)
            {
                note(hidden, &mut count, Hidden { address, cut });
            }
        }
        for (key, raw) in &record.extra {
            let Some(address) = addresses::read(raw.text.trim_ascii()) else { continue };
            for &(_, product, entry) in KeyIndex::get().entries(key) {
                let product = products::all()[product];
                if tables.have(product)
                    && let Some(field) = product.entries[entry].to.field()
                    && field.field_type() == FieldType::Address
                    && let Some(cut) = self.may_be_told(field, address)
                {
                    note(hidden, &mut count, Hidden { address, cut });
                }
            }
        }
        count
    }

    /// What may be told of the address of a field, if that is not all of it.
    fn may_be_told(&self, field: Field, address: IpAddr) -> Option<Option<IpAddr>> {
        if self.fields.contains(&field) {
            return Some(None);
        }
        let masks = self.masks.iter().filter(|m| m.0 == field);
        // Of two networks of an address the wider is the lower number.
        let cut = masks.map(|(_, p)| networks::masked(address, p.v4, p.v6)).min()?;
        (cut != address).then_some(Some(cut))
    }

    /// What is left of a member of `extra`, if it may stay.
    fn extra_left(
        &self,
        key: &str,
        raw: Raw<'_>,
        tables: Tables<'_>,
        hidden: &[Hidden],
        out: &mut Output,
    ) -> Option<Cut> {
        if self.takes(key, tables) || !hidden.is_empty() && spellings::is_in(key, hidden) {
            return None;
        }
        if missing::is_missing(raw) {
            return Some(Cut::Clean);
        }
        let mut masks = self.extra_masks.iter().filter(|m| same_key(&m.0, key)).map(|m| m.1);
        let cut = match masks.next() {
            Some(first) => {
                let (v4, v6) = masks.fold((first.v4, first.v6), |(v4, v6), p| (v4.min(p.v4), v6.min(p.v6)));
                if !spellings::cut_all(raw, v4, v6, hidden, out) {
                    return None;
                }
                Cut::Written
            }
            None if hidden.is_empty() => Cut::Clean,
            None => spellings::cut(raw.text, hidden, out),
        };
        (cut != Cut::Unsafe).then_some(cut)
    }

    /// Whether a key of `extra` is to be taken out: by its name, because it has the original of a
    /// field that is dropped or masked, or because it may hold the record's text.
    fn takes(&self, key: &str, tables: Tables<'_>) -> bool {
        if self.extra.iter().any(|k| same_key(k, key)) {
            return true;
        }
        let is_time =
            matches!(envelopes::meta(key, true), Some(Meta::LogTime(_))) || envelopes::is_time_part(key);
        if is_time && self.fields.contains(&Field::LogTimeMs) {
            return true;
        }
        let fields = || self.fields.iter().copied().chain(self.masks.iter().map(|m| m.0));
        let mut known = false;
        for &(_, product, entry) in KeyIndex::get().entries(key) {
            let product = products::all()[product];
            if tables.have(product) {
                // Of several products one may have the text under a key that is another's own.
                known = !matches!(tables, Tables::All);
                let to = product.entries[entry].to;
                // An `extra` that is no object may be anything.
                if matches!(to, To::FlatExtra) || fields().any(|f| to.may_tell(f)) {
                    return true;
                }
            }
        }
        fields().any(|f| same_key(f.key(), key)) || !known && envelopes::holds_text(key)
    }

    /// Whether a member of an event may stay beside the record that was in another one.
    pub(crate) fn spares(&self, key: &str, raw: Raw<'_>) -> bool {
        let addresses = || {
            let dropped = |f: &Field| f.field_type() == FieldType::Address;
            !self.masks.is_empty() || !self.extra_masks.is_empty() || self.fields.iter().any(dropped)
        };
        self.is_empty()
            || !self.takes(key, Tables::All)
                && !(addresses() && (spellings::has_address(raw.text) || spellings::has_address(key)))
    }
}

/// Notes an address once, with the least that may be told of it.
fn note(hidden: &mut [Hidden; HIDDEN], count: &mut usize, new: Hidden) {
    match hidden[..*count].iter_mut().find(|h| h.address == new.address) {
        Some(same) => same.cut = same.cut.min(new.cut),
        None if *count < HIDDEN => {
            hidden[*count] = new;
            *count += 1;
        }
        None => {}
    }
}

/// The tables that say what the keys of a record are.
#[derive(Clone, Copy)]
enum Tables<'r> {
    Of(&'r Product),
    /// A flat record's, and those of provider and product that it was made of.
    Flat(&'r Product, (&'r str, &'r str)),
    All,
}

impl<'r> Tables<'r> {
    fn of(record: &Record<'r>, product: &'r Product) -> Self {
        let text = |f| match record.get(f) {
            Some(Value::Text(t)) => t,
            _ => "",
        };
        let words = (text(Field::Provider), text(Field::Product));
        if !product.provider.is_empty() {
            Self::Of(product)
        } else if products::all().iter().any(|p| (p.provider, p.product) == words) {
            Self::Flat(product, words)
        } else {
            Self::All
        }
    }

    /// Whether this product's table is one of them.
    fn have(self, product: &Product) -> bool {
        match self {
            Self::Of(own) => product.id == own.id,
            Self::Flat(own, words) => product.id == own.id || (product.provider, product.product) == words,
            Self::All => true,
        }
    }
}

/// The error for an option that keeps what is to be taken out.
pub(crate) fn still_there(what: &str, option: &str) -> Error {
    Error::new(
        ErrorKind::Redaction,
        format!("drop and mask: {what} would still tell what they take out; leave {option} out"),
    )
}

/// A key of `extra` as it is written: in quotes, or without anything that could mean more.
fn extra_key(what: &str, text: &str) -> Result<String, Error> {
    if let Some(key) = text.strip_prefix('"').and_then(|t| t.strip_suffix('"')) {
        return Ok(key.to_owned());
    }
    if text.is_empty() || text.contains(['.', '*', '"']) {
        let all = if what == "drop" { ", extra.*" } else { "" };
        return Err(Error::new(
            ErrorKind::Redaction,
            format!(
                "{what}: extra.{text} is none of extra.KEY{all} and extra.\"odd.key\"; a value inside of another can't be taken out alone"
            ),
        ));
    }
    Ok(text.to_owned())
}

fn field(what: &str, name: &str) -> Result<Field, Error> {
    if let Some(field) = Field::by_key(name) {
        return Ok(field);
    }
    let near = meant::field(name).map_or(String::new(), |n| format!("; did you mean {n}?"));
    Err(Error::new(
        ErrorKind::Redaction,
        format!("{what}: no field is called {name:?}{near} (what has none is extra.KEY)"),
    ))
}
