//! The checklist itself. Sources: DELI, OECD and the G20 Rome principles, EUDiF, CeSPI, towns' own registers; who is
//! responsible and which gate is closed are those of the proto's comments.

use isopolity_proto::registry::{Condition, PartnershipStage};

use super::{Rule, Sides};

const MIGRANTS: &str = "firm or association of migrants";
const DESTINATION: &str = "authority of destination";
const ORIGIN: &str = "authority of origin";
const AGENCIES: &str = "business development agencies";
const AUTHORITIES: &str = "both authorities";
const ALL: &str = "all who take part";

const SEARCH: Option<PartnershipStage> = Some(PartnershipStage::PartnerSearch);
const FEASIBILITY: Option<PartnershipStage> = Some(PartnershipStage::Feasibility);
const FORMALISED: Option<PartnershipStage> = Some(PartnershipStage::Formalised);
const LAUNCH: Option<PartnershipStage> = Some(PartnershipStage::Launch);
const PROFIT: Option<PartnershipStage> = Some(PartnershipStage::ProfitTaking);

const fn rule(
    condition: Condition,
    responsible: &'static str,
    sides: Sides,
    gate: Option<PartnershipStage>,
    description: &'static str,
) -> Rule {
    Rule { condition, responsible, sides, gate, description }
}

/// Every condition, in the order of the checklist.
pub const RULES: [Rule; 26] = [
    rule(
        Condition::M1,
        MIGRANTS,
        Sides::Destination,
        SEARCH,
        "the firm or association exists in law and can be identified, by an identifier or a declared absence of one",
    ),
    rule(
        Condition::M2,
        MIGRANTS,
        Sides::Destination,
        FEASIBILITY,
        "there is a business plan, and skills as an entrepreneur or a mentor",
    ),
    rule(
        Condition::M3,
        MIGRANTS,
        Sides::Destination,
        FEASIBILITY,
        "know-how of the market of origin is shown: language, network, earlier trade",
    ),
    rule(
        Condition::M4,
        MIGRANTS,
        Sides::Destination,
        FORMALISED,
        "there is an own stake or secured finance; equal access to finance was checked",
    ),
    rule(
        Condition::M5,
        MIGRANTS,
        Sides::Each,
        FORMALISED,
        "the right to work, trade and travel is confirmed as yes or no; no document is stored",
    ),
    rule(Condition::M6, MIGRANTS, Sides::Destination, None, "there is consent to be listed, with scope and end"),
    rule(
        Condition::A1,
        DESTINATION,
        Sides::Destination,
        SEARCH,
        "there is a political mandate: a council decision, or competence",
    ),
    rule(
        Condition::A2,
        DESTINATION,
        Sides::Destination,
        FEASIBILITY,
        "an office, a focal point and a budget line are named",
    ),
    rule(
        Condition::A3,
        DESTINATION,
        Sides::Destination,
        FEASIBILITY,
        "it is part of the city's economic strategy and of its integration strategy",
    ),
    rule(
        Condition::A4,
        DESTINATION,
        Sides::Destination,
        FEASIBILITY,
        "mainstream services are open, in the languages that are needed",
    ),
    rule(
        Condition::A5,
        DESTINATION,
        Sides::Destination,
        LAUNCH,
        "public purchasing can be reached by diverse suppliers",
    ),
    rule(
        Condition::A6,
        DESTINATION,
        Sides::Destination,
        FORMALISED,
        "conflicts of interest and integrity were checked",
    ),
    rule(Condition::O1, ORIGIN, Sides::Origin, SEARCH, "the counterpart authority is competent and has confirmed"),
    rule(
        Condition::O2,
        ORIGIN,
        Sides::Origin,
        FEASIBILITY,
        "its development plan names the sector, and it recognises the diaspora as an actor",
    ),
    rule(Condition::O3, ORIGIN, Sides::Origin, FEASIBILITY, "formalities are known: registration, tax, land, customs"),
    rule(Condition::O4, ORIGIN, Sides::Origin, FORMALISED, "there are a focal point and a rhythm of meetings"),
    rule(
        Condition::B1,
        AGENCIES,
        Sides::Each,
        FEASIBILITY,
        "a business development agency is named, with terms of service",
    ),
    rule(
        Condition::B2,
        AGENCIES,
        Sides::Each,
        FEASIBILITY,
        "services cover each stage up to profit-taking; gaps are listed",
    ),
    rule(
        Condition::B3,
        ALL,
        Sides::Joint,
        FORMALISED,
        "the shares of decision, cost, risk and profit are written down for both sides",
    ),
    rule(
        Condition::J1,
        AUTHORITIES,
        Sides::Joint,
        FEASIBILITY,
        "the aims that are shared are stated, and those of each side",
    ),
    rule(
        Condition::J2,
        AUTHORITIES,
        Sides::Joint,
        FORMALISED,
        "there is a work plan with outcomes, resources and timetable",
    ),
    rule(
        Condition::J3,
        AUTHORITIES,
        Sides::Joint,
        FORMALISED,
        "due diligence and screening for sanctions are recorded",
    ),
    rule(Condition::J4, AUTHORITIES, Sides::Joint, SEARCH, "terms for sharing data are valid between the two cities"),
    rule(Condition::J5, AUTHORITIES, Sides::Joint, FORMALISED, "there is a plan for monitoring, with baselines"),
    rule(Condition::J6, ALL, Sides::Joint, FORMALISED, "there is a rule for exit and disputes"),
    rule(Condition::J7, ALL, Sides::Joint, PROFIT, "consent to communication is given, and its languages are agreed"),
];
