//! Drafts: what no other city knows of yet.

use isopolity_proto::cooperation::{
    Cooperation, CreateCooperationRequest, DeleteDraftRequest, Proposal, UpdateDraftRequest,
};

use super::{
    content::put_into,
    file,
    step::{Service, get},
    words::{full_name, kind_word, short_name, title},
};
use crate::{
    args::{EditDraft, Global, NewDraft, Output},
    exit::Exit,
    output,
};

pub(super) async fn begin(global: &Global, service: &mut Service, new: &NewDraft) -> Result<(), Exit> {
    let mut draft = new.file.as_deref().map(file::read).transpose()?.unwrap_or_default();
    put_into(&mut draft, &new.content)?;
    let request =
        CreateCooperationRequest { cooperation_id: new.id.clone(), draft: Some(draft), validate_only: new.dry_run };
    let begun = service.create_cooperation(request).await?.into_inner();
    if global.output == Output::Json {
        return output::json(&begun);
    }
    let cooperation = begun.cooperation.unwrap_or_default();
    if new.dry_run {
        return output::line("it can be drafted so; nothing was written");
    }
    let short = short_name(&cooperation.name);
    output::line(&format!("{short} is a draft: {}", in_a_line(&cooperation)))?;
    output::note(&format!(
        "look at it: isopolity cooperation show {short}\nsend it:    isopolity cooperation propose {short}"
    ));
    Ok(())
}

pub(super) async fn edit(global: &Global, service: &mut Service, edit: &EditDraft) -> Result<(), Exit> {
    let name = full_name(&edit.name)?;
    let mut draft = match edit.file.as_deref() {
        Some(file) => file::read(file)?,
        None => of(&get(service, &name).await?)?,
    };
    put_into(&mut draft, &edit.content)?;
    let changed = service.update_draft(UpdateDraftRequest { name, draft: Some(draft) }).await?.into_inner();
    if global.output == Output::Json {
        return output::json(&changed);
    }
    let cooperation = changed.cooperation.unwrap_or_default();
    output::line(&format!("{} is changed: {}", short_name(&cooperation.name), in_a_line(&cooperation)))
}

pub(super) async fn discard(global: &Global, service: &mut Service, name: &str) -> Result<(), Exit> {
    let name = full_name(name)?;
    let gone = service.delete_draft(DeleteDraftRequest { name: name.clone() }).await?.into_inner();
    if global.output == Output::Json {
        return output::json(&gone);
    }
    output::line(&format!("{} is gone; no other city knew of it", short_name(&name)))
}

/// The draft of a cooperation that is one.
pub(super) fn of(cooperation: &Cooperation) -> Result<Proposal, Exit> {
    cooperation.draft.clone().ok_or_else(|| {
        let short = short_name(&cooperation.name);
        Exit::refused(format!(
            "{short} was proposed and is no draft any more; \"terms {short}\" prints its terms, for counter"
        ))
    })
}

fn in_a_line(cooperation: &Cooperation) -> String {
    let draft = cooperation.draft.clone().unwrap_or_default();
    let (kind, title) = (kind_word(draft.kind()), title(cooperation));
    let with = if draft.participants.is_empty() { "nobody yet".to_owned() } else { draft.participants.join(", ") };
    let title = if title.is_empty() { String::new() } else { format!(" \"{title}\"") };
    format!("{kind}{title} with {with}")
}
