//! Which records of this registry may be of the same organisation or place. Proposes; a person decides, by a match
//! assertion.

use std::collections::BTreeMap;

use isopolity_domain::{
    Kind, Name, Violation, Violations,
    matching::{self, Index, METHOD, POSSIBLE, Pair, Subject},
    page_token,
    question::check_page_size,
};
use isopolity_proto::{
    options::Audience,
    registry::{FindMatchesRequest, FindMatchesResponse, Match, MatchAssertion},
    to_dynamic,
};
use isopolity_store::Tx;

use crate::{Caller, Error, Registry, Right, author::Resource};

/// The most organisations and places that are compared with each other at once, as they are held in memory.
const SUBJECTS_MAX: usize = 200_000;
/// How many documents are read at once.
const READ_AT_ONCE: u64 = 1_000;
/// The largest page of pairs, and the page where the caller names no size.
const PAGE_MAX: i32 = 1_000;
const PAGE_DEFAULT: i32 = 50;
/// The most candidates that an import names for one record.
const CANDIDATES_MAX: usize = 5;

/// The kinds that are compared.
pub(crate) const KINDS: [Kind; 2] = [Kind::Organization, Kind::Place];

/// The organisations and places of a registry, for asking about many records, as an import does.
pub struct KnownSubjects {
    index: Index,
    full: bool,
}

impl KnownSubjects {
    /// The names of at most five records that may be the same as this one, the likeliest first.
    #[must_use]
    pub fn possible_matches(&self, subject: &Subject) -> Vec<String> {
        self.index.candidates(subject, CANDIDATES_MAX).into_iter().map(|found| found.other).collect()
    }

    /// Adds a record that was just written. Beyond 200,000 records nothing is added, and later ones are compared with
    /// those only.
    pub fn extend(&mut self, subject: Subject) {
        self.full |= self.index.len() >= SUBJECTS_MAX;
        if !self.full {
            self.index.add(subject);
        }
    }

    /// Whether there was no room for some records.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.full
    }
}

/// What was asked, checked.
struct Question {
    kinds: Vec<Kind>,
    /// Only pairs with this record.
    name: Option<Name>,
    least: f64,
    include_decided: bool,
    size: usize,
    /// The last pair of the page before.
    after: Option<(u64, String, String)>,
    purpose: String,
}

impl Registry {
    /// Finds pairs of records that may be of the same organisation or place, the most alike first, without those about
    /// which somebody has decided, unless the request wants them too. Changes nothing.
    ///
    /// # Errors
    /// [`Error::Invalid`] for what is wrong with the request, or if there are more than 200,000 records to compare with
    /// each other; [`Error::TokenMissing`] and [`Error::RightMissing`]; [`Error::NotFound`] if the named record does
    /// not exist.
    pub async fn find_matches(
        &self,
        caller: &Caller,
        request: &FindMatchesRequest,
    ) -> Result<FindMatchesResponse, Error> {
        caller.must(Right::Read)?;
        let question = self.checked_question(request)?;
        let subject = match &question.name {
            Some(name) => Some(self.subject_of(name).await?),
            None => None,
        };
        let assertions = self.decisions().await?;
        let mut titles = BTreeMap::new();
        let mut known = KnownSubjects { index: Index::new(), full: false };
        let mut pairs = Vec::new();
        for kind in &question.kinds {
            let mut after = None;
            loop {
                let subjects = self.subjects(*kind, &mut after).await?;
                if let Some(subject) = &subject {
                    // About one record, what is alike is kept and the rest forgotten: any number can be compared.
                    pairs.extend(pairs_with(subject, subjects, question.least, &mut titles));
                } else {
                    for subject in subjects {
                        titles.insert(subject.name.clone(), title(&subject));
                        known.extend(subject);
                    }
                }
                if after.is_none() {
                    break;
                }
            }
        }
        if known.is_full() {
            let most =
                format!("holds more than {SUBJECTS_MAX} records: ask for one kind, or for one record by its name");
            return Err(Violation::invalid("kind", most).into());
        }
        let page_key = self.inner.page_key;
        // Comparing takes long in a large registry, and would hold up other calls.
        tokio::task::spawn_blocking(move || {
            page(&question, &known.index, pairs, &assertions, &titles, |after| {
                page_token::encode(&page_key, &question.purpose, after)
            })
        })
        .await
        .map_err(Error::internal)
    }

    /// All organisations and places of this registry, for asking about many records.
    ///
    /// # Errors
    /// What the store says.
    pub async fn known_subjects(&self) -> Result<KnownSubjects, Error> {
        let mut known = KnownSubjects { index: Index::new(), full: false };
        for kind in KINDS {
            let mut after = None;
            loop {
                self.subjects(kind, &mut after).await?.into_iter().for_each(|subject| known.extend(subject));
                if after.is_none() || known.is_full() {
                    break;
                }
            }
        }
        Ok(known)
    }

    /// Says in a new decision what the comparison of both records says, where whoever decides says nothing of it. Records of
    /// other cities are not compared: what is known of them here is what they publish.
    pub(crate) async fn explain_match(&self, tx: &mut Tx, resource: &mut Resource) -> Result<(), Error> {
        let mut assertion: MatchAssertion = resource.typed()?;
        let names = [&assertion.left, &assertion.right].map(|name| name.parse::<Name>().ok());
        let [Some(left), Some(right)] = names else { return Ok(()) };
        let compared = left != right && left.kind() == right.kind() && KINDS.contains(&left.kind());
        if !compared || !matching::is_unexplained(&assertion) {
            return Ok(());
        }
        let mut subjects = Vec::new();
        for name in [left, right].iter().filter(|name| name.city() == self.city()) {
            let document = tx.document(name).await?.filter(|document| document.delete_time.is_none());
            if let Some(document) = document {
                subjects.extend(matching::subject(name, &Resource::decode(name.kind(), document.body)?.0));
            }
        }
        if let [left, right] = subjects.as_slice() {
            matching::explain(&mut assertion, &matching::compare(left, right));
            resource.0 = to_dynamic(&assertion);
        }
        Ok(())
    }

    fn checked_question(&self, request: &FindMatchesRequest) -> Result<Question, Error> {
        let FindMatchesRequest { parent, kind, name, min_score, include_decided, page_size, page_token } = request;
        let mut found = Vec::new();
        let city = Name::of_city(self.city().clone()).to_string();
        if *parent != city {
            found.push(Violation::invalid("parent", format!("must be {city}, this node's city, not {parent:?}")));
        }
        let mut kinds = KINDS.to_vec();
        if !kind.is_empty() {
            kinds.retain(|known| known.as_str() == kind);
            if kinds.is_empty() {
                found.push(Violation::invalid("kind", "must be organization or place, or empty for both"));
            }
        }
        let name =
            if name.is_empty() { None } else { name.parse::<Name>().ok().filter(|name| kinds.contains(&name.kind())) };
        if let Some(name) = &name {
            kinds.retain(|kind| *kind == name.kind());
            if name.city() != self.city() {
                let city = self.city();
                found.push(Violation::invalid("name", format!("must be a record of {city}, not of {}", name.city())));
            }
        } else if !request.name.is_empty() {
            found.push(Violation::invalid("name", "must be the resource name of an organization or a place"));
        }
        if !(0.0..=1.0).contains(min_score) {
            found.push(Violation::invalid("min_score", format!("{min_score} is not within 0 to 1")));
        }
        let size = check_page_size(*page_size, "page_size", PAGE_DEFAULT, PAGE_MAX);
        let purpose = format!("matches {parent} {kind} {} {min_score} {include_decided}", request.name);
        let after = page_start(&self.inner.page_key, &purpose, page_token);
        let size = size.map_err(|violation| found.push(violation)).unwrap_or_default();
        let after = after.map_err(|violation| found.push(violation)).unwrap_or_default();
        Violations::check(found)?;
        let least = if *min_score > 0.0 { *min_score } else { POSSIBLE };
        Ok(Question { kinds, name, least, include_decided: *include_decided, size, after, purpose })
    }

    async fn subject_of(&self, name: &Name) -> Result<Subject, Error> {
        let missing = || Error::NotFound(name.to_string());
        let document = self.store().document(name).await?;
        let document = document.filter(|document| document.delete_time.is_none()).ok_or_else(missing)?;
        let record = Resource::decode(name.kind(), document.body)?.0;
        matching::subject(name, &record).ok_or_else(missing)
    }

    /// The next subjects of a kind. `after` is `None` when there are no more.
    pub(crate) async fn subjects(&self, kind: Kind, after: &mut Option<Name>) -> Result<Vec<Subject>, Error> {
        let documents = self.store().documents_of_kind(kind, Audience::Internal, after.as_ref(), READ_AT_ONCE).await?;
        let more = u64::try_from(documents.len()).is_ok_and(|count| count >= READ_AT_ONCE);
        *after = documents.last().filter(|_| more).map(|last| last.name.clone());
        let mut subjects = Vec::with_capacity(documents.len());
        for document in documents {
            let record = Resource::decode(kind, document.body)?.0;
            subjects.extend(matching::subject(&document.name, &record));
        }
        Ok(subjects)
    }

    /// What was decided and not revoked, by the two records in order of their names.
    async fn decisions(&self) -> Result<Decisions, Error> {
        let mut decisions = Decisions::new();
        let mut after = None;
        loop {
            let documents = self
                .store()
                .documents_of_kind(Kind::MatchAssertion, Audience::Internal, after.as_ref(), READ_AT_ONCE)
                .await?;
            let more = u64::try_from(documents.len()).is_ok_and(|count| count >= READ_AT_ONCE);
            after = documents.last().filter(|_| more).map(|last| last.name.clone());
            for document in documents {
                let record = Resource::decode(Kind::MatchAssertion, document.body)?.0;
                let assertion: MatchAssertion = record.transcode_to().map_err(Error::internal)?;
                if !assertion.revoked {
                    let (left, right) = (assertion.left.clone(), assertion.right.clone());
                    decisions.insert(if left < right { (left, right) } else { (right, left) }, assertion);
                }
            }
            if after.is_none() {
                return Ok(decisions);
            }
        }
    }
}

type Decisions = BTreeMap<(String, String), MatchAssertion>;

/// The pairs of one record with others.
fn pairs_with(subject: &Subject, others: Vec<Subject>, least: f64, titles: &mut BTreeMap<String, String>) -> Vec<Pair> {
    let mut pairs = Vec::new();
    titles.insert(subject.name.clone(), title(subject));
    for other in others.into_iter().filter(|other| other.name != subject.name) {
        let (left, right) = if subject.name < other.name { (subject, &other) } else { (&other, subject) };
        let found = matching::compare(left, right);
        if found.score >= least {
            pairs.push(Pair { left: left.name.clone(), found });
            titles.insert(other.name.clone(), title(&other));
        }
    }
    pairs
}

fn title(subject: &Subject) -> String {
    subject.names.first().cloned().unwrap_or_default()
}

/// The page of what was asked: of the pairs within the index, or of those that were found already.
fn page(
    question: &Question,
    index: &Index,
    mut pairs: Vec<Pair>,
    decisions: &Decisions,
    titles: &BTreeMap<String, String>,
    token: impl Fn(&str) -> String,
) -> FindMatchesResponse {
    let decision = |pair: &Pair| decisions.get(&(pair.left.clone(), pair.found.other.clone()));
    let wanted = |pair: &Pair| {
        let later = question.after.as_ref().is_none_or(|(score, left, right)| {
            let found = (std::cmp::Reverse(pair.found.score.to_bits()), &pair.left, &pair.found.other);
            found > (std::cmp::Reverse(*score), left, right)
        });
        later && (question.include_decided || decision(pair).is_none())
    };
    let limit = question.size.saturating_add(1);
    if question.name.is_some() {
        pairs.retain(wanted);
        pairs.sort_by(Pair::by_likeness);
    } else {
        pairs = index.pairs(question.least, limit, wanted);
    }
    let more = pairs.len() > question.size;
    pairs.truncate(question.size);
    let next_page_token = match pairs.last() {
        Some(last) if more => {
            token(&format!("{:016x}\n{}\n{}", last.found.score.to_bits(), last.left, last.found.other))
        }
        _ => String::new(),
    };
    let called = |name: &String| titles.get(name).cloned().unwrap_or_default();
    let message = |pair: Pair| Match {
        left_title: called(&pair.left),
        right_title: called(&pair.found.other),
        score: pair.found.score,
        suggestion: pair.found.verdict.to_message().into(),
        features: pair.found.feature_messages(),
        method: METHOD.to_owned(),
        assertion: decision(&pair).cloned(),
        left: pair.left,
        right: pair.found.other,
    };
    FindMatchesResponse { matches: pairs.into_iter().map(message).collect(), next_page_token }
}

/// The last pair of the page before, which the token names.
fn page_start(key: &[u8; 32], purpose: &str, token: &str) -> Result<Option<(u64, String, String)>, Violation> {
    if token.is_empty() {
        return Ok(None);
    }
    let after = page_token::decode(key, purpose, token).map_err(|error| error.at("page_token"))?;
    let mut parts = after.splitn(3, '\n');
    let mut part = || parts.next().unwrap_or_default();
    let score = u64::from_str_radix(part(), 16)
        .map_err(|_error: std::num::ParseIntError| page_token::PageTokenError.at("page_token"))?;
    Ok(Some((score, part().to_owned(), part().to_owned())))
}

#[cfg(test)]
mod tests {
    use isopolity_domain::matching::SubjectKind;
    use isopolity_proto::registry::MatchVerdict;

    use super::*;

    const KEY: [u8; 32] = [7; 32];

    fn subjects() -> Vec<Subject> {
        ["Município de Sorocaba", "Prefeitura Municipal de Sorocaba", "Sorocaba", "Município de Santos"]
            .map(|name| Subject::named(name, SubjectKind::Organization, &[name], "BR"))
            .into()
    }

    fn question(size: usize, after: &str) -> Question {
        Question {
            kinds: KINDS.to_vec(),
            name: None,
            least: POSSIBLE,
            include_decided: false,
            size,
            after: page_start(&KEY, "p", after).unwrap(),
            purpose: "p".into(),
        }
    }

    fn ask(question: &Question, decisions: &Decisions) -> FindMatchesResponse {
        let mut known = KnownSubjects { index: Index::new(), full: false };
        let titles = subjects().iter().map(|subject| (subject.name.clone(), title(subject))).collect();
        for subject in subjects() {
            known.extend(subject);
        }
        page(question, &known.index, Vec::new(), decisions, &titles, |after| page_token::encode(&KEY, "p", after))
    }

    fn names(response: &FindMatchesResponse) -> Vec<(&str, &str)> {
        response.matches.iter().map(|found| (found.left.as_str(), found.right.as_str())).collect()
    }

    #[test]
    fn pages_hold_every_pair_once_with_the_most_alike_first() {
        let whole = ask(&question(10, ""), &Decisions::new());
        assert_eq!(whole.next_page_token, "");
        let mut paged = Vec::new();
        let mut token = String::new();
        for _ in &whole.matches {
            let response = ask(&question(1, &token), &Decisions::new());
            paged.extend(response.matches);
            token = response.next_page_token;
        }
        assert_eq!((paged.as_slice(), token.as_str()), (whole.matches.as_slice(), ""));
        assert_eq!(paged.len(), 3);
        assert_eq!(paged[0].suggestion(), MatchVerdict::Same);
        assert_eq!(paged[0].left_title, "Município de Sorocaba");
        assert!(!paged[0].features.is_empty());
        assert!(page_start(&KEY, "another", &page_token::encode(&KEY, "p", "0\na\nb")).is_err());
    }

    #[test]
    fn what_somebody_decided_is_left_out_unless_it_is_asked_for() {
        let (one, other) = ("Município de Sorocaba", "Prefeitura Municipal de Sorocaba");
        let assertion = MatchAssertion { verdict: MatchVerdict::Same.into(), ..Default::default() };
        let decisions = Decisions::from([((one.to_owned(), other.to_owned()), assertion.clone())]);
        assert!(!names(&ask(&question(10, ""), &decisions)).contains(&(one, other)));
        let all = ask(&Question { include_decided: true, ..question(10, "") }, &decisions);
        assert_eq!(names(&all)[0], (one, other));
        assert_eq!(all.matches[0].assertion, Some(assertion));
        assert_eq!(all.matches[1].assertion, None);
    }

    #[test]
    fn an_import_learns_of_at_most_five_candidates() {
        let mut known = KnownSubjects { index: Index::new(), full: false };
        for nth in 0..9 {
            let subject = Subject::named(&nth.to_string(), SubjectKind::Organization, &["Padaria Atlas"], "PT");
            assert_eq!(known.possible_matches(&subject).len(), nth.min(CANDIDATES_MAX));
            known.extend(subject);
        }
    }
}
