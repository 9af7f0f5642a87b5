//! The words of sharing agreements.

use isopolity_proto::admin::{LegalBasis, SharingPurpose, TransferTool};

/// Every purpose, with its word and what it means.
pub const PURPOSES: [(SharingPurpose, &str, &str); 7] = [
    (SharingPurpose::Enquiry, "enquiry", "an enquiry of the asking city's staff, not described further"),
    (SharingPurpose::PartnerSearch, "partner-search", "to find a partner for an enterprise or an association"),
    (SharingPurpose::Referral, "referral", "to refer an organisation to the other city's services"),
    (SharingPurpose::Statistics, "statistics", "to count and compare; nobody is approached because of it"),
    (SharingPurpose::Policy, "policy", "to prepare or evaluate a policy or programme"),
    (SharingPurpose::Research, "research", "scientific research"),
    (SharingPurpose::Administration, "administration", "to run the federation: data quality, duplicates, rights"),
];

/// The purpose that a call states: its first word, to which a colon and a note may be added.
#[must_use]
pub fn purpose_of(stated: &str) -> Option<SharingPurpose> {
    let word = stated.split_once(':').map_or(stated, |(word, _)| word).trim();
    PURPOSES.into_iter().find(|(_, known, _)| known.eq_ignore_ascii_case(word)).map(|(purpose, _, _)| purpose)
}

/// The word of a purpose.
#[must_use]
pub fn purpose_word(purpose: SharingPurpose) -> Option<&'static str> {
    PURPOSES.into_iter().find(|(known, _, _)| *known == purpose).map(|(_, word, _)| word)
}

/// What a purpose means.
#[must_use]
pub fn purpose_label(purpose: SharingPurpose) -> &'static str {
    PURPOSES.into_iter().find(|(known, _, _)| *known == purpose).map_or("not stated", |(_, _, label)| label)
}

/// What a legal basis is called.
#[must_use]
pub fn legal_basis_label(basis: LegalBasis) -> &'static str {
    match basis {
        LegalBasis::Unspecified => "not stated",
        LegalBasis::NoPersonalData => "no personal data",
        LegalBasis::Consent => "consent, GDPR Art. 6(1)(a)",
        LegalBasis::Contract => "contract, GDPR Art. 6(1)(b)",
        LegalBasis::LegalObligation => "legal obligation, GDPR Art. 6(1)(c)",
        LegalBasis::VitalInterests => "vital interests, GDPR Art. 6(1)(d)",
        LegalBasis::PublicTask => "public task, GDPR Art. 6(1)(e)",
        LegalBasis::LegitimateInterests => "legitimate interests, GDPR Art. 6(1)(f)",
        LegalBasis::OtherLaw => "another law, see the note",
    }
}

/// What a transfer tool is called.
#[must_use]
pub fn transfer_tool_label(tool: TransferTool) -> &'static str {
    match tool {
        TransferTool::Unspecified => "not stated",
        TransferTool::NoneNeeded => "none needed",
        TransferTool::Adequacy => "adequacy decision, GDPR Art. 45",
        TransferTool::PublicInstrument => "instrument between public bodies, GDPR Art. 46(2)(a)",
        TransferTool::StandardClauses => "standard contractual clauses, GDPR Art. 46(2)(c)",
        TransferTool::CodeOfConduct => "code of conduct, GDPR Art. 46(2)(e)",
        TransferTool::Certification => "certification, GDPR Art. 46(2)(f)",
        TransferTool::AdministrativeArrangement => "administrative arrangement, GDPR Art. 46(3)(b)",
        TransferTool::Derogation => "derogation, GDPR Art. 49",
        TransferTool::OtherLaw => "another law, see the note",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_purpose_has_a_word_and_a_word_may_be_followed_by_a_note() {
        for number in 1..100 {
            let Ok(purpose) = SharingPurpose::try_from(number) else { continue };
            let word = purpose_word(purpose).unwrap();
            let name = purpose.as_str_name().trim_start_matches("SHARING_PURPOSE_");
            assert_eq!(word, name.to_ascii_lowercase().replace('_', "-"));
            assert_eq!(purpose_of(&format!("{word}: for a builder: in Praia")), Some(purpose));
            assert_eq!(purpose_of(&word.to_ascii_uppercase()), Some(purpose));
        }
        for other in ["", "statistic", "statistics for", "what is in statistics"] {
            assert_eq!(purpose_of(other), None);
        }
    }
}
