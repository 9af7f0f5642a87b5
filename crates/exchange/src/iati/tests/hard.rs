//! Files that are broken, hostile or written in another encoding.

use std::io::{BufReader, Cursor, Read as _, repeat};

use super::{flaws_of, reasons_of};
use crate::iati::activity::{Activities, Judged};

/// The least that the schema accepts.
fn activity(title: &str) -> String {
    format!(
        "<iati-activity><iati-identifier>XI-1</iati-identifier><reporting-org type=\"10\" ref=\"XI\"><narrative>R</narrative>\
         </reporting-org><title><narrative>{title}</narrative></title><description><narrative>D</narrative></description>\
         <participating-org role=\"4\"/><activity-status code=\"2\"/><activity-date type=\"2\" iso-date=\"2020-01-01\"/>\
         </iati-activity>"
    )
}

fn file(activities: &[&str]) -> String {
    format!("<iati-activities version=\"2.03\">\n{}\n</iati-activities>\n", activities.join("\n"))
}

/// Which activities are accepted, `true`, and which are not.
fn verdicts(file: &str) -> Vec<bool> {
    flaws_of(file.as_bytes()).iter().map(Vec::is_empty).collect()
}

fn only_reason(file: &[u8]) -> String {
    let reasons = reasons_of(file);
    assert_eq!(reasons.len(), 1, "{reasons:#?}");
    reasons.into_iter().next().unwrap()
}

fn title_of(judged: &Judged) -> String {
    let root = judged.outcome.as_ref().unwrap();
    let activity = root.elements().next().unwrap();
    let title = activity.elements().find(|element| element.name.local == "title").unwrap();
    title.elements().next().unwrap().text()
}

#[test]
fn a_document_type_is_refused_whatever_it_declares() {
    for document_type in [
        "<!DOCTYPE iati-activities>",
        "<!DOCTYPE x [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;&a;&a;\"><!ENTITY c \"&b;&b;&b;&b;\">]>",
        "<!DOCTYPE x [<!ENTITY secret SYSTEM \"file:///etc/passwd\">]>",
        "<!DOCTYPE x SYSTEM \"http://example.org/x.dtd\">",
    ] {
        let file = format!("<?xml version=\"1.0\"?>\n{document_type}\n{}", file(&[&activity("&secret;")]));
        let reason = only_reason(file.as_bytes());
        assert!(reason.contains("line 2: a document type declaration"), "{reason}");
    }
}

#[test]
fn an_entity_that_nobody_declared_spoils_its_activity_alone() {
    let file = file(&[&activity("one"), &activity("&nbsp;"), &activity("three &amp; &#x1F3D9;")]);
    assert_eq!(verdicts(&file), [true, false, true]);
    let reason = only_reason(file.as_bytes());
    assert!(reason.contains("line 3: malformed XML: &nbsp; stands for no character"), "{reason}");
}

#[test]
fn what_is_malformed_in_one_activity_does_not_stop_the_others() {
    let good = activity("good");
    for (wrong, reason) in [
        (good.replace("</title>", "</titel>"), "expected `</title>`, but `</titel>` was found"),
        (good.replace("</title>", ""), "expected `</title>`"),
        (good.replace("</iati-activity>", ""), "is not closed before the next <iati-activity> begins"),
        (good.replace("code=\"2\"/>", "code=\"2/>"), "line 3"),
        (good.replace("code=\"2\"", "code=2"), "attribute code has to be followed by"),
        (good.replace("code=\"2\"", "code"), "attribute code has to be followed by"),
        (good.replace("code=\"2\"", "code=\"2\"code=\"3\""), "have to stand apart"),
        (good.replace("code=\"2\"", "code=\"2\" code=\"3\""), "attribute code stands twice"),
        (good.replace("code=\"2\"", "code=\"a<b\""), "line 3"),
        (good.replace("code=\"2\"", "code=\"a&b\""), "has to be written \"&amp;\""),
        (good.replace("code=\"2\"", "code=\"&#0;\""), "stands for no character"),
        (good.replace("code=\"2\"", "x:code=\"2\""), "the prefix of x:code is not bound"),
        (good.replace("<activity-status", "<1"), "can't be the name of an element"),
        (good.replace(">D<", ">R&D<"), "has to be written \"&amp;\""),
        (good.replace(">D<", ">]]><"), "has to be written \"]]&gt;\""),
        (good.replace(">D<", ">\u{b}<"), "character U+000B is not allowed"),
        (good.replace(">D<", "><!-- a -- b --><"), "`--`"),
        (good.replace(">D<", "><?xml version=\"1.0\"?><"), "line 3"),
        (good.replace(">D<", "><!DOCTYPE x><"), "a document type declaration"),
        (good.replace(">D<", &"<x:a>".repeat(70).replace("<x:a>", "<x:a xmlns:x=\"urn:x\">")), "line 3"),
    ] {
        let file = file(&[&good, &wrong, &good]);
        let flaws = flaws_of(file.as_bytes());
        assert_eq!(flaws.iter().map(Vec::is_empty).collect::<Vec<_>>(), [true, false, true], "{wrong}\n{flaws:#?}");
        let flaw = flaws.get(1).and_then(|flaws| flaws.first()).unwrap();
        assert!(flaw.description.contains(reason), "{reason}: {flaw:?}");
        assert!(flaw.description.starts_with("line 3") || flaw.description.starts_with("line 4"), "{flaw:?}");
    }
}

#[test]
fn what_is_malformed_outside_the_activities_is_said_once() {
    let good = file(&[&activity("good")]);
    for (wrong, reason) in [
        (format!("<?xml version=\"1.0?>{good}"), "an XML declaration"),
        (format!("\n<?xml version=\"1.0\"?>{good}"), "very beginning"),
        (format!("<!-- a -- b -->{good}"), "`--`"),
        (good.replace("<iati-activity>", "<?XML x?><iati-activity>"), "a processing instruction"),
        (format!("{good}<!-- a -- b -->"), "`--`"),
    ] {
        assert_eq!(verdicts(&wrong).iter().filter(|right| **right).count(), 1, "{wrong}");
        assert!(only_reason(wrong.as_bytes()).contains(reason), "{}", only_reason(wrong.as_bytes()));
    }
}

#[test]
fn comments_and_character_data_may_hold_what_looks_like_markup() {
    let title = "<!-- </iati-activity> <iati-activity> -->a<![CDATA[</iati-activity>]]>b<?p </iati-activity>?>";
    let file = file(&[&activity(title), "<!-- <iati-activity> -->", &activity("two")]);
    let titles: Vec<String> = Activities::new(file.as_bytes()).map(|judged| title_of(&judged)).collect();
    assert_eq!(titles, ["a</iati-activity>b", "two"]);
}

#[test]
fn what_stands_in_more_than_64_elements_is_refused() {
    let deep = |depth: usize| {
        let inner = format!("{}{}", "<x:a>".repeat(depth), "</x:a>".repeat(depth));
        activity("deep").replace("</iati-activity>", &format!("{inner}</iati-activity>"))
    };
    let file = |depth| file(&[&deep(depth)]).replace("version", "xmlns:x=\"urn:x\" version");
    assert_eq!(reasons_of(file(62).as_bytes()), Vec::<String>::new());
    assert!(only_reason(file(63).as_bytes()).contains("more than 64 deep"));
    assert!(only_reason(file(100_000).as_bytes()).contains("more than 64 deep"));
}

#[test]
fn more_than_a_hundred_thousand_elements_in_an_activity_are_refused() {
    let many = activity("many").replace("</iati-activity>", &format!("{}</iati-activity>", "<x:a/>".repeat(100_000)));
    let file = file(&[&many]).replace("version", "xmlns:x=\"urn:x\" version");
    assert!(only_reason(file.as_bytes()).contains("more than 100000 elements"));
}

#[test]
fn more_than_256_attributes_in_an_element_are_refused() {
    let many: String =
        (0..300).flat_map(|number| [String::from(" a"), number.to_string(), String::from("=\"\"")]).collect();
    let reasons = reasons_of(file(&[&activity("x").replacen("<title>", &format!("<title{many}>"), 1)]).as_bytes());
    assert!(reasons.iter().any(|reason| reason.contains("more than 256 attributes")), "{reasons:?}");
}

/// 24 MiB where a word is expected, in a stream that is never in memory as a whole.
#[test]
fn an_activity_without_measure_is_passed_over() {
    let (before, behind) = (activity("before"), activity("behind"));
    for (open, close) in [
        ("<iati-activity><title><narrative>", "</narrative></title></iati-activity>"),
        ("<iati-activity><title x=\"", "\"/></iati-activity>"),
        ("<iati-activity><", "/></iati-activity>"),
        ("<iati-activity><!--", "--></iati-activity>"),
        ("<iati-activity x='", "'/>"),
    ] {
        let head = format!("<iati-activities version=\"2.03\">{before}{open}");
        let tail = format!("{close}{behind}</iati-activities>");
        let body = repeat(b'x').take(24 << 20);
        let stream = Cursor::new(head).chain(body).chain(Cursor::new(tail));
        let judged: Vec<Judged> = Activities::new(BufReader::new(stream)).collect();
        assert_eq!(judged.iter().map(|one| one.outcome.is_ok()).collect::<Vec<_>>(), [true, false, true], "{open}");
        let large = judged.get(1).unwrap();
        let flaw = large.outcome.as_ref().unwrap_err().first().unwrap();
        assert!(flaw.description.contains("is larger than 4194304 bytes"), "{flaw:?}");
        assert!(large.source.is_empty());
    }
}

#[test]
fn a_file_that_ends_too_early_keeps_what_was_whole() {
    let whole = file(&[&activity("one"), &activity("two")]);
    let cut = whole.split("two").next().unwrap();
    assert_eq!(verdicts(cut), [true, false]);
    assert!(only_reason(cut.as_bytes()).contains("before the file ends"));
    let cut = whole.strip_suffix("</iati-activities>\n").unwrap();
    assert_eq!(verdicts(cut), [true, true, false]);
    for (rest, reason) in
        [("", "file holds no element"), ("hello", "the file is not XML"), ("{}", "not XML"), ("<a/>", "<a>")]
    {
        assert!(only_reason(rest.as_bytes()).contains(reason), "{rest}: {}", only_reason(rest.as_bytes()));
    }
    for rest in ["<", "<!", "<!--", "<?", "<?xml", "<iati-activities", "<iati-activities><", "<iati-activities><!-- "] {
        assert!(!reasons_of(rest.as_bytes()).is_empty(), "{rest}");
    }
}

#[test]
fn elements_of_others_may_stand_behind_the_activities_only() {
    let other = "<x:other xmlns:x=\"urn:x\"><x:in/></x:other>";
    let (one, two) = (activity("one"), activity("two"));
    assert_eq!(verdicts(&file(&[&one, &two, other])), [true, true]);
    let between = file(&[&one, other, &two]);
    assert_eq!(verdicts(&between), [true, false, true]);
    assert!(
        only_reason(between.as_bytes())
            .contains("line 3: elements of other namespaces have to come after all activities")
    );
    assert!(only_reason(file(&[&one, "<foo/>"]).as_bytes()).contains("<foo> does not belong in <iati-activities>"));
    assert!(only_reason(file(&[&one, "and"]).as_bytes()).contains("text between the activities"));
    // What the schema knows has to be right also within them.
    let wrong = "<x:other xmlns:x=\"urn:x\"><activity-date type=\"1\" iso-date=\"soon\"/></x:other>";
    assert!(only_reason(file(&[&one, wrong]).as_bytes()).contains("\"soon\" has to be a date"));
}

#[test]
fn a_namespace_of_its_own_is_not_that_of_the_schema() {
    let file = file(&[&activity("one")]).replace("version", "xmlns=\"urn:other\" version");
    assert!(only_reason(file.as_bytes()).contains("leave out its namespace urn:other"));
}

#[test]
fn files_in_the_encodings_of_the_world_say_the_same() {
    let text = |declared: &str| {
        format!("<?xml version=\"1.0\" encoding=\"{declared}\"?>\n{}", file(&[&activity("Município de São Tomé")]))
    };
    let little = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
    let big = |text: &str| text.encode_utf16().flat_map(u16::to_be_bytes).collect::<Vec<u8>>();
    let latin = |text: &str| text.chars().map(|letter| u8::try_from(u32::from(letter)).unwrap()).collect::<Vec<u8>>();
    for (what, file) in [
        ("UTF-8", text("UTF-8").into_bytes()),
        ("UTF-8 with a mark", [b"\xef\xbb\xbf", text("utf-8").as_bytes()].concat()),
        ("UTF-16 little", [b"\xff\xfe", &*little(&text("UTF-16"))].concat()),
        ("UTF-16 big", [b"\xfe\xff", &*big(&text("UTF-16"))].concat()),
        ("UTF-16 little, no mark", little(&text("UTF-16LE"))),
        ("UTF-16 big, no mark", big(&text("UTF-16BE"))),
        ("Latin-1", latin(&text("ISO-8859-1"))),
        ("Windows", latin(&text("windows-1252"))),
    ] {
        let judged: Vec<Judged> = Activities::new(&*file).collect();
        assert_eq!(judged.iter().map(title_of).collect::<Vec<_>>(), ["Município de São Tomé"], "{what}");
        let source = &judged.first().unwrap().source;
        assert_eq!(flaws_of(source), [[]], "{what}: what is kept of it is UTF-8");
    }
}

#[test]
fn an_encoding_that_is_wrong_is_named() {
    let latin = file(&[&activity("one"), &activity("S\u{1}o"), &activity("three")]);
    let latin: Vec<u8> = latin.bytes().map(|byte| if byte == 1 { 0xe3 } else { byte }).collect();
    assert_eq!(flaws_of(&latin).iter().map(Vec::is_empty).collect::<Vec<_>>(), [true, false, true]);
    let reason = only_reason(&latin);
    assert!(
        reason.contains("line 3: byte 0xE3 is not UTF-8; save the file as UTF-8, or name its encoding"),
        "{reason}"
    );
    for (declared, reason) in
        [("UTF-16", "says that it is written in UTF-16"), ("klingon", "encoding \"klingon\" is not known")]
    {
        let file = format!("<?xml version=\"1.0\" encoding=\"{declared}\"?>{}", file(&[&activity("one")]));
        assert!(only_reason(file.as_bytes()).contains(reason));
    }
    let wide: Vec<u8> = file(&[]).chars().flat_map(|letter| u32::from(letter).to_le_bytes()).collect();
    assert!(only_reason(&wide).contains("UTF-32"));
    let lone = [b"\xff\xfe".as_slice(), &[b'<', 0, 0, 0xd8, b'a', 0]].concat();
    assert!(only_reason(&lone).contains("not UTF-16LE"), "{}", only_reason(&lone));
}

#[test]
fn each_activity_says_where_it_was_and_can_be_read_again_alone() {
    let file = file(&[&activity("one"), &activity("two").replace("<title>", "\n<titel>"), &activity("three")]);
    let judged: Vec<Judged> = Activities::new(file.as_bytes()).collect();
    assert_eq!(judged.iter().map(|one| one.line).collect::<Vec<_>>(), [2, 3, 5]);
    let read: Vec<i64> = judged.iter().map(|one| one.bytes).collect();
    let ends = file.match_indices("</iati-activity>").map(|(at, end)| i64::try_from(at + end.len()).unwrap());
    assert_eq!(read, ends.collect::<Vec<_>>(), "each time from the file's beginning");
    for one in &judged {
        let again: Vec<Judged> = Activities::new(&*one.source).collect();
        assert_eq!(again.len(), 1);
        let again = again.first().unwrap();
        assert_eq!(again.outcome.is_ok(), one.outcome.is_ok());
        assert_eq!(again.source, one.source);
    }
}
