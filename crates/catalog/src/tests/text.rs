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
    for text in ["", "  ", "--", "?!", "\u{301}"] {
        assert_eq!(desk.ids_of(text), ["one"], "{text:?}");
    }
    let by_relevance = Question { order: SearchOrder::Relevance.into(), ..asking("--") };
    let found = desk.search(&by_relevance);
    assert_eq!(score(found.hits[0].key).to_bits(), 0.0_f32.to_bits());
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
