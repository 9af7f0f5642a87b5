//! The twin-town CSV: each row says that a city is twinned with a partner, and becomes an agreement.

use std::{
    collections::BTreeMap,
    io::{self, Read},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use csv::StringRecord;
use isopolity_domain::{
    CityId, Kind, Name, codes,
    text::{fold, hexadecimal, slug},
};
use isopolity_proto::{
    options::Audience,
    registry::{Agreement, AgreementKind, AgreementParty, ImportStart},
    to_dynamic,
    types::{LocalizedText, Place, Point, Provenance, ProvenanceMethod},
};
use sha2::{Digest as _, Sha256};
use tokio::sync::mpsc;

use super::{LINE_MAX, Parsed, Row, rejected};

/// The columns without which a row says nothing.
const REQUIRED: [&str; 8] =
    ["city", "city_country", "city_lat", "city_lon", "partner", "partner_country", "partner_lat", "partner_lon"];

/// How rows become agreements of one city.
#[derive(Debug)]
pub(super) struct Mapping {
    city: CityId,
    /// The spellings under which the city stands in the file, folded.
    source_cities: Vec<String>,
    provenance: Provenance,
}

impl Mapping {
    pub(super) fn new(city: CityId, source_cities: Vec<String>, start: &ImportStart) -> Self {
        let provenance = Provenance {
            source: start.source.clone(),
            licence: start.licence.clone(),
            method: ProvenanceMethod::Imported.into(),
            ..Default::default()
        };
        Self { city, source_cities, provenance }
    }
}

/// Parses a file until its end, or until nobody wants its rows any more.
pub(super) fn parse(reader: impl Read, mapping: &Mapping, rows: &mpsc::Sender<Parsed>) {
    let since_row = Arc::new(AtomicUsize::new(0));
    let reader = Bounded { inner: reader, since_row: Arc::clone(&since_row) };
    let mut file = csv::ReaderBuilder::new().flexible(true).from_reader(reader);
    let columns = match header(&mut file) {
        Ok(columns) => columns,
        Err(row) => {
            drop(rows.blocking_send(Parsed { row, bytes: 0 }));
            return;
        }
    };
    let mut record = csv::ByteRecord::new();
    loop {
        since_row.store(0, Ordering::Relaxed);
        let row = match file.read_byte_record(&mut record) {
            Ok(false) => return,
            Ok(true) => {
                let line = record.position().map_or(0, |position| i64::try_from(position.line()).unwrap_or_default());
                match StringRecord::from_byte_record(record.clone()) {
                    Ok(text) => Fields { line, columns: &columns, record: &text }.row(mapping),
                    Err(error) => {
                        let at = error.utf8_error().field();
                        let column = columns.iter().find(|(_, position)| **position == at).map_or("", |(name, _)| name);
                        rejected(line, column, 0, "is not UTF-8: save the file as UTF-8")
                    }
                }
            }
            Err(error) => {
                let line = error.position().map_or(0, |position| i64::try_from(position.line()).unwrap_or_default());
                let row = rejected(line, "", 0, format!("the file can't be read further: {error}"));
                drop(rows.blocking_send(Parsed { row, bytes: bytes_read(&file) }));
                return;
            }
        };
        if rows.blocking_send(Parsed { row, bytes: bytes_read(&file) }).is_err() {
            return;
        }
    }
}

/// A reader that gives up where a row does not end, so that a quote that is never closed does not fill the memory.
struct Bounded<R> {
    inner: R,
    since_row: Arc<AtomicUsize>,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.since_row.load(Ordering::Relaxed) > LINE_MAX {
            let what = format!("a row is longer than {LINE_MAX} bytes: is a quote not closed?");
            return Err(io::Error::new(io::ErrorKind::InvalidData, what));
        }
        let taken = self.inner.read(buffer)?;
        self.since_row.fetch_add(taken, Ordering::Relaxed);
        Ok(taken)
    }
}

fn bytes_read(file: &csv::Reader<impl Read>) -> i64 {
    i64::try_from(file.position().byte()).unwrap_or_default()
}

/// Where each column stands.
fn header(file: &mut csv::Reader<impl Read>) -> Result<BTreeMap<String, usize>, Row> {
    let header = match file.headers() {
        Ok(header) => header,
        Err(error) => return Err(rejected(1, "", 0, format!("the header can't be read: {error}"))),
    };
    let columns: BTreeMap<String, usize> = header
        .iter()
        .enumerate()
        .map(|(at, name)| (name.trim_start_matches('\u{feff}').trim().to_owned(), at))
        .collect();
    let missing: Vec<&str> = REQUIRED.into_iter().filter(|name| !columns.contains_key(*name)).collect();
    if missing.is_empty() {
        Ok(columns)
    } else {
        Err(rejected(
            1,
            "",
            0,
            format!("the header lacks the columns {}: is this the twin-town CSV?", missing.join(", ")),
        ))
    }
}

struct Fields<'a> {
    line: i64,
    columns: &'a BTreeMap<String, usize>,
    record: &'a StringRecord,
}

impl Fields<'_> {
    fn get(&self, column: &str) -> &str {
        self.columns.get(column).and_then(|at| self.record.get(*at)).unwrap_or_default().trim()
    }

    fn row(&self, mapping: &Mapping) -> Row {
        if !mapping.source_cities.contains(&fold(self.get("city"))) {
            return Row::Skipped;
        }
        if self.record.len() < self.columns.len() {
            let description = format!("has {} fields, the header has {}", self.record.len(), self.columns.len());
            return rejected(self.line, "", 0, description);
        }
        match self.agreement(mapping) {
            Ok((name, agreement)) => Row::Resource { line: self.line, name, resource: to_dynamic(&agreement) },
            Err((column, description)) => rejected(self.line, column, 0, description),
        }
    }

    fn agreement(&self, mapping: &Mapping) -> Result<(Name, Agreement), (&'static str, String)> {
        let own = self.place("city", "city_country", "city_lat", "city_lon", "city_population")?;
        let partner = self.place("partner", "partner_country", "partner_lat", "partner_lon", "partner_population")?;
        let party = |names: &[LocalizedText], place: Place, city: String| AgreementParty {
            display_names: names.to_vec(),
            place: Some(place),
            city,
            ..Default::default()
        };
        let title = format!("{} – {}", self.get("city"), self.get("partner"));
        let partner_countries = if partner.country.is_empty() { Vec::new() } else { vec![partner.country.clone()] };
        let agreement = Agreement {
            audience: Audience::Public.into(),
            provenance: Some(mapping.provenance.clone()),
            titles: vec![english(&title)],
            kind: AgreementKind::Twinning.into(),
            partner_countries,
            parties: vec![
                party(&own.names.clone(), own, format!("cities/{}", mapping.city)),
                party(&partner.names.clone(), partner, String::new()),
            ],
            ..Default::default()
        };
        let name = Name::new(mapping.city.clone(), Kind::Agreement, &self.id())
            .map_err(|error| ("partner", error.to_string()))?;
        Ok((name, agreement))
    }

    /// The same statement always has the same name: readable, and told apart from homonyms by where the partner is.
    fn id(&self) -> String {
        let key =
            ["partner", "partner_country", "partner_lat", "partner_lon"].map(|column| self.get(column)).join("\u{1f}");
        let digest = hexadecimal(Sha256::digest(key.as_bytes()).get(..4).unwrap_or_default());
        let partner = slug(self.get("partner"), 40);
        if partner.is_empty() { format!("twinning-{digest}") } else { format!("twinning-{partner}-{digest}") }
    }

    fn place(
        &self,
        name: &'static str,
        country: &'static str,
        latitude: &'static str,
        longitude: &'static str,
        population: &'static str,
    ) -> Result<Place, (&'static str, String)> {
        let text = self.get(name);
        if text.is_empty() {
            return Err((name, "is required".to_owned()));
        }
        let code = self.get(country);
        if !code.is_empty() {
            codes::check("iso3166-1", code).map_err(|error| (country, error.to_string()))?;
        }
        let point = match (self.degrees(latitude, 90.0)?, self.degrees(longitude, 180.0)?) {
            (Some(latitude), Some(longitude)) => Some(Point { latitude, longitude }),
            (None, None) => None,
            (None, _) => return Err((latitude, "is missing although there is a longitude".to_owned())),
            (_, None) => return Err((longitude, "is missing although there is a latitude".to_owned())),
        };
        let inhabitants = match self.get(population) {
            "" => 0,
            number => number
                .parse::<i64>()
                .ok()
                .filter(|number| *number >= 0)
                .ok_or_else(|| (population, format!("{number:?} is not a number of inhabitants")))?,
        };
        Ok(Place {
            names: vec![english(text)],
            country: code.to_owned(),
            point,
            population: inhabitants,
            ..Default::default()
        })
    }

    fn degrees(&self, column: &'static str, limit: f64) -> Result<Option<f64>, (&'static str, String)> {
        let text = self.get(column);
        if text.is_empty() {
            return Ok(None);
        }
        text.parse::<f64>()
            .ok()
            .filter(|degrees| degrees.abs() <= limit)
            .map(Some)
            .ok_or_else(|| (column, format!("{text:?} is not a number of degrees from -{limit} to {limit}")))
    }
}

/// The source's labels are English.
fn english(text: &str) -> LocalizedText {
    LocalizedText { text: text.to_owned(), language: "en".to_owned(), ..Default::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "city,city_country,city_lat,city_lon,city_population,partner,partner_country,partner_country_label,partner_lat,partner_lon,partner_population,distance_km,partner_in_eu27\n";

    fn parse_all(body: &str) -> Vec<Row> {
        let mapping = Mapping::new("lisboa.example".parse().unwrap(), vec!["lisbon".into()], &ImportStart::default());
        let (sender, mut receiver) = mpsc::channel(100);
        parse(body.as_bytes(), &mapping, &sender);
        drop(sender);
        std::iter::from_fn(|| receiver.blocking_recv().map(|parsed| parsed.row)).collect()
    }

    fn why(rows: &[Row]) -> (i64, &str, &str) {
        match rows {
            [Row::Rejected(row)] => (row.line, &row.column, &row.description),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_row_becomes_an_agreement_with_a_name_that_stays() {
        let body = format!("{HEADER}Lisbon,PT,38.7,-9.1,500,Praia,CV,Cape Verde,14.9,-23.5,159050,2900,0\n");
        let (one, two) = (parse_all(&body), parse_all(&body));
        let ([Row::Resource { name, resource, line: 2 }], [Row::Resource { name: again, .. }]) = (&one[..], &two[..])
        else {
            panic!("{one:?}")
        };
        assert_eq!(name, again);
        assert!(name.to_string().starts_with("cities/lisboa.example/agreements/twinning-praia-"), "{name}");
        let agreement: Agreement = resource.transcode_to().unwrap();
        assert_eq!(agreement.partner_countries, ["CV"]);
        assert_eq!(agreement.parties[0].city, "cities/lisboa.example");
        assert_eq!(agreement.parties[1].place.as_ref().unwrap().population, 159_050);
    }

    #[test]
    fn rows_of_other_cities_are_passed_over() {
        let body = format!("{HEADER}Porto,PT,41.1,-8.6,,Praia,CV,Cape Verde,14.9,-23.5,,2900,0\n");
        assert!(matches!(parse_all(&body)[..], [Row::Skipped]));
    }

    #[test]
    fn a_bad_row_is_named_by_line_and_column() {
        for (row, column) in [
            ("Lisbon,PT,38.7,-9.1,,Praia,ZZ,x,14.9,-23.5,,1,0", "partner_country"),
            ("Lisbon,PT,38.7,-9.1,,,CV,x,14.9,-23.5,,1,0", "partner"),
            ("Lisbon,PT,38.7,-9.1,,Praia,CV,x,95,-23.5,,1,0", "partner_lat"),
            ("Lisbon,PT,38.7,-9.1,,Praia,CV,x,14.9,,,1,0", "partner_lon"),
            ("Lisbon,PT,38.7,-9.1,,Praia,CV,x,14.9,-23.5,many,1,0", "partner_population"),
            ("Lisbon,PT,38.7", ""),
        ] {
            let rows = parse_all(&format!("{HEADER}{row}\n"));
            let (line, named, description) = why(&rows);
            assert_eq!((line, named), (2, column), "{description}");
        }
        let rows = parse_all("a,b\n1,2\n");
        let (line, _, description) = why(&rows);
        assert_eq!(line, 1);
        assert!(description.contains("partner_country"), "{description}");
    }

    #[test]
    fn a_quote_that_is_never_closed_ends_the_import_with_a_reason() {
        let rows = parse_all(&format!("{HEADER}\"Lisbon,{}", "x".repeat(3 << 20)));
        assert!(why(&rows).2.contains("is a quote not closed?"), "{rows:?}");
    }

    #[test]
    fn a_partner_without_a_country_code_is_kept_as_the_source_has_it() {
        let body = format!("{HEADER}Lisbon,PT,38.7,-9.1,,Gaza City,,Palestine,31.5,34.5,,1,0\n");
        assert!(matches!(&parse_all(&body)[..], [Row::Resource { .. }]));
    }
}
