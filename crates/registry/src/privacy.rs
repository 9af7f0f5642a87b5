//! How long things are kept, erasure, and what is kept about somebody.
//!
//! | module | what it does |
//! | --- | --- |
//! | `clean_up` | takes away what is past its limit, and says what it would take |
//! | `cooperation` | finds what cooperations say of somebody; nothing is taken out of them |
//! | `erase` | takes a resource away from everywhere |
//! | `subject` | brings together all that is kept about an organisation or a person |

mod clean_up;
mod cooperation;
mod erase;
mod subject;

use isopolity_domain::{clock::to_timestamp, page_token, question::check_page_size};
use isopolity_proto::admin::{self, ListTombstonesResponse};
use isopolity_store::Tombstone;
use time::OffsetDateTime;

pub use erase::Erasure;
pub use subject::{Subject, SubjectPiece};

use crate::{
    Caller, Error, Registry, Right,
    author::{PAGE_DEFAULT, PAGE_MAX},
};

/// What page tokens of lists of tombstones are for.
const TOMBSTONES: &str = "tombstones";

impl Registry {
    /// Lists tombstones, the latest first.
    ///
    /// # Errors
    /// [`Error::TokenMissing`] or [`Error::RightMissing`]; [`Error::Invalid`] for a page size out of range or a foreign page token.
    pub async fn tombstones(
        &self,
        caller: &Caller,
        page_size: i32,
        page_token: &str,
    ) -> Result<ListTombstonesResponse, Error> {
        caller.must(Right::Administer)?;
        let size = check_page_size(page_size, "page_size", PAGE_DEFAULT, PAGE_MAX)?;
        let after = self.tombstones_start(page_token)?;
        let after = after.as_ref().map(|(time, name)| (*time, name));
        let mut found = self.store().tombstones(after, (size + 1) as u64).await?;
        let more = found.len() > size;
        found.truncate(size);
        let next_page_token = match found.last().filter(|_| more) {
            Some(last) => {
                let point = format!("{} {}", last.time.unix_timestamp_nanos() / 1_000, last.name);
                page_token::encode(&self.inner.page_key, TOMBSTONES, &point)
            }
            None => String::new(),
        };
        Ok(ListTombstonesResponse { tombstones: found.into_iter().map(shown).collect(), next_page_token })
    }

    fn tombstones_start(&self, token: &str) -> Result<Option<(OffsetDateTime, isopolity_domain::Name)>, Error> {
        if token.is_empty() {
            return Ok(None);
        }
        let read = || {
            let point = page_token::decode(&self.inner.page_key, TOMBSTONES, token).ok()?;
            let (micros, name) = point.split_once(' ')?;
            let nanos = micros.parse::<i128>().ok()?.checked_mul(1_000)?;
            Some((OffsetDateTime::from_unix_timestamp_nanos(nanos).ok()?, name.parse().ok()?))
        };
        Ok(Some(read().ok_or_else(|| page_token::PageTokenError.at("page_token"))?))
    }
}

fn shown(tombstone: Tombstone) -> admin::Tombstone {
    let Tombstone { name, reason, time, author, note, sequence } = tombstone;
    admin::Tombstone {
        name: name.to_string(),
        reason: reason.into(),
        time: Some(to_timestamp(time)),
        author,
        note,
        sequence,
    }
}
