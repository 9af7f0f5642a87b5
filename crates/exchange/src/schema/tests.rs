//! What a schema may and may not say, and how it judges.

use super::{
    Schema,
    simple::{BuiltIn, Simple},
};

fn schema(body: &str) -> Result<Schema, String> {
    let text = format!("<xsd:schema xmlns:xsd=\"http://www.w3.org/2001/XMLSchema\">{body}</xsd:schema>");
    Schema::read(&[("a.xsd", &text)]).map_err(|error| error.to_string())
}

fn accepts(built_in: BuiltIn, text: &str) -> bool {
    Simple::BuiltIn(built_in).accepts(text)
}

#[test]
fn a_schema_that_uses_what_is_not_known_is_refused() {
    for (body, reason) in [
        ("<xsd:group name=\"g\"/>", "<xsd:group>"),
        ("<xsd:element name=\"a\" type=\"xsd:duration\"/>", "duration"),
        ("<xsd:element name=\"a\" type=\"other\"/>", "type other is not declared"),
        ("<xsd:element name=\"a\" nillable=\"true\" type=\"xsd:string\"/>", "nillable"),
        ("<xsd:element name=\"a\"><xsd:complexType mixed=\"true\"/></xsd:element>", "attributes of <xsd:complexType>"),
        ("<xsd:complexType name=\"a\"><xsd:all/></xsd:complexType>", "<xsd:all>"),
        (
            "<xsd:complexType name=\"a\"><xsd:sequence><xsd:element ref=\"b\"/></xsd:sequence></xsd:complexType>",
            "element b",
        ),
        ("<xsd:complexType name=\"a\"><xsd:sequence maxOccurs=\"3\"/></xsd:complexType>", "maxOccurs=3"),
        (
            "<xsd:complexType name=\"a\"><xsd:anyAttribute processContents=\"strict\"/></xsd:complexType>",
            "##other and lax",
        ),
        ("<xsd:include schemaLocation=\"b.xsd\"/>", "b.xsd: is missing"),
    ] {
        let error = schema(body).unwrap_err();
        assert!(error.contains(reason), "{reason}: {error}");
    }
    assert!(Schema::read(&[("a.xsd", "<xsd")]).is_err());
    assert!(Schema::read(&[("a.xsd", "<a/>")]).is_err());
}

#[test]
fn the_empty_schema_accepts_nothing() {
    assert_eq!(Schema::default().judge("<a/>").len(), 1);
    assert_eq!(Schema::read(&[]).unwrap().judge("<a/>").len(), 1);
}

#[test]
fn choices_and_repetitions_are_kept_apart() {
    let leaf = |name: &str| format!("<xsd:element name=\"{name}\" type=\"xsd:string\"/>");
    let schema = schema(&format!(
        "<xsd:element name=\"r\"><xsd:complexType><xsd:sequence>{}<xsd:choice minOccurs=\"0\" maxOccurs=\"unbounded\">{}\
         <xsd:sequence>{}{}</xsd:sequence></xsd:choice>{}</xsd:sequence></xsd:complexType></xsd:element>",
        leaf("a"), leaf("b"), leaf("c"), leaf("d"), leaf("e")
    ))
    .unwrap();
    let judge = |names: &str| {
        let inner: String = names.chars().flat_map(|name| format!("<{name}/>").chars().collect::<Vec<_>>()).collect();
        schema.judge(&format!("<r>{inner}</r>")).into_iter().map(|fault| fault.description).collect::<Vec<_>>()
    };
    for right in ["ae", "abe", "abbcdbcde", "acde"] {
        assert_eq!(judge(right), Vec::<String>::new(), "{right}");
    }
    assert_eq!(judge("a"), ["<e> is missing in <r>"]);
    assert_eq!(judge("ace"), ["<d> has to come before <e>"]);
    assert_eq!(judge("ac"), ["<d>, <e> are missing in <r>"]);
    assert_eq!(judge("aeb"), ["<b> has to come before <e>; expected here: nothing more"]);
    assert_eq!(judge("axe"), ["<x> is not an element that <r> may have; expected <b>, <c> or <e>"]);
    assert_eq!(judge("aae"), ["<a> may stand only once in <r>; expected <b>, <c> or <e>"]);
}

#[test]
fn a_date_is_a_day_that_exists() {
    for right in ["2024-02-29", "2020-01-31Z", "2020-01-31+14:00", "2020-01-31-05:30", " 2020-01-31\n", "-0044-03-15"] {
        assert!(accepts(BuiltIn::Date, right), "{right}");
    }
    for wrong in [
        "",
        "2023-02-29",
        "2020-13-01",
        "2020-00-01",
        "2020-1-1",
        "20-01-01",
        "2020-01-31+15:00",
        "2020-01-31T00:00:00",
        "0000-01-01",
        "2020-01",
        "2020-01-31z",
        "+2020-01-31",
        "2020-01-31+1:00",
        "２０２０-01-01",
    ] {
        assert!(!accepts(BuiltIn::Date, wrong), "{wrong}");
    }
    for right in ["2020-01-31T09:30:00", "2020-01-31T09:30:00.5Z", "2020-01-31T24:00:00", "2020-01-31T09:30:00-03:00"] {
        assert!(accepts(BuiltIn::DateTime, right), "{right}");
    }
    for wrong in [
        "2020-01-31",
        "2020-01-31T9:30:00",
        "2020-01-31T24:00:01",
        "2020-01-31T09:60:00",
        "2020-01-31T09:30",
        "2020-01-31 09:30:00",
        "2020-01-31T09:30:00.",
        "2020-02-30T09:30:00",
    ] {
        assert!(!accepts(BuiltIn::DateTime, wrong), "{wrong}");
    }
}

#[test]
fn numbers_are_written_as_the_schema_says() {
    for (kind, right, wrong) in [
        (BuiltIn::Decimal, ["-1.50", "+0", ".5", "100.", "007"], ["", ".", "1,5", "1e3", "NaN"]),
        (BuiltIn::Int, ["0", "-2147483648", "2147483647", "+7", "-0"], ["2147483648", "-2147483649", "1.0", "", "x"]),
        (BuiltIn::NonNegativeInteger, ["0", "-0", "+1", "00", "99999999999999999999"], ["-1", "", "1.", " ", "-"]),
        (BuiltIn::PositiveInteger, ["1", "+1", "01", "2020", "99999999999999999999"], ["0", "-1", "", "00", "1.5"]),
        (BuiltIn::Boolean, ["true", "false", "0", "1", " true "], ["TRUE", "yes", "", "2", "t"]),
        (
            BuiltIn::Language,
            ["en", "pt-BR", "x-klingon", "zh-Hant-TW", "i-default"],
            ["", "pt_BR", "toolonglanguage", "-en", "e n"],
        ),
        (BuiltIn::NmToken, ["a", "1-b", ":x", "title", "é"], ["", "a b", "a,b", "a/b", "a\"b"]),
        (BuiltIn::Name, ["a", "_1", "é", "a-b", "a.b"], ["", "1a", "a:b", "a b", "-a"]),
    ] {
        for text in right {
            assert!(accepts(kind, text), "{kind:?} {text:?}");
        }
        for text in wrong {
            assert!(!accepts(kind, text), "{kind:?} {text:?}");
        }
    }
}

#[test]
fn addresses_are_what_can_be_an_address() {
    for right in [
        "https://example.org/a?b=c#d",
        "",
        "a/b",
        "../x",
        "mailto:a@b.c",
        "urn:x:y",
        "http://[::1]:8080/",
        "http://é.example/ü",
    ] {
        assert!(accepts(BuiltIn::AnyUri, right), "{right}");
    }
    for wrong in ["http://example.org/100%", "http://example.org/%zz", "http://a:b:c/", "#a#b", "1http://x", ":x"] {
        assert!(!accepts(BuiltIn::AnyUri, wrong), "{wrong}");
    }
}
