use isopolity_proto::{federation::Question, federation::SearchOrder, registry::Partnership};

use super::support::{Desk, asking, score, texts, titled};

#[test]
fn text_is_found_in_every_script_with_and_without_diacritics() {
    let mut desk = Desk::new();
    desk.publish_open("partnerships/latin", titled("São João da Madeira, Łódź e Kénitra"));
    desk.publish_open("partnerships/arabic", titled("شراكة مع القنيطرة في أگادير"));
    desk.publish_open("partnerships/greek", titled("Συνεργασία με την Αθήνα"));
    desk.publish_open("partnerships/han", titled("神戸市と済州島"));
    for (text, id) in [
        ("sao joao", "latin"),
        ("SÃO", "latin"),
        ("lodz", "latin"),
        ("KENITRA", "latin"),
        ("القنيطره", "arabic"),
        ("اگادير شراكه", "arabic"),
        ("αθηνα", "greek"),
        ("ΣΥΝΕΡΓΑΣΙΑ", "greek"),
        ("神戸", "han"),
        ("州", "han"),
    ] {
        assert_eq!(desk.ids_of(text), [id], "{text}");
    }
    assert!(desk.ids_of("kenitr").is_empty(), "a part of a word is not the word");
}

#[test]
fn all_words_must_occur_in_any_order_and_anywhere() {
    let mut desk = Desk::new();
    let both = Partnership { summaries: texts("cork from the hills", "en"), ..titled("bakery") };
    desk.publish_open("partnerships/both", both);
    desk.publish_open("partnerships/one", titled("bakery"));
    assert_eq!(desk.ids_of("hills bakery"), ["both"]);
    assert_eq!(desk.ids_of("bakery bakery").len(), 2);
    assert!(desk.ids_of("bakery unheard").is_empty());
    let by_time = Question { order: SearchOrder::UpdateTime.into(), ..asking("bakery unheard") };
    assert!(desk.ids(&by_time).is_empty());
}

#[test]
fn a_text_without_words_is_no_condition() {
    let mut desk = Desk::new();
    desk.publish_open("partnerships/one", titled("bakery"));
    for text in ["", "  ", "--", "?!", "\u{301}", "\"\""] {
        assert_eq!(desk.ids_of(text), ["one"], "{text:?}");
    }
    let by_relevance = Question { order: SearchOrder::Relevance.into(), ..asking("--") };
    let found = desk.search(&by_relevance);
    assert_eq!(score(found.hits[0].key.clone()).to_bits(), 0.0_f32.to_bits());
}

#[test]
fn a_word_weighs_more_in_a_title() {
    let mut desk = Desk::new();
    let below = Partnership { summaries: texts("harbour", "en"), ..titled("fishing") };
    let above = Partnership { summaries: texts("fishing", "en"), ..titled("harbour") };
    desk.publish_open("partnerships/a-below", below);
    desk.publish_open("partnerships/b-above", above);
    assert_eq!(desk.ids_of("harbour"), ["b-above", "a-below"]);
}

#[test]
fn a_word_longer_than_any_is_found_by_its_beginning() {
    let mut desk = Desk::new();
    desk.publish_open("partnerships/long", titled(&"w".repeat(5_000)));
    assert_eq!(desk.ids_of(&"w".repeat(100)), ["long"]);
    assert_eq!(desk.ids_of(&"w".repeat(400)), ["long"]);
    assert!(desk.ids_of(&"w".repeat(99)).is_empty());
}

#[test]
fn a_phrase_occurs_in_its_order_within_one_value() {
    let mut desk = Desk::new();
    desk.publish_open("partnerships/phrase", titled("the olive oil of the hills"));
    desk.publish_open("partnerships/reversed", titled("oil of the olive"));
    let parted = Partnership { summaries: texts("oil", "en"), ..titled("olive") };
    desk.publish_open("partnerships/parted", parted);
    let mut values = texts("olive", "en");
    values.extend(texts("oil", "fr"));
    desk.publish_open("partnerships/values", Partnership { titles: values, ..Partnership::default() });
    let below = Partnership { summaries: texts("an olive oil", "en"), ..titled("market") };
    desk.publish_open("partnerships/below", below);
    assert_eq!(desk.ids_of("olive oil").len(), 5);
    assert_eq!(sorted(&desk, "\"olive oil\""), ["below", "phrase"]);
    assert_eq!(sorted(&desk, "title:\"olive oil\""), ["phrase"]);
    assert_eq!(sorted(&desk, "oil -\"olive oil\""), ["parted", "reversed", "values"]);
    assert_eq!(sorted(&desk, "\"the olive\""), ["phrase", "reversed"]);
    assert_eq!(sorted(&desk, "\"oil of the\""), ["phrase", "reversed"]);
    assert!(desk.ids_of("\"olive hills\"").is_empty());
}

#[test]
fn a_phrase_may_hold_a_word_twice() {
    let mut desk = Desk::new();
    desk.publish_open("partnerships/twice", titled("bis bis encore"));
    desk.publish_open("partnerships/once", titled("encore bis encore"));
    assert_eq!(desk.ids_of("\"bis bis\""), ["twice"]);
    assert_eq!(desk.ids_of("\"encore bis encore\""), ["once"]);
}

#[test]
fn what_is_excluded_occurs_nowhere() {
    let mut desk = Desk::new();
    desk.publish_open("partnerships/a", titled("bakery"));
    let noted = Partnership { summaries: texts("with a market", "en"), ..titled("bakery") };
    desk.publish_open("partnerships/b", noted);
    desk.publish_open("partnerships/c", titled("market"));
    assert_eq!(desk.ids_of("bakery -market"), ["a"]);
    assert_eq!(desk.ids_of("bakery -title:market").len(), 2);
    assert_eq!(desk.ids_of("-market"), ["a"]);
    assert_eq!(desk.ids_of("-mark*"), ["a"]);
    assert_eq!(desk.ids_of("-unheard").len(), 3);
    assert!(desk.ids_of("-bakery -market").is_empty());
}

#[test]
fn the_beginning_of_a_word_finds_it() {
    let mut desk = Desk::new();
    desk.publish_open("partnerships/a", titled("Oliveira do Bairro"));
    let below = Partnership { summaries: texts("oliveiras", "pt"), ..titled("bosque") };
    desk.publish_open("partnerships/b", below);
    desk.publish_open("partnerships/c", titled("azeite"));
    assert_eq!(sorted(&desk, "OLIV*"), ["a", "b"]);
    assert_eq!(sorted(&desk, "title:oliv*"), ["a"]);
    assert_eq!(sorted(&desk, "oliv* bos*"), ["b"]);
    assert!(desk.ids_of("olivz*").is_empty());
    let hits = desk.search(&asking("oliv*")).hits;
    assert!(hits.iter().all(|hit| score(hit.key.clone()).to_bits() == 0), "beginnings do not count");
}

#[test]
fn a_word_that_is_looked_for_in_titles_counts_there_alone() {
    let mut desk = Desk::new();
    let twice = Partnership { summaries: texts("harbour harbour", "en"), ..titled("harbour town") };
    desk.publish_open("partnerships/a", titled("harbour town"));
    desk.publish_open("partnerships/b", twice);
    let hits = desk.search(&asking("title:harbour")).hits;
    assert_eq!(score(hits[0].key.clone()).to_bits(), score(hits[1].key.clone()).to_bits());
    assert_eq!(desk.ids_of("harbour"), ["b", "a"]);
}

fn sorted(desk: &Desk, text: &str) -> Vec<String> {
    let mut ids = desk.ids_of(text);
    ids.sort_unstable();
    ids
}
