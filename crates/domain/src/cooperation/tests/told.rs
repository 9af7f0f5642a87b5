use isopolity_proto::{
    cooperation::{Answer, CooperationEvent, DocumentAttachment, Expiry, Statement, cooperation_event},
    registry::{ConfirmationStance, MatchVerdict},
};

use super::*;

fn of(action: Action) -> String {
    told_step(&step(action))
}

fn answer(answer: Answer) -> String {
    of(Action::Answer(answer))
}

fn statement(stance: ConfirmationStance) -> Statement {
    Statement { record: "cities/feira.example/x/y".into(), stance: stance.into(), ..Default::default() }
}

#[test]
fn every_kind_of_step_is_told_in_words_and_so_is_its_event() {
    let terms = Terms { version: 2, ..terms("Protocolo") };
    let why = Counter { terms: Some(terms.clone()), texts: texts("Mais barato") };
    let renewed = Amendment { terms: Some(terms), renewal: true, texts: texts("Mais tempo") };
    let Action::Signature(signed) = signature("2013-04-10") else { unreachable!() };
    let signed =
        AgreementSignature { terms_version: 1, offer_hash: vec![1; 32].into(), place: "Feira".into(), ..signed };
    for (action, words) in [
        (
            Action::Proposal(proposal(&[KENITRA, GENEVE])),
            "proposes a joint partnership to kenitra.example, geneve.example: \"Protocol\"",
        ),
        (Action::Counter(why), "offers other terms, version 2 \"Protocolo\": \"Mais barato\""),
        (acceptance(), "accepts version 0 of the terms (offer 0000000000000000…) for International Relations"),
        (decline(), "declines: \"no budget\""),
        (withdrawal(), "withdraws the proposal: \"a mistake\""),
        (
            Action::Signature(signed),
            "signs version 1 of the terms (offer 0101010101010101…) on 2013-04-10 in Feira: Mayor, by decision 12/2013",
        ),
        (activation(), "activates it"),
        (amendment("Another"), "offers an amendment, version 0 \"Another\""),
        (Action::Amendment(renewed), "offers to renew until 2016-05-31, version 2 \"Protocolo\": \"Mais tempo\""),
        (amendment_decline(), "declines the amendment, version 0: \"too much\""),
        (conclusion(), "concludes for its part: \"Twelve jobs\""),
        (termination(), "terminates it: \"no budget\""),
        (message("Bom dia"), "says: \"Bom dia\""),
        (Action::Message(Message { texts: texts("Sim"), in_reply_to: 3 }), "says on event 3: \"Sim\""),
        (milestone("fair", FEIRA, "2013-09-01"), "sets milestone fair for feira.example by 2013-09-01: \"A visit\""),
        (completion("fair"), "completes milestone fair on 2013-05-02: \"They came\""),
    ] {
        assert_eq!(of(action.clone()), words);
        let event = CooperationEvent { action: Some(moves::to_event(&action)), ..Default::default() };
        assert_eq!(told(&event), words);
    }
    let expired = cooperation_event::Action::Expiry(Expiry {});
    let expired = CooperationEvent { action: Some(expired), ..Default::default() };
    assert_eq!(told(&expired), "lets it expire: its time is over");
    assert_eq!(told(&CooperationEvent::default()), "does what this version does not know");
    let attached = Action::DocumentAttachment(DocumentAttachment { document: Some(document("a")) });
    assert_eq!(of(attached), format!("attaches a document of SHA-256 {}: \"Minutes\"", "a".repeat(64)));
}

#[test]
fn an_answer_tells_what_was_found_and_what_was_said() {
    let texts = texts("De certeza");
    let ended =
        Answer { statement: Some(statement(ConfirmationStance::Ended)), texts: texts.clone(), ..Default::default() };
    assert_eq!(answer(ended), "answers and says that cities/feira.example/x/y has ended: \"De certeza\"");
    let same = Answer { verdict: MatchVerdict::Same.into(), ..Default::default() };
    assert_eq!(answer(same), "answers and finds them the same");
    assert_eq!(answer(Answer { texts, ..Default::default() }), "answers: \"De certeza\"");
    let stated = Proposal {
        kind: CooperationKind::Enquiry.into(),
        terms: None,
        statement: Some(statement(ConfirmationStance::Disputed)),
        ..proposal(&[KENITRA])
    };
    let words = "proposes an enquiry to kenitra.example and disputes cities/feira.example/x/y";
    assert_eq!(of(Action::Proposal(stated)), words);
}

#[test]
fn english_is_told_where_there_is_any() {
    let english = LocalizedText { text: "Good morning".into(), language: "en-GB".into(), ..Default::default() };
    let both = [texts("Bom dia"), vec![english]].concat();
    assert_eq!(of(Action::Message(Message { texts: both, in_reply_to: 0 })), "says: \"Good morning\"");
}

#[test]
fn nothing_that_a_city_wrote_anywhere_moves_the_cursor_or_fills_the_screen() {
    // The other event of a fork is signed, but nobody has looked at what it says.
    let clear = "\u{1b}[2J\n".to_owned();
    let wild = [
        milestone(&clear, &clear, &clear),
        completion(&clear),
        signature(&clear),
        Action::Activation(Activation { start_date: clear.clone() }),
        Action::Proposal(Proposal { participants: vec![clear.clone()], ..proposal(&[]) }),
        Action::Termination(Termination { reason: clear.repeat(1_000) }),
    ];
    for action in wild {
        let words = of(action);
        assert!(!words.contains(char::is_control) && words.chars().count() < 500, "{words}");
    }
}
