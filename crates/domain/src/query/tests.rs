use proptest::prelude::*;

use super::*;

/// What is understood of a text. That it reads as the same again is checked in passing.
fn understood(text: &str) -> String {
    let query = parse(text);
    let understood = query.understood();
    assert_eq!(parse(&understood), query, "{text:?} is understood as {understood:?}");
    understood
}

#[test]
fn the_syntax_is_read_as_documented() {
    for (text, read) in [
        ("olive oil", "olive oil"),
        ("\"Olive Oil\"", "\"olive oil\""),
        ("bread -oil", "bread -oil"),
        ("-\"olive oil\"", "-\"olive oil\""),
        ("Oliv*", "oliv*"),
        ("-oliv*", "-oliv*"),
        ("title:oil", "title:oil"),
        ("TITLE:\"Olive oil\"", "title:\"olive oil\""),
        ("-title:oil", "-title:oil"),
        ("title:oliv* bread", "title:oliv* bread"),
        ("São João", "sao joao"),
    ] {
        assert_eq!(understood(text), read, "{text}");
    }
}

#[test]
fn what_is_no_syntax_is_read_as_words() {
    for (text, read) in [
        ("", ""),
        (" \t\n", ""),
        ("-", ""),
        ("- oil", "oil"),
        ("--oil", "oil"),
        ("*", ""),
        ("* oil *", "oil"),
        (":", ""),
        (":oil", "oil"),
        ("\"", ""),
        ("\"olive oil", "olive oil"),
        ("olive\" oil", "olive oil"),
        ("\"\"", ""),
        ("\" -- \"", ""),
        ("5\" pipe 3\" tube", "5 pipe 3 tube"),
        ("city:feira", "city feira"),
        ("title:", "title"),
        ("title: oil", "title oil"),
        ("title:-oil", "title oil"),
        ("title:\"olive oil", "title olive oil"),
        ("title:title:oil", "title:title title:oil"),
        ("o*", "o"),
        ("é*", "e"),
        ("ol*ive", "ol ive"),
        ("*oil", "oil"),
        ("oil *", "oil"),
        ("oil-*", "oil"),
        ("a:b-c/d", "a b c d"),
        ("\"oil\"", "oil"),
        ("AND OR NOT", "and or not"),
    ] {
        assert_eq!(understood(text), read, "{text}");
    }
}

#[test]
fn a_token_of_several_words_gives_each_of_them() {
    assert_eq!(understood("Esch-sur-Alzette"), "esch sur alzette");
    assert_eq!(understood("title:Esch-sur-Alz*"), "title:esch title:sur title:alz*");
    assert_eq!(understood("l'huile, (d'olive*)!"), "l huile d olive*");
    assert_eq!(understood("-e-mail"), "-\"e mail\"", "not everything with an e");
}

#[test]
fn letters_that_are_words_by_themselves_must_touch_as_they_do_in_the_question() {
    assert_eq!(understood("神戸"), "\"神 戸\"");
    assert_eq!(understood("神戸・大阪"), "\"神 戸\" \"大 阪\"");
    assert_eq!(understood("神 戸"), "神 戸");
    assert_eq!(understood("神戸Kōbe港"), "\"神 戸\" kobe 港");
    assert_eq!(understood("title:神戸*"), "title:\"神 戸\"");
    assert_eq!(understood("-神戸"), "-\"神 戸\"");
    assert_eq!(understood("กรุงเทพ"), "\"ก ร ง เ ท พ\"", "marks are dropped and part nothing");
}

#[test]
fn a_clause_comes_once_and_no_more_than_a_limit_is_kept() {
    assert_eq!(understood("oil Öil \"oil\" -oil title:oil oil*"), "oil -oil title:oil oil*");
    let many: Vec<_> = (0..40).map(|number| format!("w{number}")).collect();
    let query = parse(&many.join(" "));
    assert_eq!((query.clauses.len(), query.understood()), (32, many[..32].join(" ")));
    let phrase = |from: usize, to: usize| format!("\"{}\"", many[from..to].join(" "));
    assert_eq!(understood(&phrase(0, 40)), phrase(0, 32));
    let phrases = [phrase(0, 30), phrase(1, 31), phrase(2, 6), phrase(7, 9)];
    assert_eq!(understood(&phrases.join(" ")), phrases[..3].join(" "));
    assert_eq!(parse(&phrases.join(" ")).words().len(), 31);
}

#[test]
fn the_words_that_count_are_those_that_must_occur() {
    let words: Vec<_> = parse("olive \"oil mill\" title:oil title:bread -salt sug*")
        .words()
        .into_iter()
        .map(|relevant| (relevant.word, relevant.title_only))
        .collect();
    let expected = [("bread", true), ("mill", false), ("oil", false), ("olive", false)];
    assert_eq!(words, expected.map(|(word, title_only)| (word.to_owned(), title_only)));
    assert!(!parse("-salt").has_positive() && !parse("-salt").is_empty());
    assert!(parse("-salt oil").has_positive() && parse(" - ").is_empty());
}

proptest! {
    #[test]
    fn whatever_is_understood_is_understood_so_again(text: String) {
        let query = parse(&text);
        prop_assert_eq!(parse(&query.understood()), query);
    }

    #[test]
    fn syntax_in_any_order_is_understood_so_again(
        parts in prop::collection::vec(
            prop::sample::select(vec![
                "-", "\"", "*", ":", "title:", "Title:", " ", "  ", "oil", "olive", "é", "e\u{301}", "神", "戸", "İ", "½", "ก",
                "ุ", "ـ", "\u{200d}", "x", "\u{1e9e}", "\u{fdfa}", "'", "(", ",",
            ]),
            0..40,
        ),
    ) {
        let query = parse(&parts.concat());
        prop_assert_eq!(parse(&query.understood()), query.clone());
        prop_assert!(query.clauses.len() <= CLAUSES_MAX);
        for word in query.words() {
            prop_assert_eq!(crate::text::words(&word.word), [word.word.clone()]);
        }
    }
}
