//! A registry described as a catalogue: DCAT-AP 3.0.1 in JSON-LD, as data portals harvest it.
//!
//! One `dcat:Catalog`, its publisher as a `foaf:Agent`, one `dcat:Dataset` for each kind of which there are records, with a
//! `dcat:Distribution` for each form of export, and one `dcat:DataService` for the API. The records themselves are not in
//! it. The document brings its own context, so nothing has to be fetched to read it.
//!
//! Terms are taken from the authority tables of the European Union where those have one: themes, file types, countries,
//! languages, access rights. Countries and languages go by their ISO codes of three letters, as in those tables; one
//! without such a code is left out.

mod texts;
mod words;

use std::{
    collections::BTreeSet,
    io::{self, Write},
};

use isopolity_domain::Kind;
use isopolity_proto::{
    options::Audience,
    registry::{City, Organization},
    types::LocalizedText,
};
use serde_json::{Value, json};
use time::{OffsetDateTime, UtcOffset, format_description::well_known::Rfc3339};

use texts::{LANGUAGES, about};
use words::{Form, authority, country, id, iri, language, literal, spdx};

/// What a registry is to be described by. Whoever describes it hands over only what the audience may see.
#[derive(Clone, Debug)]
pub struct Description<'a> {
    /// The city.
    pub city: &'a City,
    /// The organisation that governs it, if that is known. Else the city itself is the publisher.
    pub publisher: Option<&'a Organization>,
    /// What it holds, in the order in which it is to be described. A kind without records is left out.
    pub holdings: &'a [Holding],
    /// Where its API is reached, `https://host:port`. All names in the description begin with it.
    pub endpoint: &'a str,
    /// Who may see what is described.
    pub audience: Audience,
}

/// The records of a kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holding {
    /// The kind.
    pub kind: Kind,
    /// How many records there are.
    pub records: u64,
    /// When one of them was last changed.
    pub latest: Option<OffsetDateTime>,
    /// The licences that they state (SPDX). A record that states none adds an empty text.
    pub licences: BTreeSet<String>,
}

impl Holding {
    /// No records yet.
    #[must_use]
    pub fn of(kind: Kind) -> Self {
        Self { kind, records: 0, latest: None, licences: BTreeSet::new() }
    }

    /// Counts a record.
    pub fn add(&mut self, changed: Option<OffsetDateTime>, licence: &str) {
        /// More licences than this are as good as several: only a single one is named.
        const LICENCES_MAX: usize = 2;
        self.records += 1;
        self.latest = self.latest.max(changed);
        if self.licences.len() < LICENCES_MAX {
            self.licences.insert(licence.to_owned());
        }
    }

    /// The licence of all of them, if there is one.
    fn licence(&self) -> Option<Value> {
        match (self.licences.first(), self.licences.len()) {
            (Some(only), 1) => spdx(only),
            _ => None,
        }
    }
}

/// Writes the description.
///
/// # Errors
/// What `out` says.
pub fn write(description: &Description<'_>, mut out: impl Write) -> io::Result<()> {
    let one = Describing { description, base: description.endpoint.trim_end_matches('/').to_owned() };
    out.write_all(b"{\"@context\":")?;
    serde_json::to_writer(&mut out, &words::context())?;
    out.write_all(b",\"@graph\":[")?;
    serde_json::to_writer(&mut out, &one.catalogue())?;
    let contact = one.contact();
    for node in [Some(one.publisher()), Some(one.service()), contact].into_iter().flatten() {
        out.write_all(b",\n")?;
        serde_json::to_writer(&mut out, &node)?;
    }
    for holding in one.held() {
        out.write_all(b",\n")?;
        serde_json::to_writer(&mut out, &one.dataset(holding))?;
        for form in Form::of(holding.kind) {
            out.write_all(b",\n")?;
            serde_json::to_writer(&mut out, &one.distribution(holding, *form))?;
        }
    }
    out.write_all(b"]}\n")?;
    out.flush()
}

struct Describing<'a> {
    description: &'a Description<'a>,
    base: String,
}

impl Describing<'_> {
    fn held(&self) -> impl Iterator<Item = &Holding> {
        self.description.holdings.iter().filter(|holding| holding.records > 0)
    }

    fn name(&self, fragment: &str) -> Value {
        id(format!("{}/#{fragment}", self.base))
    }

    fn names<'b>(&self, fragments: impl Iterator<Item = &'b str>, before: &str) -> Value {
        fragments.map(|fragment| self.name(&format!("{before}{fragment}"))).collect()
    }

    fn catalogue(&self) -> Value {
        let city = self.description.city;
        let spoken = self.spoken();
        let titles = spoken.iter().filter_map(|(language, at)| {
            Some(literal(&texts::CATALOGUE_TITLES.get(*at)?.replace("{}", self.called(language)), language))
        });
        let fixed =
            spoken.iter().filter_map(|(language, at)| Some(literal(texts::CATALOGUE_DESCRIPTIONS.get(*at)?, language)));
        let own = city.summaries.iter().filter(|text| !text.text.is_empty());
        let descriptions = own.map(|text| literal(&text.text, &text.language)).chain(fixed);
        let mut node = json!({
            "@id": self.name("catalogue")["@id"],
            "@type": "dcat:Catalog",
            "dct:identifier": city.name,
            "dct:title": titles.collect::<Value>(),
            "dct:description": descriptions.collect::<Value>(),
            "dct:publisher": self.name("publisher"),
            "dcat:themeTaxonomy": authority("data-theme"),
            "dcat:dataset": self.names(self.held().map(|holding| holding.kind.as_str()), "dataset-"),
            "dcat:service": self.name("service"),
        });
        self.add_language_and_place(&mut node);
        add(&mut node, "foaf:homepage", iri(&city.website));
        add(&mut node, "dct:modified", self.held().filter_map(|holding| holding.latest).max().and_then(moment));
        node
    }

    fn publisher(&self) -> Value {
        let city = self.description.city;
        let (names, website): (&[LocalizedText], &str) = match self.description.publisher {
            Some(organization) => (&organization.display_names, &organization.website),
            None => (&city.display_names, &city.website),
        };
        let mut names: Vec<Value> =
            names.iter().filter(|name| !name.text.is_empty()).map(|name| literal(&name.text, &name.language)).collect();
        if names.is_empty() {
            names.push(literal(self.called(""), ""));
        }
        let mut node = json!({
            "@id": self.name("publisher")["@id"],
            "@type": "foaf:Agent",
            "foaf:name": names,
            "dct:type": id("http://purl.org/adms/publishertype/LocalAuthority"),
        });
        add(&mut node, "foaf:homepage", iri(website));
        node
    }

    fn service(&self) -> Value {
        let described = format!("{}/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", self.base);
        let mut node = json!({
            "@id": self.name("service")["@id"],
            "@type": "dcat:DataService",
            "dct:title": [literal("Isopolity API (gRPC)", "en")],
            "dct:description": [literal("Reads, searches and exports the registry over gRPC; described by its reflection.", "en")],
            "dcat:endpointURL": id(self.base.as_str()),
            "dcat:endpointDescription": id(described),
            "dct:publisher": self.name("publisher"),
            "dct:accessRights": self.access(),
            "dcat:servesDataset": self.names(self.held().map(|holding| holding.kind.as_str()), "dataset-"),
        });
        add(&mut node, "dcat:contactPoint", self.contact().map(|contact| id(contact["@id"].clone())));
        node
    }

    /// Whom to write to: the first function of the city that has a mailbox. Never a person.
    fn contact(&self) -> Option<Value> {
        let reached = |mailbox: &str| iri(&format!("mailto:{mailbox}"));
        let points = &self.description.city.contact_points;
        let (point, mailbox) = points.iter().find_map(|point| Some((point, reached(&point.mailbox)?)))?;
        let function = if point.function.is_empty() { self.called("") } else { &point.function };
        Some(json!({
            "@id": self.name("contact")["@id"],
            "@type": "vcard:Organization",
            "vcard:fn": function,
            "vcard:hasEmail": mailbox,
        }))
    }

    fn dataset(&self, holding: &Holding) -> Value {
        let (kind, about) = (holding.kind, about(holding.kind));
        let each = |texts: &[&str; 7]| -> Value {
            LANGUAGES.iter().zip(texts).map(|(language, text)| literal(text, language)).collect()
        };
        let mut node = json!({
            "@id": self.name(&format!("dataset-{kind}"))["@id"],
            "@type": "dcat:Dataset",
            "dct:identifier": format!("{}#{kind}", self.description.city.name),
            "dct:title": each(&about.titles),
            "dct:description": each(&about.descriptions),
            "dcat:keyword": each(&about.titles),
            "dcat:theme": about.themes.iter().map(|theme| authority(&format!("data-theme/{theme}"))).collect::<Value>(),
            "dct:publisher": self.name("publisher"),
            "dct:accessRights": self.access(),
            "dct:accrualPeriodicity": authority("frequency/IRREG"),
            "dct:provenance": { "@type": "dct:ProvenanceStatement", "rdfs:label": each(&texts::PROVENANCE) },
            "void:entities": { "@value": holding.records.to_string(), "@type": "xsd:integer" },
            "dcat:distribution": self.names(Form::of(kind).iter().map(|form| form.as_str()), &format!("{kind}-")),
        });
        self.add_language_and_place(&mut node);
        add(&mut node, "dcat:landingPage", iri(&self.description.city.website));
        add(&mut node, "dcat:contactPoint", self.contact().map(|contact| id(contact["@id"].clone())));
        add(&mut node, "dct:modified", holding.latest.and_then(moment));
        node
    }

    fn distribution(&self, holding: &Holding, form: Form) -> Value {
        let mut node = json!({
            "@id": self.name(&format!("{}-{}", holding.kind, form.as_str()))["@id"],
            "@type": "dcat:Distribution",
            "dct:title": [literal(form.title(), "en")],
            "dcat:accessURL": id(format!("{}/isopolity.registry.v1.ExportService/Export", self.base)),
            "dcat:accessService": self.name("service"),
            "dct:format": authority(&format!("file-type/{}", form.file_type())),
            "dcatap:availability": authority("planned-availability/AVAILABLE"),
        });
        add(&mut node, "dcat:mediaType", form.media_type().map(id));
        add(&mut node, "dct:conformsTo", form.standard().map(id));
        add(&mut node, "dct:license", holding.licence());
        add(&mut node, "dct:modified", holding.latest.and_then(moment));
        node
    }

    fn add_language_and_place(&self, node: &mut Value) {
        let city = self.description.city;
        let languages: Vec<Value> = city.languages.iter().filter_map(|tag| language(tag)).collect();
        add(node, "dct:language", Some(languages).filter(|languages| !languages.is_empty()).map(Value::from));
        let place = city.place.as_ref();
        let town = place.filter(|place| place.geonames_id > 0);
        let town = town.map(|place| id(format!("https://sws.geonames.org/{}/", place.geonames_id)));
        let places: Vec<Value> = place.and_then(|place| country(&place.country)).into_iter().chain(town).collect();
        add(node, "dct:spatial", Some(places).filter(|places| !places.is_empty()).map(Value::from));
    }

    fn access(&self) -> Value {
        authority(match self.description.audience {
            Audience::Public => "access-right/PUBLIC",
            Audience::Federation | Audience::Shared => "access-right/RESTRICTED",
            Audience::Internal | Audience::Unspecified => "access-right/NON_PUBLIC",
        })
    }

    /// What the city is called in a language, else by its first name, else by its id.
    fn called(&self, language: &str) -> &str {
        let city = self.description.city;
        let named = city.display_names.iter().filter(|name| !name.text.is_empty());
        let spoken = named.clone().find(|name| primary(&name.language) == language);
        let id = city.name.strip_prefix("cities/").unwrap_or(&city.name);
        spoken.or_else(|| named.clone().next()).map_or(id, |name| name.text.as_str())
    }

    /// The languages in which the catalogue speaks of itself: English, those of the city's administration and of its names,
    /// as far as there are texts in them, each with its place in the tables of texts.
    fn spoken(&self) -> Vec<(&'static str, usize)> {
        let city = self.description.city;
        let tags = city.languages.iter().chain(city.display_names.iter().map(|name| &name.language));
        let wanted: BTreeSet<&str> = tags.map(|tag| primary(tag)).chain(["en"]).collect();
        let places = LANGUAGES.iter().enumerate().map(|(at, language)| (*language, at));
        places.filter(|(language, _)| wanted.contains(language)).collect()
    }
}

fn primary(tag: &str) -> &str {
    tag.split('-').next().unwrap_or_default()
}

fn add(node: &mut Value, property: &str, value: Option<Value>) {
    if let (Some(node), Some(value)) = (node.as_object_mut(), value) {
        node.insert(property.to_owned(), value);
    }
}

fn moment(time: OffsetDateTime) -> Option<Value> {
    let text = time.to_offset(UtcOffset::UTC).format(&Rfc3339).ok()?;
    Some(json!({ "@value": text, "@type": "xsd:dateTime" }))
}

#[cfg(test)]
mod tests;
