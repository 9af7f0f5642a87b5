//! Lists of twin towns: each row says that a city is twinned with a partner, and becomes an agreement.
//!
//! Two forms of one public extract (Wikidata, property P190) are read: the cleaned one, with country codes, and the raw one,
//! with countries by name and with the mistakes of its source. Rows of other cities are passed over. The country of the raw
//! files may be wrong: a place far outside its country is a doubt, not an error.

use std::{collections::BTreeMap, io::Read, ops::ControlFlow};

use bytes::Bytes;
use isopolity_domain::{Kind, Name, codes, text::fold};
use isopolity_proto::{
    registry::{Agreement, AgreementKind, AgreementParty},
    to_dynamic,
    types::{LocalizedText, Place, Point},
};

use crate::{
    Context, Entry, Flaw, Outcome, Row, country,
    mapping::id_of,
    plausible::why_outside,
    read::rejected,
    stamp,
    table::{self, Header, Layout, Part, Record},
};

/// States that the source still names, folded. Which country it is today depends on the place.
const FORMER: [&str; 6] = [
    "austria-hungary",
    "austrian empire",
    "soviet union",
    "yugoslavia",
    "czechoslovakia",
    "german democratic republic",
];

/// How the columns are called, and how countries are stated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Columns {
    /// `city,city_country,city_lat,…,partner,partner_country,…`, countries by code.
    Clean,
    /// A TSV with `origincityLabel`, `origincountry`, …, `destination_countryLabel`, countries by name.
    Raw,
}

/// The columns of one side.
struct Side {
    name: &'static str,
    country: &'static str,
    latitude: &'static str,
    longitude: &'static str,
    population: &'static str,
}

const CLEAN: [Side; 2] = [
    Side {
        name: "city",
        country: "city_country",
        latitude: "city_lat",
        longitude: "city_lon",
        population: "city_population",
    },
    Side {
        name: "partner",
        country: "partner_country",
        latitude: "partner_lat",
        longitude: "partner_lon",
        population: "partner_population",
    },
];
const RAW: [Side; 2] = [
    Side {
        name: "origincityLabel",
        country: "origincountry",
        latitude: "originlat",
        longitude: "originlong",
        population: "originpopulation",
    },
    Side {
        name: "sistercityLabel",
        country: "destination_countryLabel",
        latitude: "destinationlat",
        longitude: "destinationlong",
        population: "destinationpopulation",
    },
];

impl Columns {
    fn sides(self) -> &'static [Side; 2] {
        match self {
            Self::Clean => &CLEAN,
            Self::Raw => &RAW,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Clean => "the twin-town CSV",
            Self::Raw => "a raw twin-town file",
        }
    }
}

/// Reads a list of twin towns with country codes, `city,city_country,…,partner,partner_country,…`, as the agreements of the
/// context's city.
pub fn twin_towns(reader: impl Read, context: &Context, sink: &mut dyn FnMut(Row) -> ControlFlow<()>) {
    read(reader, Columns::Clean, context, sink);
}

/// Reads a list of twin towns as its source has it, with the countries' names, as the agreements of the context's city.
pub fn twin_towns_raw(reader: impl Read, context: &Context, sink: &mut dyn FnMut(Row) -> ControlFlow<()>) {
    read(reader, Columns::Raw, context, sink);
}

fn read(reader: impl Read, columns: Columns, context: &Context, each: &mut dyn FnMut(Row) -> ControlFlow<()>) {
    let mut places = BTreeMap::new();
    table::csv::read(reader, &Layout::default(), &mut |part| match part {
        Part::Header(header) => {
            places = positions(&header);
            let required =
                columns.sides().iter().flat_map(|side| [side.name, side.country, side.latitude, side.longitude]);
            let missing: Vec<&str> = required.filter(|name| !places.contains_key(*name)).collect();
            if missing.is_empty() {
                return ControlFlow::Continue(());
            }
            let what = format!("the header lacks the columns {}: is this {}?", missing.join(", "), columns.name());
            let _: ControlFlow<()> = each(rejected(1, 0, Bytes::new(), vec![Flaw::of("", what)]));
            ControlFlow::Break(())
        }
        Part::Record(record) => {
            let fields = Fields { places: &places, record: &record, columns };
            let outcome = fields.outcome(context);
            each(Row { line: record.line, bytes: record.bytes, source: record.source, outcome })
        }
        Part::Flawed { line, bytes, flaws, source } => each(rejected(line, bytes, source, flaws)),
    });
}

fn positions(header: &Header) -> BTreeMap<String, usize> {
    header.names.iter().enumerate().map(|(at, name)| (name.clone(), at)).collect()
}

struct Fields<'a> {
    places: &'a BTreeMap<String, usize>,
    record: &'a Record,
    columns: Columns,
}

impl Fields<'_> {
    fn get(&self, column: &str) -> &str {
        self.places.get(column).and_then(|at| self.record.cells.get(*at)).map(|cell| cell.trim()).unwrap_or_default()
    }

    fn outcome(&self, context: &Context) -> Outcome {
        let [own, partner] = self.columns.sides();
        if !context.city_names.contains(&fold(self.get(own.name))) {
            return Outcome::Skipped;
        }
        let places = match (self.place(own), self.place(partner)) {
            (Ok(own), Ok(partner)) => [own, partner],
            (one, other) => {
                let flaws = [one.err(), other.err()].into_iter().flatten().flatten().collect();
                return Outcome::Rejected(flaws);
            }
        };
        let doubts = self.columns.sides().iter().zip(&places).filter_map(|(side, place)| {
            let stated = self.get(side.country);
            if place.country.is_empty() && is_former(stated) {
                let why =
                    format!("{stated:?} does not exist any more, so the country was left out: which one is it today?");
                return Some(Flaw::of(side.country, why));
            }
            let point = place.point.as_ref()?;
            why_outside(&place.country, (point.latitude, point.longitude)).map(|why| Flaw::of(side.country, why))
        });
        let doubts = doubts.collect();
        match self.entry(places, context) {
            Ok(entry) => Outcome::Resources { entries: vec![entry], doubts },
            Err(flaw) => Outcome::Rejected(vec![flaw]),
        }
    }

    fn entry(&self, places: [Place; 2], context: &Context) -> Result<Entry, Flaw> {
        let [own, partner] = places;
        let [own_side, side] = self.columns.sides();
        let party = |place: Place, city: String| AgreementParty {
            display_names: place.names.clone(),
            place: Some(place),
            city,
            ..AgreementParty::default()
        };
        let partner_countries = Some(partner.country.clone()).filter(|code| !code.is_empty()).into_iter().collect();
        let agreement = Agreement {
            titles: vec![english(&format!("{} – {}", self.get(own_side.name), self.get(side.name)))],
            kind: AgreementKind::Twinning.into(),
            partner_countries,
            parties: vec![party(own, format!("cities/{}", context.city)), party(partner, String::new())],
            ..Agreement::default()
        };
        let mut resource = to_dynamic(&agreement);
        stamp::complete(&mut resource, context);
        // The same statement always has the same name: readable, and told apart from homonyms by where the partner is.
        let key = [side.name, side.country, side.latitude, side.longitude].map(|column| self.get(column));
        let id = id_of("twinning", &key).unwrap_or_default();
        let name = Name::new(context.city.clone(), Kind::Agreement, &id);
        Ok(Entry { name: name.map_err(|error| Flaw::of(side.name, error.to_string()))?, resource })
    }

    fn place(&self, side: &Side) -> Result<Place, Vec<Flaw>> {
        let mut flaws = Vec::new();
        let mut keep = |column: &str, why: String| flaws.push(Flaw::of(column, why));
        let text = self.get(side.name);
        if text.is_empty() {
            keep(side.name, "is required".to_owned());
        }
        let code = self.country(side).unwrap_or_else(|why| {
            keep(side.country, why);
            String::new()
        });
        let mut degrees = |column: &'static str, limit: f64| {
            let cell = self.get(column);
            if cell.is_empty() {
                return None;
            }
            let number = cell.parse::<f64>().ok().filter(|degrees| degrees.abs() <= limit);
            if number.is_none() {
                keep(column, format!("{cell:?} is not a number of degrees from -{limit} to {limit}"));
            }
            Some(number.unwrap_or_default())
        };
        let point = match (degrees(side.latitude, 90.0), degrees(side.longitude, 180.0)) {
            (Some(latitude), Some(longitude)) => Some(Point { latitude, longitude }),
            (None, None) => None,
            (None, _) => {
                keep(side.latitude, "is missing although there is a longitude".to_owned());
                None
            }
            (_, None) => {
                keep(side.longitude, "is missing although there is a latitude".to_owned());
                None
            }
        };
        let population = match self.get(side.population) {
            "" => 0,
            number => number.parse::<i64>().ok().filter(|number| *number >= 0).unwrap_or_else(|| {
                keep(side.population, format!("{number:?} is not a number of inhabitants"));
                0
            }),
        };
        if flaws.is_empty() {
            Ok(Place { names: vec![english(text)], country: code, point, population, ..Place::default() })
        } else {
            Err(flaws)
        }
    }

    fn country(&self, side: &Side) -> Result<String, String> {
        let text = self.get(side.country);
        match self.columns {
            _ if text.is_empty() => Ok(String::new()),
            Columns::Clean => {
                codes::check("iso3166-1", text).map(|()| text.to_owned()).map_err(|error| error.to_string())
            }
            Columns::Raw if is_former(text) => Ok(String::new()),
            Columns::Raw => country::code_of(text),
        }
    }
}

/// Whether the source names a state of the past.
fn is_former(country: &str) -> bool {
    FORMER.contains(&fold(country).as_str())
}

/// The source's labels are English.
fn english(text: &str) -> LocalizedText {
    LocalizedText { text: text.to_owned(), language: "en".to_owned(), ..LocalizedText::default() }
}

#[cfg(test)]
mod tests;
