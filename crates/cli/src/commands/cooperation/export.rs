//! Writing a history into a file.

use std::{fs, io::Write as _, path::Path};

use isopolity_proto::cooperation::ExportCooperationRequest;

use super::{
    step::{Service, get},
    words::{full_name, short_name},
};
use crate::{exit::Exit, output};

pub(super) async fn run(service: &mut Service, name: &str, file: Option<&Path>) -> Result<(), Exit> {
    let name = full_name(name)?;
    if let Some(fork) = get(service, &name).await?.fork {
        output::note(&format!(
            "the host forked this history: the file holds both events number {}, and \"isopolity verify\" shows that the host signed both",
            fork.sequence
        ));
    }
    let mut pieces = service.export_cooperation(ExportCooperationRequest { name: name.clone() }).await?.into_inner();
    let Some(file) = file else {
        while let Some(piece) = pieces.message().await? {
            output::write(&piece.piece)?;
        }
        return Ok(());
    };
    let unwritable = |error: std::io::Error| Exit::usage(format!("{} can't be written: {error}", file.display()));
    // Beside it first: a file that is there is whole.
    let mut beside = file.as_os_str().to_owned();
    beside.push(".part");
    let mut part = fs::File::create(&beside).map_err(unwritable)?;
    while let Some(piece) = pieces.message().await? {
        part.write_all(&piece.piece).map_err(unwritable)?;
    }
    part.sync_all().and_then(|()| fs::rename(&beside, file)).map_err(unwritable)?;
    output::note(&format!(
        "{} is in {}. Whoever has the trust bundles of its cities checks it without a node:\n  \
         isopolity verify {} --bundle CITY.bundle --bundle CITY.bundle",
        short_name(&name),
        file.display(),
        file.display()
    ));
    Ok(())
}
