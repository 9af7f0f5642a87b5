//! Checking an exported record, cooperation or audit log offline.

mod cooperation;

use std::{
    fs::File,
    io::{BufReader, Read as _},
    path::{Path, PathBuf},
};

use isopolity_registry::verify::{LogVerifier, VerifyLogError, hexadecimal, is_audit_log, is_cooperation, verify};
use serde_json::{Value, json};

use crate::{
    args::{Global, Output, Verify},
    connection::read_bytes,
    exit::Exit,
    output,
};

/// Enough of a file to tell what it is.
const BEGINNING: usize = 64;

pub(super) fn run(global: &Global, arguments: &Verify) -> Result<(), Exit> {
    let bundles = arguments.bundle.iter().map(|file| read_bytes(file)).collect::<Result<Vec<_>, _>>()?;
    let kinds = arguments.files.iter().map(|file| kind(file)).collect::<Result<Vec<_>, _>>()?;
    match (arguments.files.as_slice(), kinds.as_slice()) {
        (files, kinds) if kinds.iter().all(|kind| *kind == Kind::Log) => {
            audit_logs(global, files, only(&bundles)?, &arguments.witness)
        }
        ([file], [Kind::Cooperation]) => cooperation::run(global, file, &bundles),
        ([file], [Kind::Unknown]) if bundles.len() > 1 => Err(Exit::refused(format!(
            "{} is not to be believed: it begins as no exported cooperation does, and anything else is checked with one --bundle",
            file.display()
        ))),
        ([file], _) => record(global, file, only(&bundles)?),
        _ => Err(Exit::usage("only audit logs are checked several at once; check records and cooperations one by one")),
    }
}

/// What a file is, by its beginning.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Log,
    Cooperation,
    /// A record, or something that was changed.
    Unknown,
}

/// The bundle of the one city whose file it is.
fn only(bundles: &[Vec<u8>]) -> Result<&[u8], Exit> {
    match bundles {
        [only] => Ok(only),
        _ => Err(Exit::usage("a record or an audit log is of one city: give one --bundle, that city's")),
    }
}

fn kind(file: &Path) -> Result<Kind, Exit> {
    let mut beginning = Vec::with_capacity(BEGINNING);
    open(file)?.take(BEGINNING as u64).read_to_end(&mut beginning).map_err(|error| unreadable(file, &error))?;
    Ok(match beginning.as_slice() {
        log if is_audit_log(log) => Kind::Log,
        cooperation if is_cooperation(cooperation) => Kind::Cooperation,
        _ => Kind::Unknown,
    })
}

fn open(file: &Path) -> Result<File, Exit> {
    File::open(file).map_err(|error| unreadable(file, &error))
}

fn unreadable(file: &Path, error: &std::io::Error) -> Exit {
    Exit::usage(format!("{} can't be read: {error}", file.display()))
}

/// Logs that follow one another.
fn audit_logs(global: &Global, files: &[PathBuf], bundle: &[u8], witnesses: &[PathBuf]) -> Result<(), Exit> {
    let witnesses = witnesses.iter().map(|file| read_bytes(file)).collect::<Result<Vec<_>, _>>()?;
    let unusable = |error: VerifyLogError| Exit::refused(error.to_string());
    let mut verifier = LogVerifier::begin(bundle, &witnesses).map_err(unusable)?;
    let mut answers: Vec<Value> = Vec::new();
    for file in files {
        let log = BufReader::new(open(file)?);
        let checked = verifier
            .file(log)
            .map_err(|error| Exit::refused(format!("{} is not to be believed: {error}", file.display())))?;
        let hash = hexadecimal(&checked.end.hash);
        if global.output == Output::Json {
            let receipts = checked.receipts.iter().map(|one| {
                json!({
                    "witness": one.receipt.witness,
                    "sequence": one.receipt.sequence.to_string(),
                    "time": output::when(one.receipt.time.as_ref()),
                    "signatureChecked": one.checked,
                })
            });
            answers.push(json!({
                "file": file.display().to_string(),
                "firstSequence": checked.first.to_string(),
                "lastSequence": checked.end.sequence.to_string(),
                "hash": hash,
                "erasedDetails": checked.erased.to_string(),
                "receipts": receipts.collect::<Vec<_>>(),
            }));
            continue;
        }
        let (first, last) = (checked.first, checked.end.sequence);
        let signed = output::when(checked.head.time.as_ref());
        output::line(&format!("{} is as {} signed it on {signed}.", file.display(), verifier.city()))?;
        output::line(&format!("  entries    {first} to {last}, without gaps"))?;
        output::line(&format!("  hash       {hash}"))?;
        if checked.erased > 0 {
            output::line(&format!(
                "  erased     {} details, {} of them by an entry of another file or none",
                checked.erased,
                checked.unexplained.len()
            ))?;
        }
        for one in &checked.receipts {
            let how =
                if one.checked { "signature checked" } else { "signature not checked: give --witness its bundle" };
            let when = output::when(one.receipt.time.as_ref());
            output::line(&format!(
                "  witnessed  by {} up to entry {} on {when} ({how})",
                one.receipt.witness, one.receipt.sequence
            ))?;
        }
    }
    if global.output == Output::Json {
        let answer = json!({
            "verified": true,
            "city": verifier.city().to_string(),
            "files": answers,
            "bundleFingerprint": verifier.fingerprint(),
        });
        return output::line(&answer.to_string());
    }
    output::line(&format!("  bundle     {} (compare it with the city's)", verifier.fingerprint()))
}

fn record(global: &Global, path: &Path, bundle: &[u8]) -> Result<(), Exit> {
    let record = read_bytes(path)?;
    let file = path.display();
    let verified =
        verify(&record, bundle).map_err(|error| Exit::refused(format!("{file} is not to be believed: {error}")))?;
    let record = verified.record;
    if global.output == Output::Json {
        let answer = json!({
            "verified": true,
            "city": record.city,
            "name": record.name,
            "version": record.version.to_string(),
            "publishTime": record.publish_time.as_ref().map(|time| output::when(Some(time))),
            "bundleFingerprint": verified.bundle_fingerprint,
        });
        return output::line(&answer.to_string());
    }
    output::line(&format!("{file} is as {} signed it.", record.city))?;
    output::line(&format!("  name       {}", record.name))?;
    output::line(&format!(
        "  version    {}, published {}",
        record.version,
        output::when(record.publish_time.as_ref())
    ))?;
    output::line(&format!("  bundle     {} (compare it with the city's)", verified.bundle_fingerprint))
}
