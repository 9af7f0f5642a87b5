//! A partnership as an activity. The order of the elements is that of the schema.

use isopolity_proto::{
    registry::{Organization, Participant, ParticipantRole, PartnershipEnd, Side},
    types::{ContactPoint, Document, LocalizedText, Sector, SectorScheme},
};
use time::OffsetDateTime;

use super::{
    super::terms,
    Activity, contribution, date_time, reference, result,
    tag::{self, Tag},
};

/// Where WGS 84 is meant.
const WGS_84: &str = "http://www.opengis.net/def/crs/EPSG/0/4326";
/// The category of a document whose kind is not known: an activity's page on the web.
const ANY_CATEGORY: &str = "A12";
/// The media type of a document whose kind is not known.
const ANY_MEDIA_TYPE: &str = "application/octet-stream";

pub(super) fn write(activity: &Activity<'_>) -> Tag {
    let partnership = activity.partnership;
    let published = activity.published_by();
    let identifier = identifier(activity);
    let changed = partnership.update_time.as_ref().and_then(|time| {
        let seconds = OffsetDateTime::from_unix_timestamp(time.seconds).ok()?;
        date_time(seconds)
    });
    let mut tag = Tag::new("iati-activity").with_stated("xml:lang", activity.language);
    tag = tag.with_stated("last-updated-datetime", &changed.unwrap_or_default());
    tag.holding([Tag::new("iati-identifier").text(&identifier), reporting_organisation(activity, published.is_some())])
        .holding([activity.texts_or("title", &partnership.titles, &identifier)])
        .holding(descriptions(activity, &identifier))
        .holding(participating_organisations(activity))
        .holding(published.map(|organization| original_reporter(activity, organization)))
        .holding([status(activity)])
        .holding(dates(activity))
        .holding(contacts(activity))
        .holding(coded("activity-scope", &partnership.scope))
        .holding(partnership.origin_countries.iter().map(|country| Tag::new("recipient-country").with("code", country)))
        .holding(partnership.ends.iter().filter_map(|end| location(activity, end)))
        .holding(partnership.sectors.iter().map(|one| sector(activity, one)))
        .holding(partnership.sdg_goals.iter().map(|goal| Tag::new("tag").with("vocabulary", "2").with("code", goal)))
        .holding(
            partnership.sdg_targets.iter().map(|target| Tag::new("tag").with("vocabulary", "3").with("code", target)),
        )
        .holding(coded("collaboration-type", &partnership.collaboration_type))
        .holding(contribution::budgets(activity))
        .holding(contribution::transactions(activity))
        .holding(partnership.documents.iter().filter_map(|one| document(activity, one)))
        .holding(activity.related.observations.iter().map(|observation| result::write(activity, observation)))
}

impl<'a> Activity<'a> {
    /// The other organisation that published what this registry passes on.
    fn published_by(&self) -> Option<&'a Organization> {
        let reporter = |participant: &&Participant| participant.roles.contains(&ParticipantRole::Reporter.into());
        let participant = self.partnership.participants.iter().find(reporter)?;
        let organization = self.organization(&participant.organization)?;
        (reference(organization) != self.reporter.reference).then_some(organization)
    }
}

/// The activity's identifier: its own, else the reporter's with the last part of the resource name.
fn identifier(activity: &Activity<'_>) -> String {
    let own = activity.partnership.iati_identifier.trim();
    if !own.is_empty() {
        return own.to_owned();
    }
    let id = activity.partnership.name.rsplit('/').next().unwrap_or_default();
    format!("{}-{id}", activity.reporter.reference)
}

fn reporting_organisation(activity: &Activity<'_>, secondary: bool) -> Tag {
    let reporter = activity.reporter;
    Tag::new("reporting-org")
        .with("ref", &reporter.reference)
        .with("type", terms::type_of(reporter.kind))
        .with("secondary-reporter", if secondary { "1" } else { "0" })
        .holding(activity.texts_or("reporting-org", &reporter.names, &reporter.reference).into_children())
}

/// Who published the activity before this registry passed it on.
fn original_reporter(activity: &Activity<'_>, organization: &Organization) -> Tag {
    let reference = reference(organization);
    let owner =
        Tag::new("owner-org").with_stated("ref", &reference).with_own("type", terms::type_of(organization.kind()));
    Tag::new("other-identifier")
        .with("ref", if reference.is_empty() { activity.partnership.iati_identifier.as_str() } else { &reference })
        .with("type", "B1")
        .holding([owner.holding(activity.narratives(&organization.display_names))])
}

/// A description is required: where there is none, the title describes.
fn descriptions(activity: &Activity<'_>, identifier: &str) -> Vec<Tag> {
    let partnership = activity.partnership;
    let general = activity.texts("description", &partnership.summaries).map(|tag| tag.with("type", "1"));
    let aims = activity.texts("description", &partnership.aims).map(|tag| tag.with("type", "2"));
    let described: Vec<Tag> = general.into_iter().chain(aims).collect();
    if described.is_empty() {
        return vec![activity.texts_or("description", &partnership.titles, identifier).with("type", "1")];
    }
    described
}

/// One element for each role of each participant; at least one: if nobody may be shown, the reporter answers for it.
fn participating_organisations(activity: &Activity<'_>) -> Vec<Tag> {
    let mut tags = Vec::new();
    for participant in &activity.partnership.participants {
        let organization = activity.organization(&participant.organization);
        let mut codes: Vec<&str> = Vec::new();
        for role in participant.roles() {
            if let Some(code) = terms::role_code(role)
                && !codes.contains(&code)
            {
                codes.push(code);
            }
        }
        for code in codes {
            tags.push(match organization {
                Some(organization) => organisation("participating-org", activity, organization).with("role", code),
                None => {
                    let names =
                        activity.texts_or("participating-org", &participant.display_names, &participant.organization);
                    names.with("role", code)
                }
            });
        }
    }
    if tags.is_empty() {
        let reporter = activity.reporter;
        let tag =
            Tag::new("participating-org").with("ref", &reporter.reference).with("type", terms::type_of(reporter.kind));
        tags.push(tag.with("role", "2").not_stated());
    }
    tags
}

/// An element that names an organisation of a registry.
pub(super) fn organisation(name: &'static str, activity: &Activity<'_>, organization: &Organization) -> Tag {
    Tag::new(name)
        .with_stated("ref", &reference(organization))
        .with("type", terms::type_of(organization.kind()))
        .holding(activity.narratives(&organization.display_names))
}

fn status(activity: &Activity<'_>) -> Tag {
    let partnership = activity.partnership;
    let ended = partnership.ending.as_ref().map(|ending| ending.date.as_str());
    let suspended = partnership.suspension.as_ref().map(|suspension| suspension.start_date.as_str());
    let tag = Tag::new("activity-status").with("code", terms::status_code(partnership));
    match ended.or(suspended).filter(|date| !date.is_empty()) {
        Some(date) => tag.with_own("date", date),
        None => tag,
    }
}

/// The dates that are known; one is required.
fn dates(activity: &Activity<'_>) -> Vec<Tag> {
    let partnership = activity.partnership;
    let (planned, actual) =
        (partnership.planned_period.clone().unwrap_or_default(), partnership.actual_period.clone().unwrap_or_default());
    let known = [
        ("1", planned.start_date, false),
        ("2", actual.start_date, false),
        ("3", planned.end_date, true),
        ("4", actual.end_date, true),
    ];
    let dated = known.into_iter().filter(|(_, date, last)| tag::day(date, *last).is_some());
    let tags: Vec<Tag> = dated
        .map(|(kind, date, last)| Tag::new("activity-date").with("type", kind).with_date("iso-date", &date, last))
        .collect();
    if tags.is_empty() {
        return vec![
            Tag::new("activity-date").with("type", "1").with_date("iso-date", &activity.some_day(), false).not_stated(),
        ];
    }
    tags
}

impl Activity<'_> {
    /// A day for where the schema wants one and none is known: when the record came into being, else when the file did.
    pub(super) fn some_day(&self) -> String {
        let created = self.partnership.create_time.as_ref().map(|time| time.seconds);
        let created = created.and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok());
        let time = created.filter(|time| (1..=9999).contains(&time.year())).unwrap_or(self.generated);
        format!("{:04}-{:02}-{:02}", time.year().clamp(1, 9999), u8::from(time.month()), time.day())
    }
}

/// The offices that can be written to, and the site of whoever published the activity.
fn contacts(activity: &Activity<'_>) -> Vec<Tag> {
    let office = |contact: &ContactPoint| {
        let name = LocalizedText {
            text: contact.function.clone(),
            language: activity.language.to_owned(),
            ..Default::default()
        };
        Tag::new("contact-info")
            .holding(activity.texts("department", &[name]))
            .holding(line("telephone", &contact.phone))
            .holding(line("email", &contact.mailbox))
    };
    let mut tags: Vec<Tag> = activity.partnership.contact_points.iter().map(office).collect();
    if let Some(organization) = activity.published_by()
        && let Some(website) = tag::address(&organization.website)
    {
        let name = activity.texts("organisation", &organization.display_names);
        tags.push(Tag::new("contact-info").holding(name).holding([Tag::new("website").text(&website)]));
    }
    tags
}

fn line(name: &'static str, text: &str) -> Option<Tag> {
    (!text.is_empty()).then(|| Tag::new(name).text(text))
}

fn coded(name: &'static str, code: &str) -> Option<Tag> {
    (!code.is_empty()).then(|| Tag::new(name).with("code", code))
}

fn location(activity: &Activity<'_>, end: &PartnershipEnd) -> Option<Tag> {
    let place = end.place.as_ref()?;
    let name = activity.texts("name", &place.names)?;
    let location = match end.side() {
        Side::Destination => Tag::new("location").with_own("side", "destination"),
        Side::Third => Tag::new("location").with_own("side", "third"),
        Side::Origin | Side::Unspecified => Tag::new("location"),
    };
    let geonames = (place.geonames_id > 0)
        .then(|| Tag::new("location-id").with("vocabulary", "G1").with("code", place.geonames_id.to_string()));
    let country = (!place.country.is_empty())
        .then(|| Tag::new("administrative").with("vocabulary", "A4").with("level", "0").with("code", &place.country));
    let point = place.point.filter(|point| point.latitude.is_finite() && point.longitude.is_finite()).map(|point| {
        let position = Tag::new("pos").text(&format!("{} {}", point.latitude, point.longitude));
        Tag::new("point").with("srsName", WGS_84).holding([position])
    });
    Some(location.holding(geonames).holding([name]).holding(country).holding(point))
}

fn sector(activity: &Activity<'_>, sector: &Sector) -> Tag {
    let unknown = sector.vocabulary_uri.strip_prefix(terms::SECTOR_VOCABULARIES);
    let (vocabulary, uri) = match (sector.scheme(), sector.version.as_str(), unknown) {
        (SectorScheme::Dac, "3", _) => ("2", ""),
        (SectorScheme::Dac, ..) => ("1", ""),
        (SectorScheme::Nace, "2.1", _) => ("99", terms::NACE_2_1),
        (SectorScheme::Nace, ..) => ("4", ""),
        (SectorScheme::Isic, ..) => ("99", terms::ISIC_4),
        (_, _, Some(vocabulary)) => (vocabulary, ""),
        _ => ("99", sector.vocabulary_uri.as_str()),
    };
    let share = if crate::schema::is_decimal(&sector.share_percent) { sector.share_percent.as_str() } else { "" };
    Tag::new("sector")
        .with("vocabulary", vocabulary)
        .with_stated("vocabulary-uri", &tag::address(uri).unwrap_or_default())
        .with("code", &sector.code)
        .with_stated("percentage", share)
        .holding(activity.narratives(&sector.labels))
}

/// A document that has an address.
fn document(activity: &Activity<'_>, document: &Document) -> Option<Tag> {
    let address = [&document.uri, &document.reference].into_iter().find(|text| !text.is_empty())?;
    let address = tag::address(address)?;
    let format = if document.media_type.is_empty() { ANY_MEDIA_TYPE } else { &document.media_type };
    let mut categories: Vec<Tag> =
        document.categories.iter().map(|category| Tag::new("category").with("code", category)).collect();
    if categories.is_empty() {
        categories.push(Tag::new("category").with("code", ANY_CATEGORY));
    }
    let date =
        tag::day(&document.date, false).map(|_| Tag::new("document-date").with_date("iso-date", &document.date, false));
    let tag = Tag::new("document-link")
        .with("format", format)
        .with("url", &address)
        .holding([activity.texts_or("title", &document.titles, &address)])
        .holding(activity.texts("description", &document.descriptions))
        .holding(categories)
        .holding(document.languages.iter().map(|language| Tag::new("language").with("code", language)))
        .holding(date);
    Some(tag)
}
