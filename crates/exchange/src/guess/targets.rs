//! Where in a resource a meaning goes.

use super::words::Meaning;

/// Whether values that fit this meaning fit hardly any other.
pub(super) fn is_telling(meaning: Meaning) -> bool {
    matches!(
        meaning,
        Meaning::Country
            | Meaning::OriginCountry
            | Meaning::PartnerCountry
            | Meaning::Latitude
            | Meaning::Longitude
            | Meaning::Lei
            | Meaning::Wikidata
            | Meaning::Mailbox
            | Meaning::Website
            | Meaning::Sector
            | Meaning::Currency
    )
}

/// Where a meaning goes: the first of these that the kind has.
pub(super) fn targets(meaning: Meaning) -> &'static [&'static str] {
    match meaning {
        Meaning::Name => &["display_names[0].text", "titles[0].text", "names[0].text", "labels[0].text"],
        Meaning::ShortText => &["summaries[0].text", "descriptions[0].text", "remarks[0].text", "notes[0].text"],
        Meaning::Country => &[
            "country",
            "place.country",
            "countries[]",
            "origin_country",
            "parties[0].place.country",
            "origin_countries[]",
        ],
        Meaning::OriginCountry => {
            &["origin_country", "origin_countries[]", "partner_countries[]", "diaspora_countries[]", "countries[]"]
        }
        Meaning::City => &[
            "seat.names[0].text",
            "place.names[0].text",
            "parties[0].display_names[0].text",
            "ends[0].place.names[0].text",
        ],
        Meaning::Partner => &["parties[1].display_names[0].text", "participants[0].display_names[0].text"],
        Meaning::PartnerCountry => &["parties[1].place.country", "partner_countries[]", "origin_countries[]"],
        Meaning::Latitude => {
            &["point.latitude", "place.point.latitude", "seat.point.latitude", "parties[0].place.point.latitude"]
        }
        Meaning::Longitude => {
            &["point.longitude", "place.point.longitude", "seat.point.longitude", "parties[0].place.point.longitude"]
        }
        Meaning::Population => &["population", "place.population", "seat.population", "parties[0].place.population"],
        Meaning::RegisterNumber => &["identifiers[0].value"],
        Meaning::Lei => &["identifiers[1].value"],
        Meaning::Wikidata => &["wikidata", "place.wikidata", "seat.wikidata"],
        Meaning::GeoNames => &["geonames_id", "place.geonames_id", "seat.geonames_id"],
        Meaning::Locode => &["locode", "place.locode", "seat.locode"],
        Meaning::Mailbox => &["contact_points[0].mailbox", "mailbox"],
        Meaning::Phone => &["contact_points[0].phone", "phone"],
        Meaning::Website => &["website", "uri", "document_uris[]"],
        Meaning::Sector => &["sectors[0].code", "sector.code"],
        Meaning::Kind => &["kind", "type"],
        Meaning::Status => &["status", "state"],
        Meaning::Stage => &["stage"],
        Meaning::Size => &["size_class"],
        Meaning::Languages => &["languages[]"],
        Meaning::Signed => &["sign_date", "date"],
        Meaning::Start => &["period.start_date", "planned_period.start_date", "actual_period.start_date", "start_date"],
        Meaning::End => &["period.end_date", "planned_period.end_date", "actual_period.end_date", "end_date"],
        Meaning::Verified => &["last_verified_date"],
        Meaning::Amount => &["amount.amount", "budget.amount", "value.amount", "fee.amount"],
        Meaning::Currency => {
            &["amount.currency_code", "budget.currency_code", "value.currency_code", "fee.currency_code"]
        }
    }
}
