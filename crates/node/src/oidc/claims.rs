//! What a token of the provider says, and whether it is for this city, now.

use isopolity_proto::admin::Role;
use serde::Deserialize;
use serde_json::{Map, Number, Value};
use time::{Duration, OffsetDateTime};

use crate::config::Oidc;

/// How much clocks may differ.
const LEEWAY: Duration = Duration::seconds(60);
/// The longest subject, in bytes: OpenID Connect Core 1.0, section 2.
const SUBJECT_MAX: usize = 255;
/// The most groups that are looked at.
const GROUPS_MAX: usize = 1_000;

/// What a token says. Issuer and audience are checked when it is read.
#[derive(Debug, Deserialize)]
pub(super) struct Claims {
    pub(super) sub: String,
    exp: Number,
    nbf: Option<Number>,
    azp: Option<String>,
    client_id: Option<String>,
    #[serde(flatten)]
    others: Map<String, Value>,
}

impl Claims {
    /// Refuses a token that is not for now, or not for this city.
    pub(super) fn check(&self, settings: &Oidc, now: OffsetDateTime) -> Result<(), &'static str> {
        if self.sub.is_empty() || self.sub.len() > SUBJECT_MAX {
            return Err("the subject is empty or too long");
        }
        let end = self.end().ok_or("the end is no time")?;
        if now >= end.saturating_add(LEEWAY) {
            return Err("it has expired");
        }
        if let Some(begin) = &self.nbf {
            let begin = moment(begin).ok_or("the beginning is no time")?;
            if now < begin.saturating_sub(LEEWAY) {
                return Err("it is not valid yet");
            }
        }
        let party = self.azp.as_ref().or(self.client_id.as_ref());
        let is_expected = match party {
            _ if settings.clients.is_empty() => self.azp.as_ref().is_none_or(|azp| *azp == settings.audience),
            Some(party) => settings.clients.contains(party),
            None => false,
        };
        if is_expected { Ok(()) } else { Err("it was made out to another client") }
    }

    /// When it ends.
    pub(super) fn end(&self) -> Option<OffsetDateTime> {
        moment(&self.exp)
    }

    /// The role of the groups that it names: of several, the first of administrator, coordinator, editor, auditor, viewer.
    pub(super) fn role(&self, settings: &Oidc) -> Role {
        const ORDER: [Role; 5] = [Role::Administrator, Role::Coordinator, Role::Editor, Role::Auditor, Role::Viewer];
        let mut value = None;
        for (at, part) in settings.groups_claim.split('.').enumerate() {
            value = if at == 0 { self.others.get(part) } else { value.and_then(|value: &Value| value.get(part)) };
        }
        let groups: Vec<&str> = match value {
            Some(Value::String(group)) => vec![group],
            Some(Value::Array(groups)) => groups.iter().take(GROUPS_MAX).filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        };
        let roles: Vec<Role> = groups.iter().filter_map(|group| settings.role_of(group)).collect();
        ORDER.into_iter().find(|role| roles.contains(role)).unwrap_or(Role::Unspecified)
    }
}

/// A time as JWT has it: seconds since 1970, and perhaps parts of them, which are cut off.
fn moment(number: &Number) -> Option<OffsetDateTime> {
    let seconds = match number.as_i64() {
        Some(seconds) => seconds,
        None => whole(number.as_f64()?)?,
    };
    OffsetDateTime::from_unix_timestamp(seconds).ok()
}

fn whole(seconds: f64) -> Option<i64> {
    // Beyond that no time can be written anyway.
    #[expect(clippy::cast_possible_truncation, reason = "the range was looked at just before")]
    (0.0..1e12).contains(&seconds).then(|| seconds.floor() as i64)
}
