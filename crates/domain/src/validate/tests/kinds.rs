//! What each kind must say, and for whom it may be.

use isopolity_proto::registry::{
    Advantage, AdvantageFactor, AgreementStatus, Condition, ConditionAssessment, ConditionStatus, Confirmation,
    ConfirmationStance, DiasporaLink, DiasporaLinkBasis, DiasporaLinkKind, Ending, EndingKind, EvidenceGrade,
    GoodPractice, Indicator, IndicatorObservation, MatchAssertion, MatchVerdict, Measure, MeasurementMethod,
    Opportunity, OpportunityDirection, OpportunityStatus, OpportunitySubject, PlaceKind, PublicationConsent,
    ResultLevel, ServiceUse, StageEvent, StageEventKind, SupportService, Waiver,
};
use isopolity_proto::types::{ProvenanceMethod, RecordState};

use super::*;

const PARTNERSHIP: &str = "cities/feira.example/partnerships/cork";
const INVALID: Reason = Reason::FieldInvalid;
const REQUIRED: Reason = Reason::FieldRequired;

fn place() -> isopolity_proto::registry::Place {
    isopolity_proto::registry::Place {
        name: "cities/feira.example/places/kenitra".into(),
        audience: Audience::Public.into(),
        display_names: text("Kénitra"),
        kind: PlaceKind::Municipality.into(),
        country: "MA".into(),
        ..Default::default()
    }
}

fn stage_event() -> StageEvent {
    StageEvent {
        audience: Audience::Federation.into(),
        partnership: PARTNERSHIP.into(),
        kind: StageEventKind::Advanced.into(),
        from_stage: PartnershipStage::Opportunity.into(),
        to_stage: PartnershipStage::MarketResearch.into(),
        date: "2012-05".into(),
        ..Default::default()
    }
}

fn assessment() -> ConditionAssessment {
    ConditionAssessment {
        audience: Audience::Federation.into(),
        partnership: PARTNERSHIP.into(),
        condition: Condition::A1.into(),
        side: Side::Destination.into(),
        status: ConditionStatus::Met.into(),
        assess_date: "2012-05-01".into(),
        ..Default::default()
    }
}

fn service() -> SupportService {
    SupportService {
        audience: Audience::Public.into(),
        titles: text("Balcão"),
        provider: "cities/feira.example/organizations/agency".into(),
        side: Side::Destination.into(),
        stages: vec![PartnershipStage::Launch.into()],
        languages: vec!["pt".into()],
        ..Default::default()
    }
}

fn opportunity() -> Opportunity {
    Opportunity {
        audience: Audience::Public.into(),
        titles: text("Cortiça"),
        direction: OpportunityDirection::Seeks.into(),
        subjects: vec![OpportunitySubject::Supply.into()],
        organization_names: text("Corticeira"),
        status: OpportunityStatus::Open.into(),
        countries: vec!["MA".into()],
        sectors: vec![sector(SectorScheme::Nace, "2", "16.29")],
        ..Default::default()
    }
}

fn observation(indicator: Indicator) -> IndicatorObservation {
    IndicatorObservation {
        audience: Audience::Public.into(),
        indicator: indicator.into(),
        period: Some(Period { start_date: "2019".into(), end_date: "2019".into() }),
        actual: Some(Measure { value: "-12.5".into(), ..Default::default() }),
        unit: "percent".into(),
        ..Default::default()
    }
}

fn factor() -> AdvantageFactor {
    AdvantageFactor {
        audience: Audience::Public.into(),
        country: "MA".into(),
        advantage: Advantage::MigrantStock.into(),
        value: "1250".into(),
        unit: "persons".into(),
        year: 2019,
        ..Default::default()
    }
}

fn practice() -> GoodPractice {
    GoodPractice {
        audience: Audience::Public.into(),
        titles: text("Missão"),
        stories: text("Uma missão."),
        countries: vec!["MA".into()],
        evidence_grade: EvidenceGrade::Documented.into(),
        consents: vec![PublicationConsent {
            party: "Corticeira".into(),
            date: "2019-01-01".into(),
            ..Default::default()
        }],
        licence: "CC-BY-4.0".into(),
        ..Default::default()
    }
}

fn assertion() -> MatchAssertion {
    MatchAssertion {
        audience: Audience::Federation.into(),
        left: "cities/feira.example/organizations/a".into(),
        right: "cities/kenitra.example/organizations/b".into(),
        verdict: MatchVerdict::Same.into(),
        score: 0.9,
        ..Default::default()
    }
}

fn fields<M: prost::Name>(message: &M) -> Vec<String> {
    wrong(message).into_iter().map(|(field, _)| field).collect()
}

#[test]
fn each_kind_may_be_kept_when_it_says_what_is_required() {
    assert_eq!(wrong(&place()), []);
    assert_eq!(wrong(&stage_event()), []);
    assert_eq!(wrong(&assessment()), []);
    assert_eq!(wrong(&service()), []);
    assert_eq!(wrong(&opportunity()), []);
    assert_eq!(wrong(&observation(Indicator::I02)), []);
    assert_eq!(wrong(&factor()), []);
    assert_eq!(wrong(&practice()), []);
    assert_eq!(wrong(&assertion()), []);
}

#[test]
fn each_kind_names_what_is_missing() {
    assert_eq!(fields(&isopolity_proto::registry::Place::default()), ["audience", "display_names", "kind"]);
    assert_eq!(fields(&StageEvent::default()), ["audience", "partnership", "kind", "to_stage", "date"]);
    assert_eq!(
        fields(&ConditionAssessment::default()),
        ["audience", "partnership", "condition", "status", "assess_date"]
    );
    assert_eq!(fields(&SupportService::default()), ["audience", "titles", "provider", "side", "stages", "languages"]);
    assert_eq!(
        fields(&Opportunity::default()),
        ["audience", "titles", "direction", "subjects", "organization", "status", "countries", "sectors"]
    );
    assert_eq!(fields(&IndicatorObservation::default()), ["audience", "titles", "level", "period", "actual"]);
    assert_eq!(fields(&AdvantageFactor::default()), ["audience", "country", "advantage", "value", "unit", "year"]);
    assert_eq!(fields(&GoodPractice::default()), ["audience", "titles", "stories", "countries", "evidence_grade"]);
    assert_eq!(fields(&MatchAssertion::default()), ["audience", "left", "right", "verdict"]);
}

#[test]
fn the_country_of_an_imported_organisation_may_be_unknown() {
    let unknown = Organization { country: String::new(), ..organization() };
    assert_eq!(wrong(&unknown), [("country".into(), REQUIRED)]);
    let provenance = Some(Provenance { method: ProvenanceMethod::Imported.into(), ..Default::default() });
    assert_eq!(wrong(&Organization { provenance, ..unknown }), []);
}

#[test]
fn a_tie_to_a_country_is_shown_only_as_far_as_its_basis_allows() {
    let tie = |audience: Audience, basis: DiasporaLinkBasis| DiasporaLink {
        audience: audience.into(),
        country: "MA".into(),
        kind: DiasporaLinkKind::FounderDeclared.into(),
        basis: basis.into(),
        ..Default::default()
    };
    let wrong_with = |link: DiasporaLink| fields(&Organization { diaspora_links: vec![link], ..organization() });
    let (declared, published) = (DiasporaLinkBasis::SelfDeclared, DiasporaLinkBasis::SelfPublished);
    assert_eq!(wrong_with(tie(Audience::Internal, declared)), Vec::<String>::new());
    assert_eq!(wrong_with(tie(Audience::Unspecified, declared)), Vec::<String>::new());
    assert_eq!(
        wrong_with(tie(Audience::Public, declared)),
        ["diaspora_links[0].audience", "diaspora_links[0].source_uri"]
    );
    assert_eq!(wrong_with(tie(Audience::Public, published)), ["diaspora_links[0].source_uri"]);
    assert_eq!(
        wrong_with(tie(Audience::Federation, declared)),
        ["diaspora_links[0].consent_reference", "diaspora_links[0].expire_date"]
    );
    let good = DiasporaLink { source_uri: "https://a.example".into(), ..tie(Audience::Public, published) };
    assert_eq!(wrong_with(good), Vec::<String>::new());
}

#[test]
fn the_id_of_a_sole_trader_does_not_tell_the_name() {
    let trader = |id: &str| Organization {
        name: format!("cities/feira.example/organizations/{id}"),
        display_names: text("Fátima Benali"),
        sole_trader: true,
        ..organization()
    };
    for told in ["fatima", "benali-cork", "shop-of-fatima", "fatimabenali"] {
        assert_eq!(wrong(&trader(told)), [("name".into(), INVALID)], "{told}");
    }
    assert_eq!(wrong(&trader("0190a2b4-6a3e-7cc1-8f21-5ad3b0c1d2e3")), []);
    assert_eq!(wrong(&Organization { sole_trader: false, ..trader("fatima") }), []);
}

#[test]
fn what_lies_in_a_record_is_not_for_more_people_than_the_record() {
    let document = |audience: Audience| Document { audience: audience.into(), ..Default::default() };
    let documents = vec![document(Audience::Public), document(Audience::Internal), document(Audience::Unspecified)];
    let partnership = |audience: Audience| Partnership {
        audience: audience.into(),
        documents: documents.clone(),
        ..super::partnership()
    };
    assert_eq!(wrong(&partnership(Audience::Public)), []);
    assert_eq!(wrong(&partnership(Audience::Federation)), [("documents[0].audience".into(), INVALID)]);
    // Nor than the field that holds it.
    let event = StageEvent { evidence: vec![document(Audience::Public)], ..stage_event() };
    assert_eq!(wrong(&event), [("evidence[0].audience".into(), INVALID)]);
    let mut hidden = super::partnership();
    hidden.audience = Audience::Federation.into();
    hidden.participants[0].audience = Audience::Public.into();
    assert_eq!(wrong(&hidden), [("participants[0].audience".into(), INVALID)]);
}

#[test]
fn a_finding_is_public_only_if_the_condition_is_met() {
    let public = ConditionAssessment { audience: Audience::Public.into(), ..assessment() };
    assert_eq!(wrong(&public), []);
    let partly = ConditionAssessment { status: ConditionStatus::PartlyMet.into(), ..public };
    assert_eq!(wrong(&partly), [("audience".into(), INVALID)]);
    let senseless = ConditionAssessment { status: ConditionStatus::NotApplicable.into(), ..assessment() };
    assert_eq!(wrong(&senseless), [("summaries".into(), INVALID)]);
}

#[test]
fn a_condition_is_assessed_on_the_side_that_it_concerns() {
    let on = |condition: Condition, side: Side| {
        wrong(&ConditionAssessment { condition: condition.into(), side: side.into(), ..assessment() })
    };
    assert_eq!(on(Condition::A1, Side::Origin), [("side".into(), INVALID)]);
    assert_eq!(on(Condition::A1, Side::Unspecified), [("side".into(), REQUIRED)]);
    assert_eq!(on(Condition::B1, Side::Origin), []);
    assert_eq!(on(Condition::B1, Side::Third), [("side".into(), INVALID)]);
    assert_eq!(on(Condition::J1, Side::Unspecified), []);
    assert_eq!(on(Condition::J1, Side::Origin), [("side".into(), INVALID)]);
}

#[test]
fn a_number_about_few_people_is_not_public() {
    let jobs = |units: i64| IndicatorObservation { units, unit: "FTE".into(), ..observation(Indicator::I05) };
    assert_eq!(wrong(&jobs(9)), [("units".into(), INVALID)]);
    assert_eq!(wrong(&jobs(10)), []);
    assert_eq!(wrong(&IndicatorObservation { audience: Audience::Federation.into(), ..jobs(9) }), []);
}

#[test]
fn a_number_about_money_is_not_public_where_one_enterprise_dominates() {
    let turnover = |enterprises: i64, share: &str| IndicatorObservation {
        enterprises,
        largest_share_percent: share.into(),
        currency_code: "EUR".into(),
        unit: String::new(),
        ..observation(Indicator::I07)
    };
    assert_eq!(wrong(&turnover(5, "70.00")), []);
    assert_eq!(wrong(&turnover(4, "30")), [("enterprises".into(), INVALID)]);
    assert_eq!(wrong(&turnover(5, "70.000001")), [("largest_share_percent".into(), INVALID)]);
    assert_eq!(wrong(&turnover(5, "")), [("largest_share_percent".into(), INVALID)]);
}

#[test]
fn a_survey_says_that_it_is_one_and_how_many_answered() {
    let belonging = IndicatorObservation { units: 40, ..observation(Indicator::I17) };
    assert_eq!(wrong(&belonging), [("method".into(), INVALID)]);
    let by_survey = IndicatorObservation { method: MeasurementMethod::Survey.into(), ..belonging };
    assert_eq!(wrong(&by_survey), []);
    let reach = IndicatorObservation { method: MeasurementMethod::Survey.into(), ..observation(Indicator::I23) };
    assert_eq!(wrong(&reach), [("units".into(), INVALID)]);
    // Partner cities are told no less than everyone; own staff may keep what they have.
    let shared = IndicatorObservation { audience: Audience::Federation.into(), ..observation(Indicator::I23) };
    assert_eq!(fields(&shared), ["method", "units"]);
    let own = IndicatorObservation { audience: Audience::Internal.into(), ..shared };
    assert_eq!(wrong(&own), []);
    assert_eq!(widest(&own), Audience::Internal);
}

#[test]
fn a_number_under_a_title_of_its_own_is_guarded_like_those_of_the_programme() {
    let of = |title: &str, unit: &str, value: &str| IndicatorObservation {
        titles: text(title),
        level: ResultLevel::Output.into(),
        unit: unit.into(),
        actual: Some(Measure { value: value.into(), ..Default::default() }),
        ..observation(Indicator::Unspecified)
    };
    assert_eq!(fields(&of("Women hired", "", "1")), ["units"]);
    assert_eq!(wrong(&of("Women hired", "", "10")), []);
    assert_eq!(wrong(&of("Women hired", "", "0")), []);
    let of_few = IndicatorObservation { units: 1, ..of("Women hired", "", "100") };
    assert_eq!(fields(&of_few), ["units"], "what is said of n counts");
    assert_eq!(fields(&of("Satisfaction", "percent", "80")), ["units"]);
    assert_eq!(wrong(&IndicatorObservation { units: 10, ..of("Satisfaction", "percent", "80") }), []);
    assert_eq!(fields(&of("Sales", "EUR", "12000")), ["enterprises", "largest_share_percent"]);
    assert_eq!(wrong(&of("Streets built", "km", "1")), []);
    assert_eq!(widest(&of("Women hired", "", "1")), Audience::Federation);
    assert_eq!(widest(&of("Streets built", "km", "1")), Audience::Public);
}

#[test]
fn another_indicator_describes_itself() {
    let other = IndicatorObservation {
        titles: text("Visitantes"),
        level: ResultLevel::Output.into(),
        unit: String::new(),
        ..observation(Indicator::Unspecified)
    };
    assert_eq!(wrong(&other), []);
    assert_eq!(wrong(&IndicatorObservation { titles: Vec::new(), ..other }), [("titles".into(), REQUIRED)]);
    let unitless = IndicatorObservation { unit: String::new(), ..observation(Indicator::I02) };
    assert_eq!(wrong(&unitless), [("unit".into(), INVALID)]);
    let words = IndicatorObservation {
        actual: Some(Measure { value: "many".into(), ..Default::default() }),
        ..observation(Indicator::I02)
    };
    assert_eq!(wrong(&words), [("actual.value".into(), INVALID)]);
}

#[test]
fn a_story_is_public_only_with_consent_and_licence() {
    let bare = GoodPractice { consents: Vec::new(), licence: String::new(), ..practice() };
    assert_eq!(fields(&bare), ["consents", "licence"]);
    assert_eq!(wrong(&GoodPractice { audience: Audience::Federation.into(), ..bare }), []);
}

#[test]
fn two_records_are_compared_only_if_they_are_of_one_kind() {
    let right = |right: &str| wrong(&MatchAssertion { right: right.into(), ..assertion() });
    assert_eq!(right("cities/feira.example/places/b"), [("right".into(), INVALID)]);
    assert_eq!(right("cities/feira.example/organizations/a"), [("right".into(), INVALID)]);
    assert_eq!(wrong(&MatchAssertion { score: 1.1, ..assertion() }), [("score".into(), INVALID)]);
    assert_eq!(wrong(&MatchAssertion { revoked: true, ..assertion() }), [("revoke_reason".into(), REQUIRED)]);
}

#[test]
fn an_event_says_why_where_a_reason_is_asked_for() {
    let of = |kind: StageEventKind| StageEvent { kind: kind.into(), ..stage_event() };
    assert_eq!(fields(&of(StageEventKind::Skipped)), ["reason"]);
    assert_eq!(fields(&of(StageEventKind::Suspended)), ["reason", "review_date"]);
    assert_eq!(fields(&of(StageEventKind::Corrected)), ["reason", "corrects"]);
    assert_eq!(wrong(&of(StageEventKind::Completed)), []);
    let waived = StageEvent { waivers: vec![Waiver::default()], ..stage_event() };
    assert_eq!(fields(&waived), ["waivers[0].condition", "waivers[0].reason"]);
    let reviewed = StageEvent { review_date: "2020-01-01".into(), ..stage_event() };
    assert_eq!(wrong(&reviewed), [("review_date".into(), INVALID)]);
}

#[test]
fn an_end_fits_the_stage_of_a_partnership() {
    let ended = |kind: EndingKind, reason: &str| Partnership {
        ending: Some(Ending { kind: kind.into(), date: "2015".into(), reason: reason.into() }),
        ..super::partnership()
    };
    assert_eq!(wrong(&ended(EndingKind::Completed, "")), []);
    assert_eq!(wrong(&ended(EndingKind::Discontinued, "")), [("ending.reason".into(), REQUIRED)]);
    assert_eq!(wrong(&ended(EndingKind::Cancelled, "no partner")), [("ending.kind".into(), INVALID)]);
}

#[test]
fn nothing_leads_to_itself() {
    let own = place().name;
    assert_eq!(wrong(&isopolity_proto::registry::Place { parent: own, ..place() }), [("parent".into(), INVALID)]);
    let name = "cities/feira.example/organizations/a";
    let merged = Organization { name: name.into(), successor: name.into(), ..organization() };
    assert_eq!(wrong(&merged), [("successor".into(), INVALID)]);
    let superseded = Organization {
        name: name.into(),
        state: RecordState::Superseded.into(),
        superseded_by: name.into(),
        ..organization()
    };
    assert_eq!(wrong(&superseded), [("superseded_by".into(), INVALID)]);
    let resource =
        to_dynamic(&isopolity_proto::registry::Place { parent: "cities/feira.example/places/gharb".into(), ..place() });
    let parent = parent_of(Kind::Place, &resource).map(|name| name.to_string());
    assert_eq!(parent.as_deref(), Some("cities/feira.example/places/gharb"));
}

#[test]
fn the_state_of_a_record_is_not_made_up() {
    let withdrawn = Organization { state: RecordState::Withdrawn.into(), ..organization() };
    assert_eq!(wrong(&withdrawn), [("state".into(), INVALID)]);
    let deleted = Organization { delete_time: Some(Timestamp { seconds: 1, nanos: 0 }), ..withdrawn };
    assert_eq!(wrong(&deleted), []);
    let active = Organization { superseded_by: "cities/feira.example/organizations/b".into(), ..organization() };
    assert_eq!(wrong(&active), [("superseded_by".into(), INVALID)]);
}

#[test]
fn numbers_and_dates_are_plausible() {
    assert_eq!(wrong(&AdvantageFactor { year: 219, ..factor() }), [("year".into(), INVALID)]);
    assert_eq!(wrong(&AdvantageFactor { territory: "PT-01".into(), ..factor() }), []);
    assert_eq!(
        wrong(&AdvantageFactor { territory: "Aveiro".into(), ..factor() }),
        [("territory".into(), Reason::CodeUnknown)]
    );
    let used = |enterprises, diaspora_enterprises| SupportService {
        uses: vec![ServiceUse { year: 2019, enterprises, diaspora_enterprises }],
        ..service()
    };
    assert_eq!(wrong(&used(10, 3)), []);
    assert_eq!(wrong(&used(3, 10)), [("uses[0].diaspora_enterprises".into(), INVALID)]);
    assert_eq!(
        wrong(&used(-1, -2)),
        [("uses[0].enterprises".into(), INVALID), ("uses[0].diaspora_enterprises".into(), INVALID)]
    );
    let elsewhere = isopolity_proto::registry::Place { subdivision: "PT-01".into(), ..place() };
    assert_eq!(wrong(&elsewhere), [("subdivision".into(), INVALID)]);
    let document = Document { sha256: "ABC".into(), ..Default::default() };
    assert_eq!(
        wrong(&Agreement { documents: vec![document], ..agreement() }),
        [("documents[0].sha256".into(), INVALID)]
    );
    let expired = ConditionAssessment { expire_date: "2012-04-30".into(), ..assessment() };
    assert_eq!(wrong(&expired), [("expire_date".into(), INVALID)]);
    refused(
        |one| {
            one.participants[0].profit_share_percent = "60".into();
            one.participants[1].profit_share_percent = "60".into();
        },
        "participants",
        INVALID,
    );
}

#[test]
fn a_confirmation_is_what_another_city_says() {
    let confirmed = |city: &str| Agreement {
        status: AgreementStatus::Active.into(),
        confirmations: vec![Confirmation {
            city: city.into(),
            stance: ConfirmationStance::Confirmed.into(),
            ..Default::default()
        }],
        ..agreement()
    };
    assert_eq!(wrong(&confirmed("cities/kenitra.example")), []);
    assert_eq!(wrong(&confirmed("cities/feira.example")), [("confirmations[0].city".into(), INVALID)]);
}

#[test]
fn each_kind_refers_to_what_it_is_about() {
    let about = |kind: Kind, message: &DynamicMessage| {
        references(kind, message).into_iter().map(|(field, _)| field).collect::<Vec<_>>()
    };
    assert_eq!(about(Kind::StageEvent, &to_dynamic(&stage_event())), ["partnership"]);
    assert_eq!(about(Kind::ConditionAssessment, &to_dynamic(&assessment())), ["partnership"]);
    assert_eq!(about(Kind::SupportService, &to_dynamic(&service())), ["provider"]);
    let taken = Opportunity { partnership: PARTNERSHIP.into(), ..opportunity() };
    assert_eq!(about(Kind::Opportunity, &to_dynamic(&taken)), ["partnership"]);
    let observed = IndicatorObservation { partnership: PARTNERSHIP.into(), ..observation(Indicator::I02) };
    assert_eq!(about(Kind::IndicatorObservation, &to_dynamic(&observed)), ["partnership"]);
    let told = GoodPractice { partnerships: vec![PARTNERSHIP.into()], ..practice() };
    assert_eq!(about(Kind::GoodPractice, &to_dynamic(&told)), ["partnerships[0]"]);
    let mut signed = agreement();
    signed.parties[1].organization = "cities/feira.example/organizations/authority".into();
    assert_eq!(about(Kind::Agreement, &to_dynamic(&signed)), ["parties[1].organization"]);
    let governed = City { authority: "cities/feira.example/organizations/authority".into(), ..city() };
    assert_eq!(about(Kind::City, &to_dynamic(&governed)), ["authority"]);
    let replaced = AdvantageFactor {
        state: RecordState::Superseded.into(),
        superseded_by: "cities/feira.example/advantageFactors/b".into(),
        ..factor()
    };
    assert_eq!(about(Kind::AdvantageFactor, &to_dynamic(&replaced)), ["superseded_by"]);
    assert!(about(Kind::MatchAssertion, &to_dynamic(&assertion())).is_empty());
}

#[test]
fn what_is_shared_names_other_cities_each_once() {
    let shared = |audience: Audience, cities: &[&str]| Organization {
        name: "cities/feira.example/organizations/018f".into(),
        audience: audience.into(),
        shared_with: cities.iter().map(|city| (*city).to_owned()).collect(),
        ..organization()
    };
    let praia = ["praia.example"];
    for audience in [Audience::Public, Audience::Federation, Audience::Shared] {
        assert_eq!(wrong(&shared(audience, &praia)), []);
    }
    assert_eq!(wrong(&shared(Audience::Federation, &[])), []);
    assert_eq!(wrong(&shared(Audience::Shared, &[])), [("shared_with".into(), REQUIRED)]);
    assert_eq!(wrong(&shared(Audience::Internal, &praia)), [("shared_with".into(), INVALID)]);
    let cities = ["praia.example", "Praia", "praia.example", "feira.example"];
    let fields = [1, 2, 3].map(|at| (format!("shared_with[{at}]"), INVALID));
    assert_eq!(wrong(&shared(Audience::Shared, &cities)), fields);
    let many: Vec<String> = (0..51).map(|number| format!("c{number}.example")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    assert_eq!(wrong(&shared(Audience::Shared, &many)), [("shared_with".into(), INVALID)]);
    assert_eq!(wrong(&shared(Audience::Shared, &many[..50])), []);
}
