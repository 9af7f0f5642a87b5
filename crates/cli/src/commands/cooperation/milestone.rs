//! What is to be done by whom until when.

use isopolity_proto::cooperation::{Milestone as Stone, MilestoneCompletion, MilestoneSetting, step::Action};

use super::{
    step::{Service, Taking, get, take},
    words::{day, full_name, texts, today},
};
use crate::{
    args::{Global, Milestone},
    exit::Exit,
};

pub(super) async fn run(global: &Global, service: &mut Service, command: &Milestone) -> Result<(), Exit> {
    match command {
        Milestone::Set { name, id, title, owner, due, dropped } => {
            let full = full_name(name)?;
            let known = get(service, &full).await?.milestones.into_iter().find(|one| one.id == *id);
            let is_new = known.is_none();
            let mut stone = known.unwrap_or_else(|| Stone { id: id.clone(), ..Stone::default() });
            if !title.is_empty() {
                stone.titles = texts(title);
            }
            if let Some(owner) = owner {
                stone.owner.clone_from(owner);
            }
            if let Some(due) = due {
                day("due", due)?.clone_into(&mut stone.due_date);
            }
            stone.dropped = *dropped;
            let missing: Vec<&str> = [
                ("--title", stone.titles.is_empty()),
                ("--owner", stone.owner.is_empty()),
                ("--due", stone.due_date.is_empty()),
            ]
            .into_iter()
            .filter_map(|(option, is_missing)| is_missing.then_some(option))
            .collect();
            if !missing.is_empty() {
                return Err(Exit::usage(format!("{id:?} is a new milestone: it needs {}", missing.join(", "))));
            }
            let done = match (is_new, dropped) {
                (_, true) => format!("milestone {id} dropped"),
                (true, false) => format!("milestone {id} set for {}, by {}", stone.owner, stone.due_date),
                (false, false) => format!("milestone {id} changed"),
            };
            let action = Action::MilestoneSetting(MilestoneSetting { milestone: Some(stone) });
            take(global, service, Taking { name: full, action, done: &done, seen: 0, dry_run: false }).await
        }
        Milestone::Done { name, id, date, outcome } => {
            let complete_date = match date {
                Some(date) => day("date", date)?.to_owned(),
                None => today(),
            };
            let completion = MilestoneCompletion { milestone: id.clone(), complete_date, outcomes: texts(outcome) };
            let (action, done) = (Action::MilestoneCompletion(completion), format!("milestone {id} done"));
            let name = full_name(name)?;
            take(global, service, Taking { name, action, done: &done, seen: 0, dry_run: false }).await
        }
    }
}
