//! Workbooks: a file as it is, or the parts of one, which a change within a zip file would seldom reach: its checksums
//! stand before them.
#![no_main]

use std::{
    io::{Cursor, Write as _},
    ops::ControlFlow,
    panic,
    sync::{LazyLock, Once},
};

use isopolity_domain::Kind;
use isopolity_exchange::{Mapping, guess, mapping, read};
use libfuzzer_sys::fuzz_target;
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

#[path = "../context.rs"]
mod context;

static STANDARD: LazyLock<Mapping> = LazyLock::new(|| mapping::mapping_for(Kind::Organization));
static HOOK: Once = Once::new();

/// What stands around the parts that change.
const FRAME: [(&str, &str); 4] = [
    (
        "[Content_Types].xml",
        r#"<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="xml" ContentType="application/xml"/></Types>"#,
    ),
    (
        "_rels/.rels",
        r#"<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>"#,
    ),
    (
        "xl/workbook.xml",
        r#"<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets><sheet name="organization" sheetId="1" r:id="rId1"/></sheets></workbook>"#,
    ),
    (
        "xl/_rels/workbook.xml.rels",
        r#"<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet1.xml"/></Relationships>"#,
    ),
];
/// In the order in which the input has them, with a line of four dashes between.
const PARTS: [&str; 3] = ["xl/worksheets/sheet1.xml", "xl/sharedStrings.xml", "xl/styles.xml"];

fuzz_target!(|bytes: &[u8]| {
    HOOK.call_once(only_our_panics_end_the_run);
    let Some((choice, bytes)) = bytes.split_first() else { return };
    let file = if choice % 2 == 0 { bytes.to_vec() } else { zipped(&String::from_utf8_lossy(bytes)) };
    if choice % 4 < 2 {
        let context = context::context();
        read::workbook(Cursor::new(file), &STANDARD, &context, &mut |_row| ControlFlow::Continue(()));
    } else if let Ok(text) = guess::guess(&file, true, None) {
        Mapping::parse(&text).expect("a proposal is a mapping");
    }
});

/// The reader of the format is someone else's. That it panics is known, and caught beside where it is called.
fn only_our_panics_end_the_run() {
    let ends = panic::take_hook();
    panic::set_hook(Box::new(move |panicked| {
        let theirs = panicked.location().is_some_and(|place| place.file().contains("/calamine-"));
        if !theirs {
            ends(panicked);
        }
    }));
}

fn zipped(parts: &str) -> Vec<u8> {
    let mut file = ZipWriter::new(Cursor::new(Vec::new()));
    let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    for (name, content) in FRAME.into_iter().chain(PARTS.into_iter().zip(parts.split("\n----\n"))) {
        file.start_file(name, stored).expect("a name");
        file.write_all(content.as_bytes()).expect("memory");
    }
    file.finish().expect("memory").into_inner()
}
