//! One record of any member city, as its home city signed it.

use std::time::Duration;

use isopolity_domain::{Name, record, sight::Sight};
use isopolity_proto::{
    admin::{AuditAction, PeerState},
    error::Reason,
    federation::{Envelope, GetRecordRequest, Record},
    options::Audience,
};
use prost::Message as _;

use crate::{
    Caller, Error, Registry, Right,
    audit::{Called, new_query_id},
    search::{check_purpose, stated},
};

impl Registry {
    /// Returns a record of any member city as its home city signed it, as `audience` sees it and never as more than the
    /// caller is. Unspecified: as the widest audience that may see it. Its home city is told the purpose; empty: `enquiry`.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::PeerUnknown`], [`Error::HomeUnreachable`], [`Error::Invalid`] for a purpose that is too long.
    pub async fn record(
        &self,
        caller: &Caller,
        name: &Name,
        audience: Audience,
        purpose: &str,
        within: Option<Duration>,
    ) -> Result<(Envelope, Record), Error> {
        check_purpose(purpose)?;
        let not_found = || Error::NotFound(name.to_string());
        let envelope = if name.city() == self.city() {
            self.own_record(name, Sight::of(caller.clearance()), audience).await?.ok_or_else(not_found)?
        } else {
            caller.must(Right::Read)?;
            let peer = self.federation().get(name.city()).ok_or_else(|| Error::PeerUnknown(name.city().to_string()))?;
            match peer.state {
                PeerState::Active => {}
                PeerState::Suspended => {
                    return Err(Error::PeerSuspended { city: peer.city, reason: peer.state_reason });
                }
                _ => return Err(Error::PeerNotApproved(peer.city)),
            }
            let within = within.unwrap_or(self.patience().search).min(self.patience().search);
            let query_id = new_query_id();
            let (purpose, requester) = (stated(purpose), self.pseudonym(caller));
            let said = Called { purpose: &purpose, requester: &requester, question: None, query_id: &query_id };
            let peers = vec![name.city().clone()];
            let logged =
                self.asking_all(caller.into(), AuditAction::RecordAsked, peers, &said)?.about(&name.to_string());
            let (name_text, audience) = (name.to_string(), audience.into());
            let request = GetRecordRequest { name: name_text, audience, purpose, requester, query_id };
            let fetched = self.federation().get_record(name.city(), request, within).await;
            let envelope = logged.ended(fetched.map_err(|error| match error.reason {
                Reason::ResourceNotFound => not_found(),
                _ => Error::HomeUnreachable { city: name.city().clone(), description: error.description },
            }))?;
            // Relayed to others and kept as files: so it is checked here, and not only by the channel.
            peer.bundle.record(&envelope).ok().filter(|record| record.name == name.to_string()).ok_or_else(|| {
                Error::HomeUnreachable {
                    city: name.city().clone(),
                    description: "what it sent is not that record, signed by one of its keys".to_owned(),
                }
            })?;
            envelope
        };
        let record = record::read(&envelope).map_err(Error::internal)?;
        Ok((envelope, record))
    }

    /// The record of one of this city's resources as `audience` sees it (unspecified: the widest that may), if it is in
    /// this sight.
    pub(crate) async fn own_record(
        &self,
        name: &Name,
        sight: &Sight,
        audience: Audience,
    ) -> Result<Option<Envelope>, Error> {
        let text = name.to_string();
        let publication = if let Some(known) = self.inner.hot.publication(&text) {
            known
        } else {
            let begun = self.inner.hot.begin();
            let Some(publication) = self.store().publication(name).await? else { return Ok(None) };
            self.inner.hot.keep(begun, publication)
        };
        let record = match audience {
            Audience::Unspecified => sight.widest_record_of(&publication),
            audience => sight.record_as(&publication, audience),
        };
        let Some(record) = record else { return Ok(None) };
        Ok(Some(Envelope::decode(record.envelope.clone()).map_err(Error::internal)?))
    }
}
