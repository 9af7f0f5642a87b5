//! Whose signatures are believed: this city's own, and those of all cities of which a trust bundle is or was held.

use std::collections::BTreeMap;

use isopolity_domain::{
    CityId,
    cooperation::{EventError, Opened, open_event},
    envelope::{EnvelopeError, Keys, key_id},
};
use isopolity_federation::Bundle;
use isopolity_proto::{cooperation::CooperationEvent, federation::Envelope};
use prost::Message as _;

use crate::{Error, Registry};

impl Registry {
    /// The keys of a city, old ones too. Those of a city that is no peer any more stay good for what it has signed.
    pub(super) async fn keys_of(&self, city: &CityId) -> Result<Option<Keys>, Error> {
        if city == self.city() {
            let mut keys = Keys::new();
            // Also those of a folder that was lost: what they have signed is still this city's word.
            for file in self.store().own_bundles().await? {
                keys.extend(Bundle::parse(&file).map_err(Error::internal)?.keys);
            }
            keys.extend(self.identity().record_keys().into_iter().map(|key| (key_id(&key.public), key.public)));
            return Ok(Some(keys));
        }
        if let Some(peer) = self.federation().get(city) {
            return Ok(Some(peer.bundle.keys));
        }
        let Some(peer) = self.store().peer(city).await? else { return Ok(None) };
        Ok(Some(Bundle::parse(&peer.bundle).map_err(Error::internal)?.keys))
    }

    /// Checks an event's form and signatures.
    pub(super) async fn opened(&self, envelope: &Envelope) -> Result<Result<Opened, EventError>, Error> {
        // Who is named is not certain before the signatures are checked; it only says which keys to look for.
        let claimed = CooperationEvent::decode(envelope.payload.clone()).unwrap_or_default();
        let host = claimed.cooperation.strip_prefix("cities/").and_then(|rest| rest.split('/').next());
        let mut keys = BTreeMap::new();
        for city in [Some(claimed.city.as_str()), host].into_iter().flatten().filter_map(|city| city.parse().ok()) {
            if let Some(found) = self.keys_of(&city).await? {
                keys.insert(city, found);
            }
        }
        let opened = open_event(envelope, |city| keys.get(city).cloned());
        if let Err(EventError::Signature { city, error: EnvelopeError::UnknownKey(_) }) = &opened
            && let Some(peer) = self.federation().get(city)
        {
            // It may have a new key of which this city has not heard.
            self.federation().heard_of_bundle(city, peer.bundle.sequence + 1);
        }
        Ok(opened)
    }
}

/// Whether what is wrong with an event may pass by itself, once this city knows the signer or has its newest bundle.
pub(super) fn may_pass(error: &EventError) -> bool {
    error.may_pass() || matches!(error, EventError::Signature { error: EnvelopeError::UnknownKey(_), .. })
}
