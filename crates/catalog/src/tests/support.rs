//! A catalogue in a folder of its own, and publications for it.

use isopolity_domain::{
    Name,
    answer::{AnswerHit, SortKey},
    envelope::SigningKey,
    feed::{Position, Publication},
    query, record,
    sight::Sight,
};
use isopolity_proto::{
    federation::{FacetCounts, Question, SearchOrder},
    options::Audience,
    registry::Partnership,
    to_dynamic,
    types::{LocalizedText, Sector, SectorScheme},
};
use prost_reflect::DynamicMessage;
use prost_types::Timestamp;
use tempfile::TempDir;

use crate::{Asked, Catalog};

pub(super) const EPOCH: &str = "e1";

/// A catalogue, and the feed that it reads.
pub(super) struct Desk {
    pub(super) folder: TempDir,
    pub(super) catalog: Catalog,
    pub(super) sequence: i64,
}

impl Desk {
    pub(super) fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let catalog = Catalog::open(folder.path()).unwrap();
        Self { folder, catalog, sequence: 0 }
    }

    /// Publishes in one commit. The names are given as `partnerships/kenitra`.
    pub(super) fn publish(&mut self, partnerships: &[(&str, Audience, Partnership)]) {
        let mut publications = Vec::new();
        for (name, ceiling, partnership) in partnerships {
            self.sequence += 1;
            publications.push(publication(name, *ceiling, partnership, self.sequence));
        }
        self.catalog.apply(&publications, at(self.sequence)).unwrap();
    }

    pub(super) fn publish_open(&mut self, name: &str, partnership: Partnership) {
        self.publish(&[(name, Audience::Public, partnership)]);
    }

    pub(super) fn publish_message<M: prost::Name>(&mut self, name: &str, message: &M) {
        self.sequence += 1;
        let published = publication_of(name, Audience::Public, &to_dynamic(message), self.sequence);
        self.catalog.apply(&[published], at(self.sequence)).unwrap();
    }

    pub(super) fn withdraw(&mut self, name: &str) {
        self.sequence += 1;
        let withdrawn = Publication {
            sequence: self.sequence,
            name: full(name),
            kind: "partnership".to_owned(),
            records: Vec::new(),
        };
        self.catalog.apply(&[withdrawn], at(self.sequence)).unwrap();
    }

    pub(super) fn search(&self, question: &Question) -> Answer {
        self.search_as(question, Audience::Public, 100)
    }

    pub(super) fn search_as(&self, question: &Question, clearance: Audience, limit: usize) -> Answer {
        answer(&self.catalog, &asked(question, clearance, limit))
    }

    /// The last parts of the names that are found, in order.
    pub(super) fn ids(&self, question: &Question) -> Vec<String> {
        let found = self.search(question);
        assert_eq!(usize::try_from(found.total).unwrap(), found.hits.len());
        ids(&found)
    }

    /// The same as partner cities find it.
    pub(super) fn partner_ids(&self, question: &Question) -> Vec<String> {
        let found = self.search_as(question, Audience::Federation, 100);
        assert_eq!(usize::try_from(found.total).unwrap(), found.hits.len());
        ids(&found)
    }

    pub(super) fn ids_of(&self, text: &str) -> Vec<String> {
        self.ids(&asking(text))
    }
}

/// What was found, with all its hits taken.
pub(super) struct Answer {
    pub(super) total: i64,
    pub(super) records: i64,
    pub(super) position: Position,
    pub(super) facets: Vec<FacetCounts>,
    pub(super) hits: Vec<AnswerHit>,
}

/// Takes the hits a few at a time.
pub(super) fn answer(catalog: &Catalog, asked: &Asked<'_>) -> Answer {
    let mut found = catalog.ask(asked).unwrap();
    let (count, mut hits) = (found.hits.len(), Vec::new());
    while !found.hits.is_empty() {
        hits.extend(found.hits.next_batch(7).unwrap());
    }
    assert_eq!(hits.len(), count);
    assert!(found.hits.next_batch(1).unwrap().is_empty());
    Answer { total: found.total, records: found.records, position: found.position, facets: found.facets, hits }
}

/// The question with the order that it says, or else relevance if it has text.
pub(super) fn asked(question: &Question, clearance: Audience, limit: usize) -> Asked<'_> {
    let order = match question.order() {
        SearchOrder::Unspecified if query::parse(&question.text).has_positive() => SearchOrder::Relevance,
        SearchOrder::Unspecified => SearchOrder::UpdateTime,
        order => order,
    };
    Asked { question, sight: Sight::of(clearance), order, statistics: None, after: None, limit, facets: &[] }
}

pub(super) fn at(sequence: i64) -> Position {
    Position { epoch: EPOCH.to_owned(), sequence }
}

pub(super) fn full(name: &str) -> String {
    if name.starts_with("cities/") { name.to_owned() } else { format!("cities/feira.example/{name}") }
}

pub(super) fn publication(name: &str, ceiling: Audience, partnership: &Partnership, sequence: i64) -> Publication {
    publication_of(name, ceiling, &to_dynamic(partnership), sequence)
}

fn publication_of(name: &str, ceiling: Audience, document: &DynamicMessage, sequence: i64) -> Publication {
    let name: Name = full(name).parse().unwrap();
    let key = SigningKey::from_bytes(&[7; 32]);
    record::publication(&name, document, ceiling, 1, &at(sequence), Timestamp::default(), &key)
}

pub(super) fn asking(text: &str) -> Question {
    Question { text: text.to_owned(), ..Question::default() }
}

pub(super) fn texts(text: &str, language: &str) -> Vec<LocalizedText> {
    vec![LocalizedText { text: text.to_owned(), language: language.to_owned(), ..LocalizedText::default() }]
}

pub(super) fn titled(title: &str) -> Partnership {
    Partnership { titles: texts(title, "en"), ..Partnership::default() }
}

pub(super) fn changed_at(seconds: i64, nanos: i32) -> Partnership {
    Partnership { update_time: Some(Timestamp { seconds, nanos }), ..Partnership::default() }
}

pub(super) fn sector(scheme: SectorScheme, version: &str, code: &str) -> Sector {
    Sector { scheme: scheme.into(), version: version.to_owned(), code: code.to_owned(), ..Default::default() }
}

pub(super) fn ids(found: &Answer) -> Vec<String> {
    found.hits.iter().map(|hit| hit.name.rsplit('/').next().unwrap().to_owned()).collect()
}

pub(super) fn score(key: Option<SortKey>) -> f32 {
    match key {
        Some(SortKey::Score(score)) => score,
        other => panic!("{other:?} is no score"),
    }
}
