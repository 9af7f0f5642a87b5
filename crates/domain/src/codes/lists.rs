//! All lists, in the order of their ids.

use super::list::List;

const PDDL: &str = "ODC PDDL 1.0";
const CC0: &str = "CC0 1.0";
const CC_BY: &str = "CC BY 4.0";
const ODBL: &str = "ODC ODbL 1.0";

/// A list that is embedded from the folder `data` of this crate.
macro_rules! list {
    ($id:literal, $title:literal, $version:literal, $source:literal, $licence:expr, $file:literal) => {
        List::new([$id, $title, $version], [$source, $licence], include_str!(concat!("../../data/", $file)))
    };
}

/// A list of the International Aid Transparency Initiative.
macro_rules! iati {
    ($name:literal, $title:literal) => {
        List::new(
            [concat!("iati-", $name), concat!("IATI ", $title), "75e827b, 7aeece7"],
            ["IATI Standard, github.com/IATI/IATI-Codelists and IATI-Codelists-NonEmbedded", CC_BY],
            include_str!(concat!("../../data/iati/", $name, ".tsv")),
        )
    };
}

static LISTS: [List; 55] = [
    list!(
        "bcp47",
        "Language tags (BCP 47)",
        "2787e94",
        "github.com/datasets/language-codes, tags of CLDR",
        PDDL,
        "iso639/tags.tsv"
    )
    .open(),
    list!(
        "elf",
        "Legal forms (ISO 20275)",
        "1.5",
        "GLEIF, by way of github.com/SEMICeu/Taxonomy",
        CC0,
        "elf/elf-1.5.tsv"
    ),
    iati!("activity-date-type", "Activity Date Type"),
    iati!("activity-scope", "Activity Scope"),
    iati!("activity-status", "Activity Status"),
    iati!("aid-type", "Aid Type"),
    iati!("budget-status", "Budget Status"),
    iati!("budget-type", "Budget Type"),
    iati!("collaboration-type", "Collaboration Type"),
    iati!("condition-type", "Condition Type"),
    iati!("contact-type", "Contact Type"),
    iati!("country", "Country"),
    iati!("currency", "Currency"),
    iati!("description-type", "Description Type"),
    iati!("document-category", "Document Category"),
    iati!("finance-type", "Finance Type"),
    iati!("flow-type", "Flow Type"),
    iati!("gazetteer-agency", "Gazetteer Agency"),
    iati!("geographic-exactness", "Geographic Exactness"),
    iati!("geographic-location-class", "Geographic Location Class"),
    iati!("geographic-location-reach", "Geographic Location Reach"),
    iati!("geographic-vocabulary", "Geographic Vocabulary"),
    iati!("indicator-measure", "Indicator Measure"),
    iati!("indicator-vocabulary", "Indicator Vocabulary"),
    iati!("language", "Language"),
    iati!("location-type", "Location Type"),
    iati!("organisation-role", "Organisation Role"),
    iati!("organisation-type", "Organisation Type"),
    iati!("policy-marker", "Policy Marker"),
    iati!("policy-significance", "Policy Significance"),
    iati!("publisher-type", "Publisher Type"),
    iati!("region", "Region"),
    iati!("region-vocabulary", "Region Vocabulary"),
    iati!("related-activity-type", "Related Activity Type"),
    iati!("result-type", "Result Type"),
    iati!("result-vocabulary", "Result Vocabulary"),
    iati!("sector", "DAC 5 Digit Sector"),
    iati!("sector-category", "DAC 3 Digit Sector"),
    iati!("sector-vocabulary", "Sector Vocabulary"),
    iati!("tag-vocabulary", "Tag Vocabulary"),
    iati!("transaction-type", "Transaction Type"),
    iati!("verification-status", "Verification Status"),
    iati!("version", "Version"),
    list!(
        "isic-4",
        "Economic activities (ISIC Rev. 4)",
        "4",
        "Eurostat, correspondence of NACE Rev. 2",
        CC_BY,
        "isic/isic-4.tsv"
    ),
    list!(
        "iso3166-1",
        "Countries (ISO 3166-1)",
        "caa72d1",
        "github.com/datasets/country-codes, with XK",
        PDDL,
        "iso3166/countries.tsv"
    ),
    list!(
        "iso3166-2",
        "Subdivisions of countries (ISO 3166-2)",
        "UN/LOCODE 2025-1",
        "UNECE, by way of github.com/datasets/un-locode",
        PDDL,
        "iso3166/subdivisions.tsv"
    ),
    list!(
        "iso4217",
        "Currencies (ISO 4217)",
        "ab9b0ae",
        "github.com/datasets/currency-codes",
        PDDL,
        "iso4217/currencies.tsv"
    ),
    list!(
        "iso639",
        "Languages (ISO 639-1 and 639-2)",
        "2787e94",
        "github.com/datasets/language-codes",
        PDDL,
        "iso639/languages.tsv"
    ),
    list!(
        "nace-2",
        "Economic activities (NACE Rev. 2)",
        "2",
        "Eurostat, by way of github.com/data-cleaning/validate",
        CC_BY,
        "nace/nace-2.tsv"
    ),
    list!(
        "nace-2.1",
        "Economic activities (NACE Rev. 2.1)",
        "2.1",
        "Eurostat, by way of github.com/DeJo90/nace-mcp",
        CC_BY,
        "nace/nace-2.1.tsv"
    ),
    list!(
        "nuts-2021",
        "Territorial units for statistics (NUTS 2021)",
        "2021",
        "Eurostat, by way of github.com/rOpenGov/regions",
        CC_BY,
        "nuts/nuts-2021.tsv"
    ),
    list!(
        "org-id",
        "Registers of organisations (org-id.guide)",
        "f500b45",
        "github.com/org-id/register",
        ODBL,
        "org-id/org-id.tsv"
    ),
    list!("sdg-goal", "Sustainable Development Goals", "7aeece7", "IATI Standard, UNSDG-Goals", CC_BY, "sdg/goals.tsv"),
    list!(
        "sdg-target",
        "Targets of the Sustainable Development Goals",
        "7aeece7",
        "IATI Standard, UNSDG-Targets",
        CC_BY,
        "sdg/targets.tsv"
    ),
    list!(
        "un-locode",
        "Places (UN/LOCODE), a part",
        "2015-1 and 2024-2",
        "UNECE, by way of github.com/Falldog/pyunlocode and github.com/mburumaxwell/unlocode",
        PDDL,
        "locode/un-locode.tsv"
    )
    .open(),
];

/// All lists, in the order of their ids.
pub(super) fn all() -> &'static [List] {
    &LISTS
}

/// The list with this id.
pub(super) fn find(id: &str) -> Option<&'static List> {
    LISTS.binary_search_by(|list| list.id.cmp(id)).ok().and_then(|at| LISTS.get(at))
}
