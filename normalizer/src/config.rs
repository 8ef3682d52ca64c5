//! What a user chooses, as it travels to a guest: one JSON object, given once.

use serde::{Deserialize, Serialize};

use crate::{filter::Lists, schemas::Schema};

/// The choices that alter what comes out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The product that every record is of (`huawei-vpc`); without it, each record is detected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// The columns of text lines: `${srcaddr} ${dstaddr}`, or just their names. Without any
    /// separator it is the set of keys that keyed records must have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub layout: Option<String>,
    /// What stands between the columns of the layout, if the layout does not say it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub separator: Option<String>,
    /// The quotes of values that hold separators: `"`, `'` or `none`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quote: Option<String>,
    /// A text that stands for a missing value in columns, besides the usual ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub missing: Option<String>,
    /// The zone of times that name none; without it, UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zone: Option<Zone>,
    /// The expression that records must meet to come out; see [`crate::filter`].
    #[serde(rename = "where", skip_serializing_if = "Option::is_none")]
    pub filter: Option<String>,
    /// The lists of networks that expressions may name, a network a line.
    #[serde(skip_serializing_if = "Lists::is_empty")]
    pub lists: Lists,
    /// Fields that must not come out: `host`, `extra.cookie`, `extra.*`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub drop: Vec<String>,
    /// Addresses to be cut to their network: `src_ip/24`, or `src_ip/24/64` with a prefix for IPv6.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub mask: Vec<String>,
    /// One's own networks, as CIDR or `@list`: where a product has no direction, it follows from
    /// which side is one's own.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub own: Vec<String>,
    /// Keep the envelope's own fields under `extra.envelope`.
    pub keep_envelope: bool,
    /// Keep the record's text under `extra.raw`.
    pub keep_raw: bool,
    /// The schema that records are written in.
    #[serde(skip_serializing_if = "Schema::is_flat")]
    pub to: Schema,
    /// The time of records that have none, in epoch milliseconds, for schemas that need one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_at_ms: Option<u64>,
}

/// A time zone as its changes of offset, so that no zone database is needed to use it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Zone {
    /// The offset before the first change, in seconds east of UTC.
    pub offset: i32,
    /// Changes in the order of time: the moment in epoch seconds, and the offset from then on.
    #[serde(default)]
    pub changes: Vec<(i64, i32)>,
}

impl Zone {
    /// The offset that holds at a local time, in seconds. A time that occurs twice is the
    /// first of them; one that is skipped is read with the offset before the change.
    pub(crate) fn offset_at(&self, local: i64) -> i32 {
        // The last change that lies behind this time, read with the offset before it.
        let next = self.changes.partition_point(|c| c.0 <= local.saturating_sub(i64::from(c.1)));
        let before = |i: usize| i.checked_sub(1).map_or(self.offset, |i| self.changes[i].1);
        match next.checked_sub(1) {
            // Within the repeated hour the earlier offset still fits.
            Some(i) if local - i64::from(before(i)) < self.changes[i].0 => before(i),
            _ => before(next),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Zone;

    #[test]
    fn local_times_around_changes() {
        // Berlin in 2023: forward at 1679792400 (01:00 UTC), back at 1698541200 (01:00 UTC).
        let zone = Zone { offset: 3600, changes: vec![(1_679_792_400, 7200), (1_698_541_200, 3600)] };
        let cases = [
            (1_679_792_400 + 3600 - 1, 3600),
            // 02:30 is skipped.
            (1_679_792_400 + 3600 + 1800, 3600),
            (1_679_792_400 + 7200, 7200),
            (1_698_541_200 + 3600 - 1, 7200),
            // 02:30 occurs twice.
            (1_698_541_200 + 3600 + 1800, 7200),
            (1_698_541_200 + 7200, 3600),
        ];
        for (local, offset) in cases {
            assert_eq!(zone.offset_at(local), offset, "{local}");
        }
        assert_eq!(Zone { offset: 28_800, changes: vec![] }.offset_at(0), 28_800);
    }
}
