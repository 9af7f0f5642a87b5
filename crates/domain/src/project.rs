//! What an audience may see of a message.
//!
//! Read from the field options of the proto: a new field can't be forgotten here, and one without the option is never
//! public. Besides the options of fields, two things decide:
//!
//! * a message inside another may choose its own audience (a participant, a document, a tie to a country): where that is
//!   narrower than whoever looks, the whole of it is removed;
//! * a sole trader is a natural person: of such an organisation only own staff sees more than what it is, in which country
//!   and in which divisions of the economy.

mod sole_trader;

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, RwLock},
};

use isopolity_proto::{field, options::Audience};
use prost_reflect::{
    DynamicMessage, FieldDescriptor, Kind as FieldKind, MessageDescriptor, ReflectMessage as _, Value,
};

/// The enum by which a message chooses its own audience.
const AUDIENCE: &str = "isopolity.options.v1.Audience";
/// A tie to a country can reveal where a person comes from: where nobody chose, it is for own staff.
const CAREFUL: &str = "isopolity.registry.v1.DiasporaLink";

/// Removes, at every depth, what the audience may not see, and unknown fields, of which nothing is known.
///
/// The audience of `message` itself is not looked at: whether it may be seen at all is for the caller to decide. To project
/// again for the same or a narrower circle changes nothing.
pub fn project(message: &mut DynamicMessage, audience: Audience) {
    // Taken one by one: dropping the iterator leaves what it has not reached.
    message.take_unknown_fields().for_each(drop);
    if audience < Audience::Internal {
        sole_trader::reduce(message);
    }
    for number in plan_of(&message.descriptor()).hidden_from(audience) {
        message.clear_field_by_number(number);
    }
    let mut refused = Vec::new();
    for (field, value) in message.fields_mut() {
        if holds_messages(&field) && !project_value(value, audience) {
            refused.push(field.number());
        }
    }
    for number in refused {
        message.clear_field_by_number(number);
    }
}

/// A field that holds no message can hold nothing hidden.
fn holds_messages(field: &FieldDescriptor) -> bool {
    match field.kind() {
        FieldKind::Message(entry) if field.is_map() => {
            matches!(entry.map_entry_value_field().kind(), FieldKind::Message(_))
        }
        FieldKind::Message(_) => true,
        _ => false,
    }
}

/// Projects what a field holds. `false`: nothing of it may be seen.
fn project_value(value: &mut Value, audience: Audience) -> bool {
    match value {
        // Messages of `google.protobuf` carry no options of ours; the field that holds one decides for all of it.
        Value::Message(message) if message.descriptor().package_name() == "google.protobuf" => true,
        Value::Message(message) => {
            let seen = plan_of(&message.descriptor()).own(message) <= audience;
            if seen {
                project(message, audience);
            }
            seen
        }
        Value::List(values) => {
            values.retain_mut(|value| project_value(value, audience));
            !values.is_empty()
        }
        Value::Map(entries) => {
            entries.retain(|_, value| project_value(value, audience));
            !entries.is_empty()
        }
        _ => true,
    }
}

/// What the options of a message's fields say.
struct Plan {
    /// The audience of each field.
    fields: Vec<(u32, Audience)>,
    /// The field in which a message states its own audience.
    own: Option<u32>,
    /// Where it states none.
    unstated: Audience,
}

impl Plan {
    fn of(descriptor: &MessageDescriptor) -> Self {
        let states = |one: &FieldDescriptor| {
            one.name() == "audience"
                && !one.is_list()
                && matches!(one.kind(), FieldKind::Enum(known) if known.full_name() == AUDIENCE)
        };
        Self {
            fields: descriptor.fields().map(|one| (one.number(), field::audience(&one))).collect(),
            own: descriptor.fields().find(states).map(|one| one.number()),
            unstated: if descriptor.full_name() == CAREFUL { Audience::Internal } else { Audience::Unspecified },
        }
    }

    fn hidden_from(&self, audience: Audience) -> Vec<u32> {
        self.fields.iter().filter(|(_, needs)| *needs > audience).map(|(number, _)| *number).collect()
    }

    /// For whom the message says that it is. Unspecified: for whoever sees what holds it.
    fn own(&self, message: &DynamicMessage) -> Audience {
        let stated = self.own.and_then(|number| message.get_field_by_number(number));
        match stated.as_deref() {
            Some(Value::EnumNumber(number)) => match Audience::try_from(*number) {
                Ok(Audience::Unspecified) => self.unstated,
                Ok(audience) => audience,
                // A newer value than this software knows: the safe reading is the narrowest.
                Err(_) => Audience::Internal,
            },
            _ => self.unstated,
        }
    }
}

fn plan_of(descriptor: &MessageDescriptor) -> Arc<Plan> {
    static PLANS: LazyLock<RwLock<HashMap<String, Arc<Plan>>>> = LazyLock::new(RwLock::default);
    // Options are decoded once for each message type of the built-in pool; foreign pools (tests) are not remembered.
    if descriptor.parent_pool() != isopolity_proto::pool() {
        return Arc::new(Plan::of(descriptor));
    }
    if let Some(plan) = PLANS.read().unwrap_or_else(std::sync::PoisonError::into_inner).get(descriptor.full_name()) {
        return Arc::clone(plan);
    }
    let plan = Arc::new(Plan::of(descriptor));
    let mut plans = PLANS.write().unwrap_or_else(std::sync::PoisonError::into_inner);
    Arc::clone(plans.entry(descriptor.full_name().to_owned()).or_insert(plan))
}

#[cfg(test)]
mod generated;
#[cfg(test)]
mod tests {
    use isopolity_proto::{
        registry::{Contribution, DiasporaLink, Organization, OrganizationKind, Participant, Partnership},
        to_dynamic,
        types::{ContactPoint, LocalizedText, Money, Provenance, Sector, SectorScheme},
    };

    use super::*;

    fn see<M: prost::Name + Default>(message: &M, audience: Audience) -> M {
        let mut dynamic = to_dynamic(message);
        project(&mut dynamic, audience);
        dynamic.transcode_to().unwrap()
    }

    fn text(text: &str) -> Vec<LocalizedText> {
        vec![LocalizedText { text: text.into(), language: "en".into(), ..Default::default() }]
    }

    #[test]
    fn each_audience_sees_its_own_fields_and_those_of_wider_ones() {
        let partnership = Partnership {
            titles: text("title"),
            lessons: text("lesson"),
            internal_notes: "note".into(),
            ..Default::default()
        };
        let public = see(&partnership, Audience::Public);
        assert_eq!((public.titles.len(), public.lessons.len(), public.internal_notes.as_str()), (1, 0, ""));
        let federation = see(&partnership, Audience::Federation);
        assert_eq!((federation.lessons.len(), federation.internal_notes.as_str()), (1, ""));
        assert_eq!(see(&partnership, Audience::Internal), partnership);
    }

    #[test]
    fn what_is_nested_is_hidden_too() {
        let organization = Organization {
            contact_points: vec![ContactPoint {
                function: "office".into(),
                person_name: "somebody".into(),
                phone: "+351".into(),
                ..Default::default()
            }],
            ..Default::default()
        };
        let contact = &see(&organization, Audience::Public).contact_points[0];
        assert_eq!(
            (contact.function.as_str(), contact.phone.as_str(), contact.person_name.as_str()),
            ("office", "", "")
        );
        let amount = Money { currency_code: "EUR".into(), amount: "1".into() };
        let partnership = Partnership {
            contributions: vec![Contribution { private_amount: Some(amount), ..Default::default() }],
            ..Default::default()
        };
        assert_eq!(see(&partnership, Audience::Federation).contributions[0].private_amount, None);
    }

    #[test]
    fn a_message_that_chooses_its_own_audience_is_for_that_audience() {
        let participant = |audience: Audience, organization: &str| Participant {
            audience: audience.into(),
            organization: organization.into(),
            ..Default::default()
        };
        let partnership = Partnership {
            participants: vec![
                participant(Audience::Unspecified, "everyone"),
                participant(Audience::Federation, "partners"),
                participant(Audience::Internal, "staff"),
            ],
            ..Default::default()
        };
        for (viewer, seen) in [(Audience::Public, 1), (Audience::Federation, 2), (Audience::Internal, 3)] {
            assert_eq!(see(&partnership, viewer).participants.len(), seen, "{viewer:?}");
        }
    }

    #[test]
    fn a_tie_to_a_country_is_for_own_staff_until_somebody_chooses() {
        let link =
            |audience: Audience| DiasporaLink { audience: audience.into(), country: "MA".into(), ..Default::default() };
        let organization = Organization {
            diaspora_links: vec![link(Audience::Unspecified), link(Audience::Federation)],
            ..Default::default()
        };
        for (viewer, seen) in [(Audience::Public, 0), (Audience::Federation, 1), (Audience::Internal, 2)] {
            assert_eq!(see(&organization, viewer).diaspora_links.len(), seen, "{viewer:?}");
        }
    }

    #[test]
    fn of_a_sole_trader_others_see_what_it_is_and_its_divisions() {
        let sector = |scheme: SectorScheme, version: &str, code: &str| Sector {
            scheme: scheme.into(),
            version: version.into(),
            code: code.into(),
            main: true,
            ..Default::default()
        };
        let organization = Organization {
            name: "cities/feira.example/organizations/018f".into(),
            audience: Audience::Public.into(),
            display_names: text("Fatima"),
            kind: OrganizationKind::Enterprise.into(),
            country: "PT".into(),
            website: "https://fatima.example".into(),
            sectors: vec![
                sector(SectorScheme::Nace, "2", "16.29"),
                sector(SectorScheme::Nace, "2", "16.2"),
                sector(SectorScheme::Isic, "4", "1071"),
                sector(SectorScheme::Dac, "5", "32130"),
            ],
            provenance: Some(Provenance {
                source: "Fatima's own list".into(),
                uri: "https://fatima.example/list".into(),
                licence: "CC0-1.0".into(),
                ..Default::default()
            }),
            sole_trader: true,
            ..Default::default()
        };
        for viewer in [Audience::Public, Audience::Federation] {
            let seen = see(&organization, viewer);
            let expected = Organization {
                display_names: Vec::new(),
                website: String::new(),
                sectors: [("16", SectorScheme::Nace, "2"), ("10", SectorScheme::Isic, "4")]
                    .map(|(code, scheme, version)| Sector { main: false, ..sector(scheme, version, code) })
                    .into(),
                provenance: Some(Provenance { licence: "CC0-1.0".into(), ..Default::default() }),
                sole_trader: false,
                ..organization.clone()
            };
            assert_eq!(seen, expected, "{viewer:?}");
            assert_eq!(see(&seen, viewer), seen);
        }
        assert_eq!(see(&organization, Audience::Internal), organization);
        let company = Organization { sole_trader: false, ..organization };
        assert_eq!(see(&company, Audience::Public).display_names.len(), 1);
    }

    #[test]
    fn unknown_fields_do_not_leave() {
        // Field 1000, varint 1: something that a newer version added.
        let mut dynamic =
            DynamicMessage::decode(isopolity_proto::descriptor::<Partnership>(), &[0xc0, 0x3e, 0x01][..]).unwrap();
        assert_eq!(dynamic.unknown_fields().count(), 1);
        project(&mut dynamic, Audience::Public);
        assert_eq!(dynamic.unknown_fields().count(), 0);
    }
}
