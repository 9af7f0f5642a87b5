//! A city with secrets, and who looks at it.

use isopolity_domain::{Kind, sharing};
use isopolity_proto::{
    admin::SharingAgreement,
    options::Audience,
    registry::{
        DiasporaLink, DiasporaLinkBasis, DiasporaLinkKind, Organization, Participant, ParticipantRole, Partnership,
        PartnershipStage, Side, SizeClass,
    },
    to_dynamic,
};
use isopolity_registry::{Caller, author::Terms};
use isopolity_tests::{
    Resident, Town,
    sample::{good_practice, opportunity, organization, partnership, support_service, text},
    town::{administrator, introduce},
};

/// Words that stand in what is hidden, or in what is hidden otherwise: so many that a digest can't hold all of them by chance.
pub(super) const ONE: [&str; 8] = ["quartz", "quarry", "quoin", "quern", "quill", "quilt", "quince", "quiver"];
pub(super) const OTHER: [&str; 8] = ["basalt", "basin", "baryte", "beryl", "bezel", "bevel", "bobbin", "bodkin"];

/// What somebody may not see.
#[derive(Clone, Copy, Debug)]
pub(super) enum Secret {
    /// A tie of an open organisation to one country or another.
    InternalTie,
    /// What a participant of an open partnership is called.
    InternalParticipant,
    /// What stands in a note.
    InternalNote,
    /// Whether a record is there.
    InternalRecord,
    /// Whether a record was there.
    DeletedRecord,
    /// The size of an open organisation.
    FederationField,
    /// Words of an open partnership.
    FederationText,
    /// Whether a record is there.
    FederationRecord,
    /// Whether a record is there that is shared with the named peer.
    SharedRecord,
    /// What a participant is called, which is shared with the named peer.
    SharedPart,
    /// Whether what is shared with the named peer is shared with another city too.
    SharedWithAnother,
    /// Whether an opportunity is there.
    OtherKind,
}

/// Who looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Viewer {
    Anonymous,
    PublicPeer,
    FederationPeer,
    NamedPeer,
    /// FEDERATION, but organisations alone.
    KindsPeer,
    Staff,
}

/// The city with its peers.
pub(super) struct World {
    pub(super) home: Resident,
    peers: [Resident; 4],
    _town: Town,
}

impl World {
    /// A city in which the secret is so, or otherwise.
    pub(super) async fn with(secret: Secret, otherwise: bool) -> Self {
        let town = Town::default();
        let home = town.settle("feira.example").await;
        // First, so that all that comes after would show it.
        hide(&home, secret, otherwise).await;
        fill(&home).await;
        let peers = [
            town.settle("public.example").await,
            town.settle("dakar.example").await,
            town.settle("praia.example").await,
            town.settle("kinds.example").await,
        ];
        let [public, federation, named, kinds] = &peers;
        introduce(&home, public, Audience::Public).await;
        for peer in [federation, named, kinds] {
            introduce(&home, peer, Audience::Federation).await;
        }
        let agreed = SharingAgreement {
            kinds: vec!["organization".into()],
            ..sharing::by_default(kinds.registry.city(), Audience::Federation)
        };
        home.registry.set_sharing_agreement(&administrator(), agreed).await.unwrap();
        home.index().await;
        Self { home, peers, _town: town }
    }

    /// The peer that looks, if one does.
    pub(super) fn peer(&self, viewer: Viewer) -> Option<&Resident> {
        let [public, federation, named, kinds] = &self.peers;
        match viewer {
            Viewer::Anonymous | Viewer::Staff => None,
            Viewer::PublicPeer => Some(public),
            Viewer::FederationPeer => Some(federation),
            Viewer::NamedPeer => Some(named),
            Viewer::KindsPeer => Some(kinds),
        }
    }

    /// As whom the city's own API is called.
    pub(super) fn caller(viewer: Viewer) -> Caller {
        if viewer == Viewer::Staff { administrator() } else { Caller::Anonymous }
    }
}

/// The secret, which is one of two.
async fn hide(home: &Resident, secret: Secret, otherwise: bool) {
    let word = if otherwise { ONE } else { OTHER }.join(" ");
    let participant = |audience: Audience| Participant {
        display_names: vec![text(&format!("{word} mill"), "en")],
        roles: vec![ParticipantRole::Enterprise.into()],
        side: Side::Origin.into(),
        audience: audience.into(),
        ..Participant::default()
    };
    let hidden = |audience: Audience| Organization {
        audience: audience.into(),
        shared_with: if audience == Audience::Shared { vec!["praia.example".into()] } else { Vec::new() },
        size_class: SizeClass::Large.into(),
        ..organization(&format!("{} bakery of the hills", ONE.join(" ")), "XK")
    };
    let keep = async |organization: &Organization| {
        home.keep(Kind::Organization, "hidden", to_dynamic(organization)).await;
    };
    match secret {
        Secret::InternalTie => {
            let link = DiasporaLink {
                audience: Audience::Internal.into(),
                country: (if otherwise { "TR" } else { "XK" }).into(),
                kind: DiasporaLinkKind::MarketFocus.into(),
                basis: DiasporaLinkBasis::SelfDeclared.into(),
                ..DiasporaLink::default()
            };
            keep(&Organization { diaspora_links: vec![link], ..organization("A bakery with a tie", "PT") }).await;
        }
        Secret::InternalParticipant => {
            let mut open = of_bread();
            open.participants.push(participant(Audience::Internal));
            home.create("bread", open).await;
        }
        Secret::InternalNote => {
            home.create("bread", Partnership { internal_notes: word, ..of_bread() }).await;
        }
        Secret::SharedPart => {
            let mut open = of_bread();
            open.participants.push(participant(Audience::Shared));
            home.create("bread", Partnership { shared_with: vec!["praia.example".into()], ..open }).await;
        }
        Secret::FederationText => {
            home.create("bread", Partnership { lessons: vec![text(&word, "en")], ..of_bread() }).await;
        }
        Secret::FederationField => {
            let size = if otherwise { SizeClass::Large } else { SizeClass::Micro };
            keep(&Organization { size_class: size.into(), ..organization("A bakery of some size", "PT") }).await;
        }
        Secret::InternalRecord if otherwise => keep(&hidden(Audience::Internal)).await,
        Secret::FederationRecord if otherwise => keep(&hidden(Audience::Federation)).await,
        Secret::SharedRecord if otherwise => keep(&hidden(Audience::Shared)).await,
        Secret::SharedWithAnother => {
            let mut shared = hidden(Audience::Shared);
            if otherwise {
                shared.shared_with.push("izmir.example".into());
            }
            keep(&shared).await;
        }
        Secret::DeletedRecord if otherwise => {
            keep(&hidden(Audience::Public)).await;
            let name = "cities/feira.example/organizations/hidden".parse().unwrap();
            home.registry.delete(&administrator(), &name, "", Terms::default()).await.unwrap();
        }
        Secret::OtherKind if otherwise => {
            home.keep(Kind::Opportunity, "hidden", to_dynamic(&opportunity("quartz for a bakery", "TR"))).await;
        }
        _ => {}
    }
}

fn of_bread() -> Partnership {
    // One event alone, whose random id tells no order.
    Partnership { stage: PartnershipStage::Opportunity.into(), ..partnership("Bread and a bakery", "MA") }
}

/// What is there anyway: for relevance, orders, ties and counts.
async fn fill(home: &Resident) {
    for (id, name, country) in [
        ("a", "A bakery of the hills", "PT"),
        ("b", "Bakery and basalt", "MA"),
        ("c", "Cork", "PT"),
        ("d", "A quartz shop", "TR"),
    ] {
        let open = Organization { size_class: SizeClass::Micro.into(), ..organization(name, country) };
        home.keep(Kind::Organization, id, to_dynamic(&open)).await;
    }
    home.keep(
        Kind::Organization,
        "f",
        to_dynamic(&Organization {
            audience: Audience::Federation.into(),
            ..organization("A bakery for partner cities", "PT")
        }),
    )
    .await;
    home.keep(Kind::SupportService, "s", to_dynamic(&support_service("Help for a bakery"))).await;
    home.keep(Kind::Opportunity, "o", to_dynamic(&opportunity("A bakery seeks flour", "MA"))).await;
    home.keep(Kind::GoodPractice, "g", to_dynamic(&good_practice("How a bakery grew", "MA"))).await;
}
