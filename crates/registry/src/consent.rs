//! Consents that have ended: what they allowed others to see is withdrawn, without anyone asking.

use isopolity_domain::{Kind, Name, consent};
use isopolity_proto::options::Audience;
use isopolity_store::Document;
use tracing::info;

use crate::{
    Error, Registry,
    author::{Change, NODE, Resource},
};

/// Documents that are looked at at once.
const AT_ONCE: u64 = 500;

/// The kinds of which others see something only by consent.
const RESTING_ON_CONSENT: [Kind; 2] = [Kind::Organization, Kind::GoodPractice];

impl Registry {
    /// Publishes anew what was shared by consents that have ended since: organisations without the tie to a country, and public
    /// stories for partner cities only. Returns how many.
    ///
    /// # Errors
    /// What the store says; those that were written before stay written.
    pub async fn withdraw_expired_consents(&self) -> Result<usize, Error> {
        let mut withdrawn = 0;
        for kind in RESTING_ON_CONSENT {
            withdrawn += self.withdraw_expired_of(kind).await?;
        }
        Ok(withdrawn)
    }

    async fn withdraw_expired_of(&self, kind: Kind) -> Result<usize, Error> {
        let mut after: Option<Name> = None;
        let mut withdrawn = 0;
        loop {
            let page = self.store().documents_of_kind(kind, Audience::Internal, after.as_ref(), AT_ONCE).await?;
            let Some(last) = page.last() else { return Ok(withdrawn) };
            after = Some(last.name.clone());
            for document in &page {
                if self.narrowed(document)?.is_some() && self.withdraw(&document.name).await? {
                    withdrawn += 1;
                }
            }
        }
    }

    /// The resource as it has to be from today on, if that is another.
    fn narrowed(&self, document: &Document) -> Result<Option<Resource>, Error> {
        let kind = document.name.kind();
        let before = Resource::decode(kind, document.body.clone())?;
        let mut after = before.clone();
        consent::narrow(kind, &mut after.0, self.now().date());
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
        self.settle(tx, NODE, vec![Change::updated(document).after(&current)], false).await?;
        info!(resource.name = %name, "a consent has ended: what it allowed is withdrawn");
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use isopolity_proto::{
        admin::Role,
        registry::{
            DiasporaLink, DiasporaLinkBasis, DiasporaLinkKind, EvidenceGrade, GoodPractice, Organization,
            OrganizationKind, PublicationConsent,
        },
        to_dynamic,
        types::LocalizedText,
    };

    use super::*;
    use crate::{Caller, author::Terms, testing::Feira};

    impl Feira {
        async fn create<M: prost::Name>(&self, kind: Kind, id: &str, message: &M) -> Result<Name, Error> {
            let parent = "cities/feira.example";
            let resource = to_dynamic(message);
            self.registry.create(&editor(), kind, parent, id, resource, Terms::default()).await?;
            Ok(Name::new(self.registry.city().clone(), kind, id).unwrap())
        }
    }

    fn editor() -> Caller {
        Caller::token("e", Role::Editor)
    }

    fn text(text: &str) -> Vec<LocalizedText> {
        vec![LocalizedText { text: text.into(), language: "pt".into(), ..Default::default() }]
    }

    #[tokio::test]
    async fn what_a_consent_allowed_is_for_own_staff_only_when_it_has_ended() {
        let feira = Feira::open_at(time::macros::datetime!(2026-11-23 12:00 UTC)).await;
        let registry = &feira.registry;
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
            display_names: text("Padaria"),
            kind: OrganizationKind::Enterprise.into(),
            country: "PT".into(),
            diaspora_links: vec![link],
            ..Default::default()
        };
        let name = feira.create(Kind::Organization, "bakery", &bakery).await.unwrap();
        // On its last day it holds.
        assert_eq!(registry.withdraw_expired_consents().await.unwrap(), 0);
        let before = registry.progress().await.unwrap().published.sequence;
        feira.clock.advance(time::Duration::DAY);
        assert_eq!(registry.withdraw_expired_consents().await.unwrap(), 1);
        assert_eq!(registry.progress().await.unwrap().published.sequence, before + 1, "it is published anew");
        let kept: Organization = registry.get(&editor(), &name).await.unwrap().transcode_to().unwrap();
        assert_eq!(kept.diaspora_links[0].audience(), Audience::Internal);
        assert_eq!(registry.withdraw_expired_consents().await.unwrap(), 0);
    }

    #[tokio::test]
    async fn a_story_is_not_published_without_consents_that_hold_and_leaves_the_public_when_one_ends() {
        let feira = Feira::open_at(time::macros::datetime!(2026-11-23 12:00 UTC)).await;
        let registry = &feira.registry;
        let consent = |until: &str| PublicationConsent {
            party: "Padaria".into(),
            date: "2025-01-01".into(),
            expire_date: until.into(),
            ..Default::default()
        };
        let story = |until: &str| GoodPractice {
            audience: Audience::Public.into(),
            titles: text("Pão"),
            stories: text("Um forno."),
            countries: vec!["MA".into()],
            evidence_grade: EvidenceGrade::Testimony.into(),
            consents: vec![consent(until)],
            licence: "CC-BY-4.0".into(),
            ..Default::default()
        };
        let refused = feira.create(Kind::GoodPractice, "late", &story("2026-11-22")).await.unwrap_err();
        let Error::Invalid(violations) = refused else { panic!("{refused:?}") };
        let wrong: Vec<&str> = violations.0.iter().map(|one| one.field.as_str()).collect();
        assert_eq!(wrong, ["good_practice.consents[0].expire_date"]);
        let shared = GoodPractice { audience: Audience::Federation.into(), ..story("2026-11-22") };
        feira.create(Kind::GoodPractice, "shared", &shared).await.unwrap();

        let name = feira.create(Kind::GoodPractice, "bread", &story("2026-11-23")).await.unwrap();
        registry.get(&Caller::Anonymous, &name).await.unwrap();
        assert_eq!(registry.withdraw_expired_consents().await.unwrap(), 0);
        feira.clock.advance(time::Duration::DAY);
        assert_eq!(registry.withdraw_expired_consents().await.unwrap(), 1);
        assert!(registry.get(&Caller::Anonymous, &name).await.is_err(), "the public sees it no more");
        let kept: GoodPractice = registry.get(&editor(), &name).await.unwrap().transcode_to().unwrap();
        assert_eq!(kept.audience(), Audience::Federation);
        assert_eq!(registry.withdraw_expired_consents().await.unwrap(), 0);
    }
}
