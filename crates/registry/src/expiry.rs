//! What of trust is about to end: certificates, CAs, bundles, of this city and of its peers. Said 30, 14, 7 and 1 days before, in
//! the log once each, and in the answers to whoever asks how the node is.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use isopolity_domain::clock::to_timestamp;
use isopolity_federation::{Bundle, bundle::STALE};
use isopolity_proto::admin::ExpiryWarning;
use time::{Duration, OffsetDateTime};
use tracing::{error, warn};

/// The days before an end at which it is warned of.
const DAYS: [i32; 4] = [1, 7, 14, 30];

/// What was warned of already, and how many days before.
#[derive(Debug, Default)]
pub(crate) struct Warned(Mutex<HashMap<String, i32>>);

impl Warned {
    /// Logs those of these warnings that are new, or have become more urgent. `whose`: this city or a peer.
    pub(crate) fn log(&self, whose: &str, warnings: &[ExpiryWarning]) {
        let mut warned = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let prefix = format!("{whose} ");
        let key = |warning: &ExpiryWarning| format!("{prefix}{}", warning.subject);
        // What was renewed begins again.
        warned.retain(|known, _| !known.starts_with(&prefix) || warnings.iter().any(|one| key(one) == *known));
        for warning in warnings {
            let urgent = warned.insert(key(warning), warning.days).is_none_or(|before| warning.days < before);
            if urgent && warning.days == 0 {
                error!(trust.of = whose, trust.subject = %warning.subject, "{}", warning.description);
            } else if urgent {
                warn!(trust.of = whose, trust.subject = %warning.subject, trust.days_left = warning.days, "{}", warning.description);
            }
        }
    }
}

/// A warning, if one is due. Nobody is warned of an end that is near from the beginning: the days before count only as far as they
/// are less than half of the whole life.
pub(crate) fn warning(
    subject: &str,
    (begins, ends): (OffsetDateTime, OffsetDateTime),
    now: OffsetDateTime,
    what_to_do: &str,
) -> Option<ExpiryWarning> {
    let left = ends - now;
    let life = ends - begins;
    let days = if left <= Duration::ZERO {
        0
    } else {
        *DAYS
            .iter()
            .find(|days| left <= Duration::days((**days).into()) && Duration::days((**days * 2).into()) < life)?
    };
    let when = if days == 0 { format!("ended at {ends}") } else { format!("ends at {ends}, within {days} days") };
    Some(ExpiryWarning {
        subject: subject.to_owned(),
        expire_time: Some(to_timestamp(ends)),
        days,
        description: format!("the {subject} {when}: {what_to_do}"),
    })
}

/// What is about to end of a peer's trust as it is held here, and whether it is too old.
pub(crate) fn of_peer(bundle: &Bundle, now: OffsetDateTime) -> Vec<ExpiryWarning> {
    let ask = "ask the city whether its node runs; add its present bundle by hand if need be";
    let begins = bundle.issued.unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let mut warnings: Vec<_> = warning("trust bundle", (begins, bundle.expires), now, ask).into_iter().collect();
    if let Some((begins, ends)) = bundle.last_authority() {
        warnings.extend(warning("last CA", (begins, ends), now, "the city has to prepare and rotate its CA"));
    }
    if let Some(issued) = bundle.issued.filter(|issued| now - *issued > STALE && now < bundle.expires) {
        let days = (now - issued).whole_days();
        warnings.push(ExpiryWarning {
            subject: "age of the trust bundle".to_owned(),
            expire_time: Some(to_timestamp(bundle.expires)),
            days: 1,
            description: format!(
                "the trust bundle is {days} days old, though a city signs one each week: its node is away, or somebody holds \
                 newer ones back; compare its sequence with the city by telephone"
            ),
        });
    }
    warnings
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    const BEGINS: OffsetDateTime = datetime!(2026-01-01 00:00 UTC);

    fn days(life: i64, left: Duration) -> Option<i32> {
        let ends = BEGINS + Duration::days(life);
        warning("CA", (BEGINS, ends), ends - left, "renew it").map(|warning| warning.days)
    }

    #[test]
    fn an_end_is_warned_of_at_30_14_7_and_1_days() {
        for (left, expected) in [
            (31, None),
            (30, Some(30)),
            (15, Some(30)),
            (14, Some(14)),
            (8, Some(14)),
            (7, Some(7)),
            (2, Some(7)),
            (1, Some(1)),
        ] {
            assert_eq!(days(365, Duration::days(left)), expected, "{left} days left");
        }
        assert_eq!(days(365, Duration::ZERO), Some(0));
        assert_eq!(days(365, Duration::days(-3)), Some(0));
    }

    #[test]
    fn what_lives_shortly_is_warned_of_late() {
        assert_eq!(days(7, Duration::days(3)), None, "it is renewed at half of its life");
        assert_eq!(days(7, Duration::days(1)), Some(1));
        assert_eq!(days(1, Duration::hours(1)), None, "an hour is all that SPIRE leaves");
    }

    #[test]
    fn each_warning_is_logged_once_for_each_step() {
        let warned = Warned::default();
        let at = |left: i64| {
            let ends = BEGINS + Duration::days(365);
            warning("CA", (BEGINS, ends), ends - Duration::days(left), "renew it").into_iter().collect::<Vec<_>>()
        };
        let known = || warned.0.lock().unwrap().clone();
        warned.log("feira.example", &at(30));
        warned.log("feira.example", &at(29));
        assert_eq!(known(), HashMap::from([("feira.example CA".to_owned(), 30)]));
        warned.log("feira.example", &at(6));
        assert_eq!(known(), HashMap::from([("feira.example CA".to_owned(), 7)]));
        warned.log("geneve.example", &[]);
        assert_eq!(known().len(), 1, "one city's news are not another's");
        warned.log("feira.example", &[]);
        assert!(known().is_empty(), "what was renewed begins again");
    }
}
