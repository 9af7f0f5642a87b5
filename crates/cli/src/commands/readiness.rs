//! What stands between a partnership and its next stage.

use isopolity_proto::registry::{
    ConditionStanding, ConditionStatus, GetReadinessRequest, PartnershipStage,
    partnership_service_client::PartnershipServiceClient,
};

use crate::{
    args::{Global, Output, Readiness},
    connection::connect,
    exit::Exit,
    output,
};

pub(super) async fn run(global: &Global, arguments: &Readiness) -> Result<(), Exit> {
    let to_stage = arguments.to.as_deref().map(stage).transpose()?.unwrap_or_default();
    let mut partnerships = PartnershipServiceClient::new(connect(global).await?);
    let request = GetReadinessRequest { name: arguments.name.clone(), to_stage: to_stage.into() };
    let readiness = partnerships.get_readiness(request).await?.into_inner();
    if global.output == Output::Json {
        return output::json(&readiness);
    }
    let (at, to) = (stage_word(readiness.stage()), stage_word(readiness.to_stage()));
    output::line(&if readiness.ready {
        format!("at {at}; ready for {to}")
    } else {
        format!("at {at}; not ready for {to}")
    })?;
    for missing in &readiness.missing {
        output::line(&format!("  {missing}"))?;
    }
    let sides = [("Destination", &readiness.destination), ("Origin", &readiness.origin), ("Both", &readiness.joint)];
    let mut rows = output::table(&["Side", "Condition", "Stands", "Blocks", "Who", "What it asks for"]);
    for (side, standings) in sides {
        for one in standings.iter().filter(|one| arguments.all || one.blocking || one.waived) {
            rows.add_row([
                side.to_owned(),
                one.condition().as_str_name().trim_start_matches("CONDITION_").to_owned(),
                standing(one),
                if one.blocking { "yes".to_owned() } else { String::new() },
                one.responsible.clone(),
                one.description.clone(),
            ]);
        }
    }
    if rows.is_empty() { Ok(()) } else { output::line(&rows.to_string()) }
}

fn standing(standing: &ConditionStanding) -> String {
    let word = match standing.status() {
        ConditionStatus::Unspecified | ConditionStatus::NotAssessed => "not assessed",
        ConditionStatus::Met => "met",
        ConditionStatus::PartlyMet => "partly met",
        ConditionStatus::NotMet => "not met",
        ConditionStatus::NotApplicable => "not applicable",
    };
    match (standing.waived, standing.expired) {
        (true, _) => format!("{word}, waived"),
        (false, true) => format!("{word}: the finding has expired"),
        (false, false) => word.to_owned(),
    }
}

/// A stage by its word, for example `market-research`.
pub(super) fn stage(word: &str) -> Result<PartnershipStage, Exit> {
    let name = format!("PARTNERSHIP_STAGE_{}", word.to_uppercase().replace(['-', ' '], "_"));
    PartnershipStage::from_str_name(&name).filter(|stage| *stage != PartnershipStage::Unspecified).ok_or_else(|| {
        let words: Vec<String> =
            (1..=9).filter_map(|number| PartnershipStage::try_from(number).ok()).map(stage_word).collect();
        Exit::usage(format!("{word:?} is no stage; there is {}", words.join(", ")))
    })
}

/// The word for a stage.
pub(super) fn stage_word(stage: PartnershipStage) -> String {
    stage.as_str_name().trim_start_matches("PARTNERSHIP_STAGE_").to_lowercase().replace('_', "-")
}
