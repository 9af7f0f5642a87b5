//! What is and what is not well-formed.

use super::{Element, read};

fn text(document: &str) -> String {
    read(document).unwrap().text()
}

#[test]
fn references_and_line_ends_become_characters() {
    assert_eq!(text("<a>1 &lt; 2 &amp;&#65;&#x42;\r\n<![CDATA[<&>]]><!-- x -->!</a>"), "1 < 2 &AB\n<&>!");
    let element = read("<a b='x\r\ny\tz &quot;&#10;'/>").unwrap();
    assert_eq!(element.attribute("b"), Some("x y z \"\n"));
}

#[test]
fn names_stand_in_the_namespace_that_is_in_scope() {
    let root = read("<a xmlns='urn:one' xmlns:p='urn:two' p:x='' x=''><p:b/><c xmlns=''/><d/></a>").unwrap();
    assert!(root.name.is(Some("urn:one"), "a"));
    assert!(root.attributes.first().unwrap().name.is(Some("urn:two"), "x"));
    assert!(root.attributes.get(1).unwrap().name.is(None, "x"));
    let names: Vec<Option<&str>> = root.elements().map(|element: &Element| element.name.namespace.as_deref()).collect();
    assert_eq!(names, [Some("urn:two"), None, Some("urn:one")]);
}

#[test]
fn what_is_malformed_is_refused_where_it_stands() {
    for (document, offset) in [
        ("<a><b></a>", 6),
        ("<a", 0),
        ("<a/><b/>", 4),
        ("<a/>x", 4),
        ("x<a/>", 0),
        ("<a>&x;</a>", 3),
        ("<a>&#xFFFF;</a>", 3),
        ("<a>&#+65;</a>", 3),
        ("<a>\u{1}</a>", 3),
        ("<a b='1' b='2'/>", 9),
        ("<a xmlns:p='u' xmlns:q='u' p:b='' q:b=''/>", 34),
        ("<a xmlns:p=''/>", 3),
        ("<a xmlns:xml='u'/>", 3),
        ("<p:a/>", 0),
        ("<a:b:c/>", 0),
        ("<a xmlns:p='u' xmlns:p='u'/>", 15),
        (" <?xml version='1.0'?><a/>", 1),
        ("<a><?xml?></a>", 3),
        ("<a>]]></a>", 3),
        ("<!DOCTYPE a><a/>", 0),
        ("", 0),
    ] {
        assert_eq!(read(document).unwrap_err().offset, offset, "{document}: {:?}", read(document).unwrap_err());
    }
}
