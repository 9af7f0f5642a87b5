//! Consents that have ended: what they allowed others to see is withdrawn, without anyone asking.

use isopolity_domain::{Kind, Name, settle::settle};
use isopolity_proto::options::Audience;
use isopolity_store::Document;
use tracing::info;

use crate::{
    Error, Registry,
    author::{Change, NODE, Resource},
};

/// Documents that are looked at at once.
const AT_ONCE: u64 = 500;

impl Registry {
    /// Publishes anew those organisations of which a tie to a country was shared by a consent that has ended since. Returns how
    /// many.
    ///
    /// # Errors
    /// What the store says; those that were written before stay written.
    pub async fn withdraw_expired_consents(&self) -> Result<usize, Error> {
        let mut after: Option<Name> = None;
        let mut withdrawn = 0;
        loop {
            let page =
                self.store().documents_of_kind(Kind::Organization, Audience::Internal, after.as_ref(), AT_ONCE).await?;
            let Some(last) = page.last() else { return Ok(withdrawn) };
            after = Some(last.name.clone());
            for document in &page {
                if self.narrowed(document)?.is_some() && self.withdraw(&document.name).await? {
                    withdrawn += 1;
                }
            }
        }
    }

    /// The organisation as it has to be from today on, if that is another.
    fn narrowed(&self, document: &Document) -> Result<Option<Resource>, Error> {
        let before = Resource::decode(Kind::Organization, document.body.clone())?;
        let mut after = before.clone();
        settle(Kind::Organization, &mut after.0, self.now().date());
        Ok((after.content() != before.content()).then_some(after))
    }

    async fn withdraw(&self, name: &Name) -> Result<bool, Error> {
        let mut tx = self.store().begin("withdraw expired consent").await?;
        // Somebody may have been faster.
        let Some(current) = tx.document(name).await?.filter(|one| one.delete_time.is_none()) else { return Ok(false) };
        let Some(mut after) = self.narrowed(&current)? else { return Ok(false) };
        let document = self.next_version(&current, &mut after);
        if !tx.update_document(&document, current.revision).await? {
            return Ok(false);
        }
        self.settle(tx, NODE, vec![Change::updated(document)], false).await?;
        info!(resource.name = %name, "a consent has ended: what it allowed is for own staff only");
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use isopolity_domain::{Clock as _, clock::FixedClock};
    use isopolity_federation::{Identity, Limits, Peers};
    use isopolity_proto::{
        admin::Role,
        registry::{DiasporaLink, DiasporaLinkBasis, DiasporaLinkKind, Organization, OrganizationKind},
        to_dynamic,
        types::LocalizedText,
    };

    use super::*;
    use crate::{Caller, Patience, Settings, author::Terms};

    #[tokio::test]
    async fn what_a_consent_allowed_is_for_own_staff_only_when_it_has_ended() {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(FixedClock::at(time::macros::datetime!(2026-11-23 12:00 UTC)));
        let identity =
            Identity::create(&folder.path().join("trust"), &"feira.example".parse().unwrap(), clock.now()).unwrap();
        let registry = Registry::open(Settings {
            peers: Peers::new(identity.clone(), clock.clone(), Limits::default()).unwrap(),
            identity,
            endpoint: None,
            storage_url: format!("sqlite://{}", folder.path().join("registry.db").display()),
            index_folder: folder.path().join("index"),
            clock: clock.clone(),
            patience: Patience::default(),
        })
        .await
        .unwrap();
        let link = DiasporaLink {
            audience: Audience::Federation.into(),
            country: "MA".into(),
            kind: DiasporaLinkKind::FounderDeclared.into(),
            basis: DiasporaLinkBasis::SelfDeclared.into(),
            consent_reference: "register 12/2026".into(),
            expire_date: "2026-11-23".into(),
            ..Default::default()
        };
        let bakery = Organization {
            audience: Audience::Public.into(),
            display_names: vec![LocalizedText { text: "Padaria".into(), language: "pt".into(), ..Default::default() }],
            kind: OrganizationKind::Enterprise.into(),
            country: "PT".into(),
            diaspora_links: vec![link],
            ..Default::default()
        };
        let editor = Caller::Token { id: "e".into(), role: Role::Editor };
        registry
            .create(
                &editor,
                Kind::Organization,
                "cities/feira.example",
                "bakery",
                to_dynamic(&bakery),
                Terms::default(),
            )
            .await
            .unwrap();
        // On its last day it holds.
        assert_eq!(registry.withdraw_expired_consents().await.unwrap(), 0);
        let before = registry.progress().await.unwrap().published.sequence;
        clock.advance(time::Duration::DAY);
        assert_eq!(registry.withdraw_expired_consents().await.unwrap(), 1);
        assert_eq!(registry.progress().await.unwrap().published.sequence, before + 1, "it is published anew");
        let name: Name = "cities/feira.example/organizations/bakery".parse().unwrap();
        let kept: Organization = registry.get(&editor, &name).await.unwrap().transcode_to().unwrap();
        assert_eq!(kept.diaspora_links[0].audience(), Audience::Internal);
        assert_eq!(registry.withdraw_expired_consents().await.unwrap(), 0);
    }
}
