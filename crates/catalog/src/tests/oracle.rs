//! Random questions to a random catalogue, against a filter that reads every record.

use std::collections::BTreeMap;

use isopolity_domain::{answer::SortKey, codes, feed::Publication, project::project, text::words};
use isopolity_proto::{
    federation::{Question, SearchOrder, SectorPrefix},
    options::Audience,
    registry::Partnership,
    to_dynamic,
    types::{LocalizedText, Sector, SectorScheme},
};
use prost_types::Timestamp;

use super::support::{Desk, at, full, publication, sector};

const WORDS: [&str; 12] = [
    "padaria",
    "cortiça",
    "Kénitra",
    "القنيطرة",
    "Αθήνα",
    "harbour",
    "神戸",
    "São",
    "market",
    "permit",
    "hills",
    "tour",
];
const COUNTRIES: [&str; 5] = ["MA", "CV", "SN", "TR", "XK"];
const LANGUAGES: [&str; 6] = ["pt", "pt-BR", "fr", "ar", "zh-Hant-TW", "und"];
const CLEARANCES: [Audience; 3] = [Audience::Public, Audience::Federation, Audience::Internal];

/// The same numbers on every run (splitmix64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % u64::try_from(end).unwrap()).unwrap()
    }

    fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())].clone()
    }

    fn some<T: Clone>(&mut self, from: &[T], most: usize) -> Vec<T> {
        (0..self.below(most + 1)).map(|_| self.pick(from)).collect()
    }

    fn text(&mut self, most: usize) -> Vec<LocalizedText> {
        let text = self.some(&WORDS, most).join(", ");
        vec![LocalizedText { text, language: self.pick(&LANGUAGES).into(), ..LocalizedText::default() }]
    }

    fn partnership(&mut self) -> Partnership {
        let sectors = [
            sector(SectorScheme::Nace, "2", "10.71"),
            sector(SectorScheme::Nace, "2.1", "10.71"),
            sector(SectorScheme::Isic, "4", "1071"),
            sector(SectorScheme::Nace, "2", "A"),
            sector(SectorScheme::Nace, "2", "62"),
        ];
        Partnership {
            titles: self.text(3),
            summaries: self.text(6),
            lessons: if self.below(2) == 0 { self.text(4) } else { Vec::new() },
            internal_notes: if self.below(4) == 0 { "permit".into() } else { String::new() },
            origin_countries: self.some(&COUNTRIES, 2).into_iter().map(str::to_owned).collect(),
            sectors: self.some(&sectors, 2),
            stage: i32::try_from(self.below(5)).unwrap(),
            update_time: Some(Timestamp { seconds: 1_000 + i64::try_from(self.below(6)).unwrap(), nanos: 5_000 }),
            ..Partnership::default()
        }
    }

    fn question(&mut self) -> Question {
        let prefixes = ["C", "10", "10.7", "1071", "A", "6", "J"].map(str::to_owned);
        let sometimes = |dice: &mut Self| dice.below(3) == 0;
        let strings = |values: Vec<&str>| values.into_iter().map(str::to_owned).collect();
        let mut question = Question { order: i32::try_from(self.below(3)).unwrap(), ..Question::default() };
        question.text = self.some(&["KENITRA", "cortica", "القنيطره", "戸", "market", "sao", "permit"], 3).join(" ");
        if sometimes(self) {
            question.kinds = strings(self.some(&["partnership", "organization"], 2));
        }
        if sometimes(self) {
            question.origin_countries = strings(self.some(&COUNTRIES, 3));
        }
        if sometimes(self) {
            let scheme = self.pick(&[SectorScheme::Unspecified, SectorScheme::Nace, SectorScheme::Isic]).into();
            let version = self.pick(&["", "2", "2.1"]).to_owned();
            question.sectors = vec![SectorPrefix { scheme, version, code: self.pick(&prefixes) }];
        }
        if sometimes(self) {
            question.stages = self.some(&[1, 2, 3, 4], 3);
        }
        if sometimes(self) {
            question.languages = strings(self.some(&["pt", "pt-br", "zh", "zh-hant", "und"], 2));
        }
        question
    }
}

/// A record as somebody sees it.
struct Seen {
    name: String,
    partnership: Partnership,
    title: Vec<String>,
    body: Vec<String>,
}

type Words = fn(&Seen) -> &Vec<String>;

impl Seen {
    fn title(&self) -> &Vec<String> {
        &self.title
    }

    fn body(&self) -> &Vec<String> {
        &self.body
    }
}

fn seen(all: &BTreeMap<String, (Audience, Partnership)>, clearance: Audience) -> Vec<Seen> {
    let of = |texts: &[LocalizedText]| texts.iter().flat_map(|one| words(&one.text)).collect::<Vec<_>>();
    all.iter()
        .filter(|(_, (ceiling, _))| *ceiling <= clearance)
        .map(|(name, (_, partnership))| {
            let mut view = to_dynamic(partnership);
            project(&mut view, clearance);
            let partnership: Partnership = view.transcode_to().unwrap();
            let (title, mut body) = (of(&partnership.titles), of(&partnership.summaries));
            body.extend(of(&partnership.lessons));
            Seen { name: name.clone(), partnership, title, body }
        })
        .collect()
}

fn in_sector(sector: &Sector, prefix: &SectorPrefix) -> bool {
    let plain = |code: &str| code.replace('.', "");
    let above = codes::sector_ancestors(sector.scheme(), &sector.version, &sector.code);
    (prefix.scheme == 0 || prefix.scheme == sector.scheme)
        && (prefix.version.is_empty() || prefix.version == sector.version)
        && (plain(&sector.code).starts_with(&plain(&prefix.code)) || above.contains(&prefix.code))
}

fn matches(seen: &Seen, question: &Question) -> bool {
    let one = |empty: bool, holds: bool| empty || holds;
    let partnership = &seen.partnership;
    let languages = || {
        let texts = partnership.titles.iter().chain(&partnership.summaries).chain(&partnership.lessons);
        texts.map(|one| one.language.to_lowercase()).collect::<Vec<_>>()
    };
    let wider = |tag: &String| languages().iter().any(|one| one == tag || one.starts_with(&format!("{tag}-")));
    let kind = if seen.name.contains("/organizations/") { "organization" } else { "partnership" };
    words(&question.text).iter().all(|word| seen.title.contains(word) || seen.body.contains(word))
        && one(question.kinds.is_empty(), question.kinds.iter().any(|one| one == kind))
        && one(
            question.origin_countries.is_empty(),
            question.origin_countries.iter().any(|code| partnership.origin_countries.contains(code)),
        )
        && one(
            question.sectors.is_empty(),
            question.sectors.iter().any(|prefix| partnership.sectors.iter().any(|sector| in_sector(sector, prefix))),
        )
        && one(question.stages.is_empty(), question.stages.contains(&partnership.stage))
        && one(question.languages.is_empty(), question.languages.iter().any(wider))
}

/// BM25 by the book, over what the asker may see.
#[expect(clippy::cast_precision_loss, reason = "small counts")]
fn relevance(of: &Seen, all: &[Seen], text: &str) -> f32 {
    let mut asked: Vec<String> = Vec::new();
    for word in words(text) {
        if !asked.contains(&word) {
            asked.push(word);
        }
    }
    let mut score = 0.0;
    for word in &asked {
        for (field, boost) in [(Seen::title as Words, 3.0), (Seen::body as Words, 1.0)] {
            let holding = all.iter().filter(|one| field(one).contains(word)).count() as f32;
            let mean = all.iter().map(|one| field(one).len()).sum::<usize>() as f32 / all.len() as f32;
            let times = field(of).iter().filter(|one| *one == word).count() as f32;
            if times > 0.0 {
                let rarity = (1.0 + (all.len() as f32 - holding + 0.5) / (holding + 0.5)).ln();
                let norm = 1.2 * (0.25 + 0.75 * field(of).len() as f32 / mean);
                score += rarity * 2.2 * boost * (times / (times + norm));
            }
        }
    }
    score
}

fn expected(all: &[Seen], question: &Question) -> Vec<(SortKey, String)> {
    let by_relevance = match question.order() {
        SearchOrder::Relevance => true,
        SearchOrder::UpdateTime => false,
        SearchOrder::Unspecified => !words(&question.text).is_empty(),
    };
    let key = |seen: &Seen| {
        let time = seen.partnership.update_time.unwrap_or_default();
        let nanos = i128::from(time.seconds) * 1_000_000_000 + i128::from(time.nanos);
        if by_relevance { SortKey::Score(relevance(seen, all, &question.text)) } else { SortKey::UpdateTime(nanos) }
    };
    let mut found: Vec<_> =
        all.iter().filter(|one| matches(one, question)).map(|one| (key(one), one.name.clone())).collect();
    found.sort_by(|one, two| one.0.better_first(&two.0).then_with(|| one.1.cmp(&two.1)));
    found
}

/// Publishes, replaces and withdraws at random, in commits of random size.
fn fill(desk: &mut Desk, dice: &mut Dice) -> BTreeMap<String, (Audience, Partnership)> {
    let mut all = BTreeMap::new();
    let mut batch = Vec::new();
    for _ in 0..500 {
        desk.sequence += 1;
        let collection = dice.pick(&["partnerships", "partnerships", "organizations"]);
        let name = format!("{collection}/p{}", dice.below(120));
        if dice.below(10) == 0 {
            all.remove(&full(&name));
            let (sequence, name, kind) = (desk.sequence, full(&name), String::new());
            batch.push(Publication { sequence, name, kind, records: Vec::new() });
        } else {
            let ceiling = dice.pick(&[Audience::Public, Audience::Public, Audience::Federation, Audience::Internal]);
            let partnership = dice.partnership();
            batch.push(publication(&name, ceiling, &partnership, desk.sequence));
            all.insert(full(&name), (ceiling, partnership));
        }
        if dice.below(25) == 0 {
            desk.catalog.apply(&std::mem::take(&mut batch), at(desk.sequence)).unwrap();
        }
    }
    desk.catalog.apply(&batch, at(desk.sequence)).unwrap();
    all
}

#[test]
fn any_question_is_answered_as_if_every_record_were_read() {
    let (mut desk, mut dice) = (Desk::new(), Dice(2_017));
    let all = fill(&mut desk, &mut dice);
    assert!(all.len() > 150, "{}", all.len());
    let views = CLEARANCES.map(|clearance| seen(&all, clearance));
    let mut with_hits = 0;
    for _ in 0..600 {
        let (question, limit, who) = (dice.question(), 1 + dice.below(40), dice.below(3));
        let visible = &views[who];
        let expected = expected(visible, &question);
        let found = desk.catalog.search(&question, CLEARANCES[who], limit).unwrap();
        let counts = [expected.len(), visible.len()].map(|count| i64::try_from(count).unwrap());
        assert_eq!([found.total, found.records], counts, "{question:?}");
        let hits: Vec<_> = found.hits.iter().map(|hit| (hit.key.unwrap(), hit.name.clone())).collect();
        assert_eq!(hits, expected[..limit.min(expected.len())], "{question:?} {:?}", CLEARANCES[who]);
        with_hits += usize::from(!hits.is_empty());
    }
    assert!(with_hits > 200, "{with_hits}");
}
