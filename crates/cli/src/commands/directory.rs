//! Making, signing and looking at directories, with and without a node.

use std::{
    fs,
    io::{self, Write as _},
    path::Path,
};

use bytes::Bytes;
use isopolity_node::{Clock as _, SystemClock};
use isopolity_proto::admin::{
    DirectoryStatus, GetDirectoryRequest, OfferDirectoryRequest, ResetDirectoryRequest,
    directory_service_client::DirectoryServiceClient,
};
use isopolity_registry::directory::offline;
use serde_json::json;
use time::{Duration, OffsetDateTime, format_description::well_known::Rfc3339};

use crate::{
    args::{Directory, Global, Output},
    connection::{connect, read, read_bytes},
    exit::Exit,
    output,
};

/// No answer of a node is larger: a payload of 3 MiB in base64, and signatures.
const LARGEST: usize = 6 << 20;

pub(super) async fn run(global: &Global, command: &Directory) -> Result<(), Exit> {
    match command {
        Directory::Keygen { out } => keygen(global, out),
        Directory::Draft { federation, version, days, out, bundles } => {
            let files = bundles.iter().map(|file| read_bytes(file)).collect::<Result<Vec<_>, _>>()?;
            let now = SystemClock.now();
            let file =
                offline::draft(federation, *version, Duration::days(*days), &files, now).map_err(Exit::refused)?;
            write(out, file.as_bytes())?;
            output::note(&format!(
                "wrote {}; each operator: isopolity directory sign {} --key KEY",
                out.display(),
                out.display()
            ));
            Ok(())
        }
        Directory::Sign { file, key } => {
            let signed = offline::sign(&read_bytes(file)?, &read(key)?);
            let signed =
                signed.map_err(|problem| Exit::refused(format!("{} is not signed: {problem}", file.display())))?;
            write(file, signed.as_bytes())?;
            output::note(&format!("signed {}", file.display()));
            Ok(())
        }
        Directory::Verify { file, keys, threshold } => verify(global, file, keys, threshold.unwrap_or(keys.len())),
        Directory::Show { file: Some(file), .. } => show_file(global, file),
        Directory::Show { file: None, out } => {
            let include_file = out.is_some();
            let got = client(global).await?.get_directory(GetDirectoryRequest { include_file }).await?.into_inner();
            if let Some(out) = out {
                if got.file.is_empty() {
                    return Err(Exit::refused("this node has no directory yet"));
                }
                write(out, &got.file)?;
                output::note(&format!("wrote {}", out.display()));
            }
            told(global, got.status)
        }
        Directory::Offer { file } => {
            let request = OfferDirectoryRequest { file: Bytes::from(read_bytes(file)?) };
            let taken = client(global).await?.offer_directory(request).await?.into_inner();
            told(global, taken.status)
        }
        Directory::Reset { version } => {
            let request = ResetDirectoryRequest { version: *version };
            let reset = client(global).await?.reset_directory(request).await?.into_inner();
            told(global, reset.status)
        }
    }
}

/// Says what is wrong with the node's directory, if it has one and anything is.
pub(super) async fn note_trouble(global: &Global) -> Result<(), Exit> {
    match client(global).await?.get_directory(GetDirectoryRequest::default()).await {
        Ok(got) => {
            let status = got.into_inner().status.unwrap_or_default();
            if !status.trouble.is_empty() {
                output::note(&format!("directory of {}: {}", status.federation, status.trouble));
            }
            Ok(())
        }
        // Most nodes have none.
        Err(status) if matches!(status.code(), tonic::Code::NotFound | tonic::Code::Unimplemented) => Ok(()),
        Err(status) => Err(status.into()),
    }
}

async fn client(global: &Global) -> Result<DirectoryServiceClient<isopolity_node::client::Client>, Exit> {
    let client = DirectoryServiceClient::new(connect(global).await?);
    Ok(client.max_decoding_message_size(LARGEST))
}

fn keygen(global: &Global, out: &Path) -> Result<(), Exit> {
    let (pem, public) = offline::keygen().map_err(Exit::fault)?;
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options.open(out).and_then(|mut file| file.write_all(pem.as_bytes()));
    written.map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => {
            Exit::usage(format!("{} exists already and is never overwritten", out.display()))
        }
        _ => Exit::fault(format!("{} can't be written: {error}", out.display())),
    })?;
    if global.output == Output::Json {
        return output::line(&json!({"key": public}).to_string());
    }
    output::note(&format!(
        "wrote {}: keep it secret. The public key, for directory.keys of every node:",
        out.display()
    ));
    output::line(&public)
}

fn verify(global: &Global, file: &Path, keys: &[String], threshold: usize) -> Result<(), Exit> {
    let looked = offline::verify(&read_bytes(file)?, keys, threshold, SystemClock.now());
    let verified =
        looked.map_err(|problem| Exit::refused(format!("{} is not to be believed: {problem}", file.display())))?;
    let directory = &verified.directory;
    if global.output == Output::Json {
        let answer = json!({
            "verified": verified.refused.is_none(),
            "federation": directory.federation,
            "version": directory.version.to_string(),
            "expireTime": when(directory.expires),
            "members": directory.members.iter().map(|member| member.city.as_str()).collect::<Vec<_>>(),
            "signedBy": verified.signed_by,
            "threshold": threshold,
            "problem": verified.refused.as_ref().map(ToString::to_string),
        });
        output::line(&answer.to_string())?;
    } else {
        output::line(&format!(
            "{} of {} operators have signed, {threshold} are needed:",
            verified.signed_by.len(),
            keys.len()
        ))?;
        for key in keys {
            let word = if verified.signed_by.contains(key.trim()) { "signed    " } else { "not signed" };
            output::line(&format!("  {word}  {key}"))?;
        }
        let (name, version, members) = (&directory.federation, directory.version, directory.members.len());
        output::line(&format!(
            "{name}, version {version}, {members} members, in date until {}",
            when(directory.expires)
        ))?;
    }
    match verified.refused {
        None => Ok(()),
        Some(error) => Err(Exit::refused(format!("{} would not be taken: {error}", file.display()))),
    }
}

fn show_file(global: &Global, file: &Path) -> Result<(), Exit> {
    let looked = offline::verify(&read_bytes(file)?, &[], 1, SystemClock.now());
    let seen = looked.map_err(|problem| Exit::refused(format!("{}: {problem}", file.display())))?;
    let directory = &seen.directory;
    if global.output == Output::Json {
        let members =
            directory.members.iter().map(|member| json!({"city": member.city.as_str(), "endpoint": member.endpoint}));
        let answer = json!({
            "federation": directory.federation,
            "version": directory.version.to_string(),
            "issueTime": when(directory.issued),
            "expireTime": when(directory.expires),
            "signatures": seen.signatures,
            "members": members.collect::<Vec<_>>(),
        });
        return output::line(&answer.to_string());
    }
    output::line(&format!(
        "{}, version {}, in date until {}",
        directory.federation,
        directory.version,
        when(directory.expires)
    ))?;
    output::line(&format!("{} signatures, not checked here: isopolity directory verify", seen.signatures))?;
    let mut rows = output::table(&["City", "Endpoint"]);
    for member in &directory.members {
        rows.add_row([member.city.to_string(), member.endpoint.clone()]);
    }
    output::line(&rows.to_string())
}

fn told(global: &Global, status: Option<DirectoryStatus>) -> Result<(), Exit> {
    let status = status.unwrap_or_default();
    if global.output == Output::Json {
        return output::json(&status);
    }
    if status.version == 0 {
        output::line(&format!(
            "{}: no directory yet; {} operators must sign one",
            status.federation, status.threshold
        ))?;
    } else {
        let until = output::when(status.expire_time.as_ref());
        let DirectoryStatus { federation, version, members, .. } = &status;
        output::line(&format!("{federation}, version {version}, {members} members, in date until {until}"))?;
        output::line(&format!("signed by {} operators, {} are needed", status.signed_by.len(), status.threshold))?;
    }
    if status.trouble.is_empty() { Ok(()) } else { output::line(&format!("trouble: {}", status.trouble)) }
}

fn when(time: OffsetDateTime) -> String {
    time.format(&Rfc3339).unwrap_or_default()
}

/// Writes a file whole or not at all.
fn write(path: &Path, content: &[u8]) -> Result<(), Exit> {
    let draft = path.with_extension("new");
    fs::write(&draft, content)
        .and_then(|()| fs::rename(&draft, path))
        .map_err(|error| Exit::fault(format!("{} can't be written: {error}", path.display())))
}
