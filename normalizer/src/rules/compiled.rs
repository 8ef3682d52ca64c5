//! The configuration, checked and compiled: what is done with a record between its fields
//! and its output.

use crate::{
    base::{
        error::{Error, ErrorKind},
        limits,
    },
    catalog::product::Product,
    record::fields::{Field, Record, Value},
    rules::{
        config::Config,
        filter::{self, Filter},
        redaction::{Cuts, Redaction},
        schema::Schema,
        ways::Ways,
    },
    value::{networks::Networks, raw::Raw, zone::Zone},
};

/// What a user chose of the values that records get from a schema.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SchemaChoices {
    /// The time of records that have none, in epoch milliseconds.
    pub(crate) observed_at: Option<u64>,
    /// Whether they get a Community ID.
    pub(crate) community_id: bool,
}

impl SchemaChoices {
    /// Everything that a schema has, at this time.
    pub(crate) fn observed_at(observed_at: Option<u64>) -> Self {
        Self { observed_at, community_id: true }
    }
}

/// What is done with each record.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    pub(crate) zone: Option<Zone>,
    pub(crate) keep_envelope: bool,
    pub(crate) keep_raw: bool,
    pub(crate) source_name: bool,
    pub(crate) to: Schema,
    pub(crate) choices: SchemaChoices,
    pub(crate) ways: Ways,
    /// Records go out with the values that they came with, so that the fast paths may be tried.
    pub(crate) direct: bool,
    filter: Option<Filter>,
    own: Option<Networks>,
    redaction: Redaction,
    warnings: Vec<String>,
}

impl Rules {
    pub(crate) fn new(config: &Config) -> Result<Self, Error> {
        let filter = config.filter.as_ref().map(|f| Filter::new(f, &config.lists, config.zone.as_ref()));
        let filter = filter.transpose()?;
        let asks = |f: &Filter| f.reads().has(Field::LogFile) || f.reads().has(Field::LogOffset);
        // To a flat record that is written these two can be added.
        let added_later = config.to.is_flat() && !filter.as_ref().is_some_and(asks);
        let added = config.keep_envelope || config.keep_raw || config.source_name && !added_later;
        if config.observed_at_ms.is_some_and(|t| t > limits::LATEST_MS) {
            return Err(Error::new(
                ErrorKind::ObservedAt,
                format!(
                    "the time of observation is too late; the latest is {}, in the year 2554",
                    limits::LATEST_MS
                ),
            ));
        }
        let of_filter = filter.iter().flat_map(|f| f.warnings().iter().map(|told| format!("where: {told}")));
        let of_own = filter::own_warnings(&config.own).into_iter().map(|told| format!("own: {told}"));
        let warnings = of_filter.chain(of_own).collect();
        let own = (!config.own.is_empty()).then(|| filter::own_networks(&config.own, &config.lists));
        Ok(Self {
            zone: config.zone.clone(),
            keep_envelope: config.keep_envelope,
            keep_raw: config.keep_raw,
            source_name: config.source_name,
            to: config.to,
            choices: SchemaChoices {
                observed_at: config.observed_at_ms,
                community_id: !config.no_community_id,
            },
            ways: Ways::without(&config.without)?,
            direct: !added && !config.redacts() && config.own.is_empty(),
            filter,
            own: own.transpose()?,
            redaction: Redaction::new(config)?,
            warnings,
        })
    }

    /// What of it may not be what was meant, a sentence each.
    pub(crate) fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// The filter, if there is one.
    pub(crate) fn filter(&self) -> Option<&Filter> {
        self.filter.as_ref()
    }

    /// Whether a member of an event may stay beside the record that was in another one.
    pub(crate) fn spares(&self, key: &str, raw: Raw<'_>) -> bool {
        self.redaction.spares(key, raw)
    }

    /// Completes a record that has its fields; false if it is filtered out.
    #[inline]
    pub(crate) fn apply<'r>(&self, record: &mut Record<'r>, product: &Product, cuts: &'r mut Cuts) -> bool {
        if let Some(own) = &self.own
            && let Some(direction) = direction(own, record)
        {
            record.set(Field::Direction, Value::Text(direction));
        }
        if self.filter.as_ref().is_some_and(|f| !f.accepts(record)) {
            return false;
        }
        self.redaction.apply(record, product, cuts);
        true
    }
}

/// The direction of a record that has none, if just one side is one's own.
fn direction(own: &Networks, record: &Record<'_>) -> Option<&'static str> {
    let (None, Some(Value::Address(src)), Some(Value::Address(dst))) =
        (record.get(Field::Direction), record.get(Field::SrcIp), record.get(Field::DstIp))
    else {
        return None;
    };
    match (own.contains(src), own.contains(dst)) {
        (true, false) => Some("egress"),
        (false, true) => Some("ingress"),
        _ => None,
    }
}
