//! `[retention]`: how long things are kept, in days.

use std::collections::BTreeMap;

use isopolity_domain::{
    Kind,
    retention::{Retention as Limits, RetentionError},
};
use serde::Deserialize;

/// `[retention]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Retention {
    /// Deleted records.
    pub deleted_days: u32,
    /// Versions of records, since they were superseded.
    pub revisions_days: u32,
    /// Rows that imports did not take.
    pub quarantined_rows_days: u32,
    /// What is known of imports.
    pub imports_days: u32,
    /// Tokens, since they were revoked or have expired.
    pub tokens_days: u32,
    /// Tombstones.
    pub tombstones_days: u32,
    /// Records, by kind, since they were last changed.
    pub kinds: BTreeMap<String, u32>,
}

impl Default for Retention {
    fn default() -> Self {
        let limits = Limits::default();
        Self {
            deleted_days: limits.deleted,
            revisions_days: limits.revisions,
            quarantined_rows_days: limits.quarantined_rows,
            imports_days: limits.imports,
            tokens_days: limits.tokens,
            tombstones_days: limits.tombstones,
            kinds: BTreeMap::new(),
        }
    }
}

impl Retention {
    /// The limits. A kind that does not exist has none: [`Retention::check`] refuses it.
    pub(crate) fn limits(&self) -> Limits {
        let kinds = self.kinds.iter().filter_map(|(word, days)| Some((Kind::parse(word)?, *days)));
        Limits {
            deleted: self.deleted_days,
            revisions: self.revisions_days,
            quarantined_rows: self.quarantined_rows_days,
            imports: self.imports_days,
            tokens: self.tokens_days,
            tombstones: self.tombstones_days,
            kinds: kinds.collect(),
        }
    }

    /// Refuses what makes no sense, under the key as it stands in the file.
    pub(super) fn check(&self) -> Result<(), RetentionError> {
        if let Some(word) = self.kinds.keys().find(|word| Kind::parse(word).is_none()) {
            let known: Vec<&str> = Kind::ALL.iter().map(|kind| kind.as_str()).collect();
            let what = format!("is not a kind; there is {}", known.join(", "));
            return Err(RetentionError { limit: format!("kinds.{word}"), what });
        }
        self.limits().check().map_err(|error| {
            if error.limit.starts_with("kinds.") {
                return error;
            }
            RetentionError { limit: format!("{}_days", error.limit), ..error }
        })
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::Config;

    #[test]
    fn a_limit_that_makes_no_sense_is_named_by_its_key() {
        let parse = |lines: &str| {
            let text = format!("city = \"feira.example\"\n[retention]\n{lines}");
            Config::parse(&text, Path::new("isopolity.toml")).map_err(|error| error.to_string())
        };
        assert_eq!(parse("deleted_days = 7\n[retention.kinds]\nplace = 90").unwrap().retention.limits().deleted, 7);
        for (lines, key) in [
            ("deleted_days = 0", "retention.deleted_days: must be 1 to"),
            ("[retention.kinds]\nstage_event = 9", "retention.kinds.stage_event: a stage_event has no limit"),
            ("[retention.kinds]\nplaces = 9", "retention.kinds.places: is not a kind"),
            ("forever = 9", "unknown field"),
        ] {
            let refused = parse(lines).unwrap_err();
            assert!(refused.contains(key), "{refused}");
        }
    }
}
