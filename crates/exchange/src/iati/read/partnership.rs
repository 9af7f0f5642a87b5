//! The partnership that an activity describes.

use isopolity_domain::{Kind, Name};
use isopolity_proto::{
    registry::{Ending, EndingKind, Participant, ParticipantRole, Partnership, PartnershipEnd, Side, Suspension},
    to_dynamic,
    types::{ContactPoint, Document, LocalizedText, Period, Place, Point, Sector, SectorScheme},
};

use super::{
    super::terms,
    Activity, all, code, extension, first, money,
    organization::{Organizations, identify, is_own},
    result, words,
};
use crate::row::Entry;

/// Where WGS 84 is meant. Points of other systems are passed over.
const WGS_84: &str = "http://www.opengis.net/def/crs/EPSG/0/4326";

/// The resources of an activity. `None` if it can't be named; else what is wrong is among the activity's flaws.
pub(super) fn read(activity: &mut Activity<'_>) -> Option<Vec<Entry>> {
    let identifier =
        activity.first("iati-identifier").map(|element| element.text().trim().to_owned()).unwrap_or_default();
    if identifier.is_empty() {
        activity.flaw(
            "iati-identifier",
            0,
            "",
            "is empty: without it the activity could not be recognised when it comes again",
        );
        return None;
    }
    let name = Name::new(activity.context.city.clone(), Kind::Partnership, &identify(&identifier, &identifier)).ok()?;
    let (mut summaries, mut aims) = (Vec::new(), Vec::new());
    for description in activity.all("description") {
        let texts = words::narratives(description, &activity.language);
        if code(description, "type") == "2" { aims.extend(texts) } else { summaries.extend(texts) }
    }
    let titles = activity.first("title").map(|title| words::narratives(title, &activity.language)).unwrap_or_default();
    if titles.is_empty() {
        activity.flaw("title", 0, "", "is empty: a partnership has a title");
    }
    let countries = countries(activity);
    let mut organizations = Organizations::default();
    let participants = participants(activity, &mut organizations, &countries);
    let mut partnership = Partnership {
        name: name.to_string(),
        audience: activity.context.audience.into(),
        provenance: Some(activity.context.provenance.clone()),
        titles,
        summaries: words::paragraphs(summaries),
        aims: words::paragraphs(aims),
        ends: ends(activity, &countries),
        origin_countries: countries,
        participants,
        iati_identifier: identifier,
        scope: activity.code("activity-scope"),
        collaboration_type: activity.code("collaboration-type"),
        documents: activity.all("document-link").map(|link| document(link, &activity.language)).collect(),
        ..Default::default()
    };
    sectors(activity, &mut partnership);
    dates(activity, &mut partnership);
    status(activity, &mut partnership);
    contacts(activity, &mut partnership, &mut organizations);
    partnership.contributions = money::read(activity, &organizations, &partnership);
    let observations = result::read(activity, &name);
    let mut entries: Vec<Entry> = organizations.into_entries().collect();
    entries.push(Entry { resource: to_dynamic(&partnership), name });
    entries.extend(observations);
    Some(entries)
}

/// The countries that the activity or one of its transactions is for, each once.
fn countries(activity: &Activity<'_>) -> Vec<String> {
    let of_transactions = activity.all("transaction").flat_map(|transaction| all(transaction, "recipient-country"));
    let mut countries: Vec<String> = Vec::new();
    for element in activity.all("recipient-country").chain(of_transactions) {
        let country = code(element, "code");
        if !country.is_empty() && !countries.contains(&country) {
            countries.push(country);
        }
    }
    countries
}

/// Who takes part: first whoever published the activity, then the others, each once with all its roles.
fn participants(
    activity: &mut Activity<'_>,
    organizations: &mut Organizations,
    countries: &[String],
) -> Vec<Participant> {
    let mut participants: Vec<Participant> = Vec::new();
    let mut add = |name: &Name, role: ParticipantRole| {
        let organization = name.to_string();
        match participants.iter_mut().find(|participant| participant.organization == organization) {
            Some(known) if known.roles.contains(&role.into()) => {}
            Some(known) => known.roles.push(role.into()),
            None => participants.push(Participant { organization, roles: vec![role.into()], ..Default::default() }),
        }
    };
    // A registry that passes on what another published names that one as the owner of the identifier.
    let secondary = activity
        .first("reporting-org")
        .filter(|reporter| matches!(reporter.attribute("secondary-reporter").map(str::trim), Some("1" | "true")));
    let original = activity
        .all("other-identifier")
        .filter(|identifier| secondary.is_some() && code(identifier, "type") == "B1")
        .find_map(|identifier| first(identifier, "owner-org"));
    if let Some(reporter) = original.or_else(|| activity.first("reporting-org")) {
        match organizations.enter(reporter, activity, countries) {
            Some(known) => add(&known.name, ParticipantRole::Reporter),
            None => activity.flaw("reporting-org", 0, "", "has neither a ref nor a narrative: nobody is named"),
        }
    }
    for (at, element) in activity.all("participating-org").enumerate() {
        if extension(element, "stated") == Some("0") {
            continue;
        }
        let Some(known) = organizations.enter(element, activity, countries) else {
            activity.flaw("participating-org", at, "", "has neither a ref nor a narrative: nobody is named");
            continue;
        };
        let written = code(element, "role");
        let kind = known.organization.kind();
        match terms::role(&written, kind, is_own(known, activity)) {
            Some(role) => add(&known.name, role),
            None => activity.flaw(
                "participating-org",
                at,
                "/@role",
                format!("{written:?} is not a role; 1, 2, 3 or 4 would be"),
            ),
        }
    }
    participants
}

/// The places that have a name.
fn ends(activity: &mut Activity<'_>, countries: &[String]) -> Vec<PartnershipEnd> {
    let mut ends = Vec::new();
    for (at, location) in activity.all("location").enumerate() {
        let mut names = words::narratives_of(location, "name", &activity.language);
        if names.is_empty() {
            names = words::narratives_of(location, "description", &activity.language);
        }
        if names.is_empty() {
            continue;
        }
        let vocabulary = |name: &'static str, vocabulary: &str| {
            all(location, name)
                .find(|element| code(element, "vocabulary") == vocabulary)
                .map(|element| code(element, "code"))
        };
        let country = vocabulary("administrative", "A4").or_else(|| match countries {
            [only] => Some(only.clone()),
            _ => None,
        });
        let point = match point(location) {
            Ok(point) => point,
            Err(description) => {
                activity.flaw("location", at, "/point/pos", description);
                None
            }
        };
        let place = Place {
            names,
            country: country.unwrap_or_default(),
            geonames_id: vocabulary("location-id", "G1").and_then(|id| id.parse().ok()).unwrap_or_default(),
            point,
            ..Default::default()
        };
        let side = match extension(location, "side") {
            Some("destination") => Side::Destination,
            Some("third") => Side::Third,
            _ => Side::Origin,
        };
        ends.push(PartnershipEnd { side: side.into(), place: Some(place) });
    }
    ends
}

fn point(location: &crate::schema::tree::Element) -> Result<Option<Point>, String> {
    let Some(point) = first(location, "point").filter(|point| code(point, "srsName") == WGS_84) else {
        return Ok(None);
    };
    let text = first(point, "pos").map(|pos| pos.text()).unwrap_or_default();
    let mut numbers = text.split_ascii_whitespace().map(str::parse::<f64>);
    match (numbers.next(), numbers.next(), numbers.next()) {
        (Some(Ok(latitude)), Some(Ok(longitude)), None)
            if (-90.0..=90.0).contains(&latitude) && (-180.0..=180.0).contains(&longitude) =>
        {
            Ok(Some(Point { latitude, longitude }))
        }
        (None, ..) => Ok(None),
        _ => Err(format!("{:?} has to be a latitude from -90 to 90 and a longitude from -180 to 180", text.trim())),
    }
}

/// Sectors and goals. Those of the transactions count only where the activity itself states none.
fn sectors(activity: &Activity<'_>, partnership: &mut Partnership) {
    let of_transactions = || activity.all("transaction").flat_map(|transaction| all(transaction, "sector"));
    let own: Vec<_> = activity.all("sector").collect();
    let stated = if own.is_empty() { of_transactions().collect() } else { own };
    let (goals, targets) = (&mut partnership.sdg_goals, &mut partnership.sdg_targets);
    let enter = |codes: &mut Vec<String>, code: String| {
        if !code.is_empty() && !codes.contains(&code) {
            codes.push(code);
        }
    };
    for element in stated {
        let (vocabulary, sector_code) = (code(element, "vocabulary"), code(element, "code"));
        let uri = code(element, "vocabulary-uri");
        let (scheme, version) = match (vocabulary.as_str(), uri.as_str()) {
            ("7", _) => {
                enter(goals, sector_code);
                continue;
            }
            ("8", _) => {
                enter(targets, sector_code);
                continue;
            }
            ("" | "1", _) => (SectorScheme::Dac, "5"),
            ("2", _) => (SectorScheme::Dac, "3"),
            ("4", _) => (SectorScheme::Nace, "2"),
            ("99", terms::NACE_2_1) => (SectorScheme::Nace, "2.1"),
            ("99", terms::ISIC_4) => (SectorScheme::Isic, "4"),
            _ => (SectorScheme::Other, ""),
        };
        let other = scheme == SectorScheme::Other;
        let web = uri.starts_with("https://") || uri.starts_with("http://");
        let vocabulary_uri = match (other, web) {
            (true, true) => uri,
            (true, false) => format!("{}{vocabulary}", terms::SECTOR_VOCABULARIES),
            _ => String::new(),
        };
        let sector = Sector {
            scheme: scheme.into(),
            version: version.to_owned(),
            code: sector_code,
            vocabulary_uri,
            labels: if other { words::narratives(element, &activity.language) } else { Vec::new() },
            share_percent: element.attribute("percentage").and_then(words::decimal).unwrap_or_default(),
            ..Default::default()
        };
        let same = |known: &Sector| {
            (known.scheme, &known.version, &known.code, &known.vocabulary_uri)
                == (sector.scheme, &sector.version, &sector.code, &sector.vocabulary_uri)
        };
        if !partnership.sectors.iter().any(same) {
            partnership.sectors.push(sector);
        }
    }
    for tag in activity.all("tag") {
        match code(tag, "vocabulary").as_str() {
            "2" => enter(goals, code(tag, "code")),
            "3" => enter(targets, code(tag, "code")),
            _ => {}
        }
    }
}

/// Planned and actual begin and end; of several dates of one type the first.
fn dates(activity: &Activity<'_>, partnership: &mut Partnership) {
    let date = |kind: &str| {
        let found = activity.all("activity-date").find(|date| code(date, "type") == kind);
        found.map(|element| words::date(element, "iso-date")).unwrap_or_default()
    };
    let period = |start: &str, end: &str| {
        let period = Period { start_date: date(start), end_date: date(end) };
        (!period.start_date.is_empty() || !period.end_date.is_empty()).then_some(period)
    };
    partnership.planned_period = period("1", "3");
    partnership.actual_period = period("2", "4");
}

/// Stage, ending and suspension. When it ended or was suspended is the actual end, else the planned one, else the day on
/// which the activity was last changed at its source, else the day on which it began.
fn status(activity: &mut Activity<'_>, partnership: &mut Partnership) {
    let Some(element) = activity.first("activity-status") else { return };
    let written = code(element, "code");
    let Some((stage, ending)) = terms::stage(&written) else {
        activity.flaw("activity-status", 0, "/@code", format!("{written:?} is not a status; 1 to 6 would be"));
        return;
    };
    partnership.set_stage(stage);
    let period = |period: &Option<Period>| period.clone().unwrap_or_default();
    let (planned, actual) = (period(&partnership.planned_period), period(&partnership.actual_period));
    let changed: String = code(activity.element, "last-updated-datetime").chars().take(10).collect();
    let stated = extension(element, "date").unwrap_or_default().to_owned();
    let since = [stated, actual.end_date, planned.end_date, changed, actual.start_date, planned.start_date];
    let since = since.into_iter().find(|date| !date.is_empty()).unwrap_or_default();
    if ending != EndingKind::Unspecified {
        let reason = if ending == EndingKind::Completed { "" } else { "its source calls it cancelled" };
        partnership.ending = Some(Ending { kind: ending.into(), date: since, reason: reason.to_owned() });
    } else if written == "6" {
        let reason = String::from("its source calls it suspended");
        // Nobody there says when it is looked at again, so somebody here should look now.
        partnership.suspension = Some(Suspension { start_date: since.clone(), reason, review_date: since });
    }
}

/// Offices that can be written to, and the site of whoever published the activity.
fn contacts(activity: &Activity<'_>, partnership: &mut Partnership, organizations: &mut Organizations) {
    let reporter =
        partnership.participants.first().and_then(|participant| participant.organization.parse::<Name>().ok());
    for contact in activity.all("contact-info") {
        let line = |name: &'static str| {
            first(contact, name).map(|element| element.text().trim().to_owned()).unwrap_or_default()
        };
        let narrative = |name: &'static str| {
            words::narratives_of(contact, name, &activity.language)
                .into_iter()
                .next()
                .map(|text| text.text)
                .unwrap_or_default()
        };
        let organization = narrative("organisation");
        let office = [narrative("department"), narrative("job-title")].into_iter().find(|text| !text.is_empty());
        let (mailbox, phone, website) = (line("email"), line("telephone"), line("website"));
        if office.is_some() || !mailbox.is_empty() || !phone.is_empty() {
            let function = office.unwrap_or_else(|| organization.clone());
            let function = if function.is_empty() { String::from("contact") } else { function };
            let point = ContactPoint { function, mailbox, phone, ..Default::default() };
            if !partnership.contact_points.contains(&point) {
                partnership.contact_points.push(point);
            }
        }
        let web = website.starts_with("https://") || website.starts_with("http://");
        if let Some(reporter) = reporter.as_ref().filter(|_| web) {
            let names = organizations.known(reporter).map(|known| &known.organization.display_names);
            let own = names.is_some_and(|names| names.iter().any(|name| name.text == organization));
            if own || organization.is_empty() {
                organizations.set_website(reporter, website);
            }
        }
    }
}

fn document(link: &crate::schema::tree::Element, language: &str) -> Document {
    let address = code(link, "url");
    let web = address.starts_with("https://") || address.starts_with("http://");
    // Whatever is no address of the web is kept as the place where the document is.
    let (uri, reference) = if web { (address, String::new()) } else { (String::new(), address) };
    let codes = |name: &'static str| {
        all(link, name).map(|element| code(element, "code")).filter(|code| !code.is_empty()).collect()
    };
    let texts = |name: &'static str| -> Vec<LocalizedText> { words::narratives_of(link, name, language) };
    Document {
        titles: texts("title"),
        descriptions: texts("description"),
        uri,
        reference,
        media_type: code(link, "format"),
        categories: codes("category"),
        languages: codes("language"),
        date: first(link, "document-date").map(|date| words::date(date, "iso-date")).unwrap_or_default(),
        ..Default::default()
    }
}
