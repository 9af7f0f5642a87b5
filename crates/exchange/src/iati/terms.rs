//! What IATI's codes mean in the registry's words, in both directions.
//!
//! | IATI | registry |
//! | --- | --- |
//! | organisation type 10 | `NATIONAL_AGENCY` |
//! | 11 | `LOCAL_AUTHORITY`, or `REGIONAL_AUTHORITY` by its name (see [`kind_by_name`]) |
//! | 15 (communes say so, although 11 is theirs) | by its name, else `OTHER` |
//! | 21, 22, 23, 24, 60 | `NGO` |
//! | 40 | `FINANCIAL_INSTITUTION` by its name (a development bank), else `OTHER` |
//! | 70 to 73 | `CHAMBER` by its name, else `ENTERPRISE` |
//! | 80 | `UNIVERSITY` |
//! | 30, 90, others | `OTHER` |
//! | none | by its name, else `OTHER` |
//! | activity status 1 | stage `FEASIBILITY` |
//! | 2 | `OPERATING` |
//! | 3 | `SCALING` |
//! | 4 | `OPERATING`, and it has ended: `COMPLETED` |
//! | 5 | `FEASIBILITY`, and it has ended: `CANCELLED` |
//! | 6 | `OPERATING`, and it is suspended |
//! | organisation role 1, 2, 3 | `FUNDER`, `ACCOUNTABLE`, `INTERMEDIARY` |
//! | 4 | `HOST_AUTHORITY` (this city), `COUNTERPART_AUTHORITY` (another authority), `KNOWLEDGE_PARTNER` (a university), else `ENTERPRISE` |

use isopolity_domain::text::words;
use isopolity_proto::registry::{
    ContributionKind, EndingKind, OrganizationKind, ParticipantRole, Partnership, PartnershipStage, PartnershipStatus,
    ResultLevel,
};

/// The namespace of what the registry adds to its own files, so that reading them again loses nothing. IATI lets anyone
/// add attributes of an own namespace.
pub(super) const EXTENSION: &str = "urn:isopolity:iati:1";
/// Its prefix in files that are written here.
pub(super) const PREFIX: &str = "isopolity";

/// The list of sector vocabularies. A sector of a vocabulary that the registry does not know is kept with this address
/// and the vocabulary's code.
pub(super) const SECTOR_VOCABULARIES: &str =
    "https://iatistandard.org/en/iati-standard/203/codelists/sectorvocabulary/#";
/// Where NACE 2.1 and ISIC 4 are described. IATI has no vocabulary for them, so they go as a reporter's own (99).
pub(super) const NACE_2_1: &str = "https://data.europa.eu/ux2/nace2.1";
/// See [`NACE_2_1`].
pub(super) const ISIC_4: &str = "https://unstats.un.org/unsd/classifications/Econ/isic";

/// The scheme of an identifier that does not say which register gave it.
pub(super) const PLAIN_REFERENCE: &str = "IATI";

const LOCAL: [&str; 22] = [
    "municipio",
    "municipalidad",
    "municipal",
    "municipality",
    "prefeitura",
    "prefectura",
    "prefecture",
    "ayuntamiento",
    "intendencia",
    "alcaldia",
    "camara municipal",
    "commune",
    "comune",
    "comuna",
    "mairie",
    "ville",
    "city",
    "gemeinde",
    "stadt",
    "concelho",
    "canton",
    "council",
];
const REGIONAL: [&str; 14] = [
    "provincia",
    "province",
    "provincial",
    "departamento",
    "departamental",
    "department",
    "estado",
    "state",
    "region",
    "regional",
    "regiao",
    "conseil departemental",
    "conseil regional",
    "land",
];
const BANK: [&str; 6] = ["bank", "banco", "banque", "banca", "fund", "fondo"];
const CHAMBER: [&str; 4] = ["chamber", "camara de comercio", "chambre", "kammer"];
const COMPANY: [&str; 3] = ["empresa", "company", "s a"];

/// What kind of body an organisation is, from what a source calls its type and from its name.
pub(super) fn kind(code: &str, name: &str) -> OrganizationKind {
    match code.trim() {
        "10" => OrganizationKind::NationalAgency,
        "11" => match kind_by_name(name) {
            OrganizationKind::RegionalAuthority => OrganizationKind::RegionalAuthority,
            _ => OrganizationKind::LocalAuthority,
        },
        "15" | "" => kind_by_name(name),
        "21" | "22" | "23" | "24" | "60" => OrganizationKind::Ngo,
        "40" if holds(name, &BANK) => OrganizationKind::FinancialInstitution,
        "70" | "71" | "72" | "73" if holds(name, &CHAMBER) => OrganizationKind::Chamber,
        "70" | "71" | "72" | "73" => OrganizationKind::Enterprise,
        "80" => OrganizationKind::University,
        _ => OrganizationKind::Other,
    }
}

/// What kind of body an organisation is by the words of its name: a municipality, a province or state, a bank. A company
/// that belongs to a municipality is a company.
pub(super) fn kind_by_name(name: &str) -> OrganizationKind {
    if holds(name, &BANK) {
        OrganizationKind::FinancialInstitution
    } else if holds(name, &CHAMBER) {
        OrganizationKind::Chamber
    } else if holds(name, &COMPANY) {
        OrganizationKind::Enterprise
    } else if holds(name, &LOCAL) {
        OrganizationKind::LocalAuthority
    } else if holds(name, &REGIONAL) {
        OrganizationKind::RegionalAuthority
    } else {
        OrganizationKind::Other
    }
}

fn holds(name: &str, any: &[&str]) -> bool {
    let name = format!(" {} ", words(name).join(" "));
    any.iter().any(|word| name.contains(&format!(" {word} ")))
}

/// IATI's type for a kind of body.
pub(super) fn type_of(kind: OrganizationKind) -> &'static str {
    match kind {
        OrganizationKind::LocalAuthority | OrganizationKind::RegionalAuthority => "11",
        OrganizationKind::NationalAgency => "10",
        OrganizationKind::BusinessDevelopmentAgency => "15",
        OrganizationKind::Chamber | OrganizationKind::Enterprise => "70",
        OrganizationKind::DiasporaAssociation | OrganizationKind::Ngo => "22",
        OrganizationKind::University => "80",
        OrganizationKind::FinancialInstitution => "40",
        OrganizationKind::Network | OrganizationKind::Other | OrganizationKind::Unspecified => "90",
    }
}

/// Whether money of such a body is public.
pub(super) fn is_public(kind: OrganizationKind) -> bool {
    matches!(
        kind,
        OrganizationKind::LocalAuthority
            | OrganizationKind::RegionalAuthority
            | OrganizationKind::NationalAgency
            | OrganizationKind::FinancialInstitution
    )
}

/// Whether IATI's type says that the body's money is public.
pub(super) fn is_public_type(code: &str) -> bool {
    matches!(code.trim(), "10" | "11" | "15" | "40")
}

/// The role of a participant. `None`: the code is not in IATI's list.
pub(super) fn role(code: &str, kind: OrganizationKind, own: bool) -> Option<ParticipantRole> {
    Some(match (code.trim(), kind) {
        ("1", _) => ParticipantRole::Funder,
        ("2", _) => ParticipantRole::Accountable,
        ("3", _) => ParticipantRole::Intermediary,
        ("4", _) if own => ParticipantRole::HostAuthority,
        (
            "4",
            OrganizationKind::LocalAuthority | OrganizationKind::RegionalAuthority | OrganizationKind::NationalAgency,
        ) => ParticipantRole::CounterpartAuthority,
        ("4", OrganizationKind::University) => ParticipantRole::KnowledgePartner,
        ("4", _) => ParticipantRole::Enterprise,
        _ => return None,
    })
}

/// IATI's role. `None` for the role of having published the statement, which has an element of its own.
pub(super) fn role_code(role: ParticipantRole) -> Option<&'static str> {
    match role {
        ParticipantRole::Funder | ParticipantRole::Investor => Some("1"),
        ParticipantRole::Accountable | ParticipantRole::Initiator => Some("2"),
        ParticipantRole::Intermediary => Some("3"),
        ParticipantRole::Reporter => None,
        _ => Some("4"),
    }
}

/// The stage of an activity, and how it ended. `None`: the code is not in IATI's list.
pub(super) fn stage(status: &str) -> Option<(PartnershipStage, EndingKind)> {
    Some(match status.trim() {
        "1" => (PartnershipStage::Feasibility, EndingKind::Unspecified),
        "2" | "6" => (PartnershipStage::Operating, EndingKind::Unspecified),
        "3" => (PartnershipStage::Scaling, EndingKind::Unspecified),
        "4" => (PartnershipStage::Operating, EndingKind::Completed),
        "5" => (PartnershipStage::Feasibility, EndingKind::Cancelled),
        _ => return None,
    })
}

/// IATI's status of a partnership: what follows from stage, suspension and ending, and where those are not shown, the
/// status that everyone may know.
pub(super) fn status_code(partnership: &Partnership) -> &'static str {
    if let Some(ending) = &partnership.ending {
        return if ending.kind() == EndingKind::Cancelled { "5" } else { "4" };
    }
    if partnership.suspension.is_some() {
        return "6";
    }
    match (partnership.stage(), partnership.status()) {
        (PartnershipStage::Launch | PartnershipStage::Operating | PartnershipStage::ProfitTaking, _) => "2",
        (PartnershipStage::Scaling, _) => "3",
        (PartnershipStage::Unspecified, PartnershipStatus::Implementation) => "2",
        (PartnershipStage::Unspecified, PartnershipStatus::Finalisation) => "3",
        (PartnershipStage::Unspecified, PartnershipStatus::Closed) => "4",
        (PartnershipStage::Unspecified, PartnershipStatus::Cancelled) => "5",
        (PartnershipStage::Unspecified, PartnershipStatus::Suspended) => "6",
        _ => "1",
    }
}

/// What a contribution consists of, by IATI's finance type. Where none is stated it counts as a grant.
pub(super) fn contribution_kind(finance_type: &str) -> ContributionKind {
    match finance_type.trim() {
        "1100" => ContributionKind::Guarantee,
        code if code.starts_with('4') => ContributionKind::Loan,
        code if code.starts_with('5') => ContributionKind::Equity,
        _ => ContributionKind::Grant,
    }
}

/// Whether a transaction of this type was paid, not only promised: all but commitments (2, 11), pledges (12, 13) and
/// guarantees (10).
pub(super) fn is_rendered(transaction_type: &str) -> bool {
    !matches!(transaction_type.trim(), "2" | "10" | "11" | "12" | "13")
}

/// How far a result reaches. IATI's 9 (other) counts as an output.
pub(super) fn level(result_type: &str) -> ResultLevel {
    match result_type.trim() {
        "2" => ResultLevel::Outcome,
        "3" => ResultLevel::Impact,
        _ => ResultLevel::Output,
    }
}

/// IATI's measures, and the registry's units for them.
const MEASURES: [(&str, &str); 5] =
    [("1", "number"), ("2", "percent"), ("3", "nominal"), ("4", "ordinal"), ("5", "qualitative")];

/// The unit of an indicator.
pub(super) fn unit(measure: &str) -> &'static str {
    MEASURES.iter().find(|(code, _)| *code == measure.trim()).map_or("", |(_, unit)| unit)
}

/// IATI's measure. All units that are not in its list are units.
pub(super) fn measure(unit: &str) -> &'static str {
    MEASURES.iter().find(|(_, known)| *known == unit).map_or("1", |(code, _)| code)
}
