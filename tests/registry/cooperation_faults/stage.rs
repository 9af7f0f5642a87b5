//! Two cities that die and come back: whatever a person does is tried again until it is done, and looked at first, as a person does.

use std::collections::BTreeSet;

use isopolity_domain::cooperation::Move;
use isopolity_proto::admin::Role;
use isopolity_proto::{
    cooperation::{PendingState, Proposal, Step, TakeStepRequest, cooperation_event, step::Action},
    options::Audience,
};
use isopolity_registry::{Caller, Error, cooperation::Rules};
use isopolity_store::Moment;
use isopolity_tests::{
    Databases, Resident, Town,
    crash::Point,
    town::{Ground, administrator, introduce},
};
use time::Duration;

use super::deal::{FEIRA, GENEVE, at, event_of, history, must_agree};

/// Which of the two.
pub(super) const HOST: usize = 0;
pub(super) const GUEST: usize = 1;

/// Two cities in which a second person approves what binds, and where they die.
pub(super) struct Stage {
    pub(super) town: Town,
    pub(super) databases: Databases,
    pub(super) cities: Vec<Resident>,
    /// Where each has died.
    pub(super) deaths: [Vec<Point>; 2],
    passed: [BTreeSet<Point>; 2],
    /// Who dies at every commit.
    pub(super) doomed: Option<usize>,
    /// Which side of the next commit.
    next: Moment,
    /// What people did, as they were told: city and kind.
    pub(super) done: Vec<(String, &'static str)>,
    /// Whom mail goes to.
    pub(super) mailboxes: [Vec<String>; 2],
}

impl Stage {
    pub(super) async fn set(databases: &Databases) -> Self {
        let town = Town::default();
        let mut cities = Vec::new();
        for city in [FEIRA, GENEVE] {
            let rules = Rules { second_person: true };
            let ground = Ground { storage_url: databases.url().await, rules, ..Ground::default() };
            cities.push(town.settle_on(city, ground).await);
        }
        introduce(&cities[HOST], &cities[GUEST], Audience::Federation).await;
        Self {
            town,
            databases: databases.clone(),
            cities,
            deaths: Default::default(),
            passed: Default::default(),
            doomed: None,
            next: Moment::Before,
            done: Vec::new(),
            mailboxes: Default::default(),
        }
    }

    /// A city dies at this point, once.
    pub(super) fn light(&self, who: usize, point: Point) {
        self.cities[who].fuse.light(point);
    }

    /// The points that a city has passed since this was last called, also where it died.
    pub(super) fn take_passed(&mut self, who: usize) -> BTreeSet<Point> {
        let mut passed = std::mem::take(&mut self.passed[who]);
        passed.extend(self.cities[who].fuse.take_passed());
        passed
    }

    /// From now on a city dies just before each commit, and, when it comes to it again, just after.
    pub(super) fn doom(&mut self, who: usize) {
        self.doomed = Some(who);
        self.next = Moment::Before;
        self.cities[who].fuse.light_next(self.next);
    }

    /// Whoever has died is started again, from the same database and folder. Returns whether somebody had.
    pub(super) async fn revive(&mut self) -> bool {
        let mut any = false;
        for who in [HOST, GUEST] {
            if let Some(point) = self.cities[who].fuse.blown_at() {
                any = true;
                self.deaths[who].push(point);
                Box::pin(self.restart(who)).await;
                if self.doomed == Some(who) {
                    self.next = if self.next == Moment::Before { Moment::After } else { Moment::Before };
                    self.cities[who].fuse.light_next(self.next);
                }
            }
        }
        any
    }

    /// A city is started again.
    pub(super) async fn restart(&mut self, who: usize) {
        let resident = self.cities.remove(who);
        self.passed[who].extend(resident.fuse.take_passed());
        let before = resident.fuse.clone();
        let resident = self.town.reopen(resident).await;
        // Where it is to die it has not come by yet.
        resident.fuse.light_as(&before);
        resident.registry.write_to(self.mailboxes[who].clone());
        self.cities.insert(who, resident);
    }

    /// Something is done at a city. `None`: it died over it, and is there again.
    pub(super) async fn tries<T>(&mut self, who: usize, what: impl AsyncFnOnce(&Resident) -> T) -> Option<T> {
        let fuse = self.cities[who].fuse.clone();
        let done = fuse.until_blown(Box::pin(what(&self.cities[who]))).await;
        self.revive().await;
        done
    }

    /// Somebody does something, and whoever is not told whether it was done looks. `is_done` asks that of what the database holds.
    pub(super) async fn surely(
        &mut self,
        who: usize,
        what: impl AsyncFn(&Resident) -> Result<(), Error>,
        is_done: impl AsyncFn(&Resident) -> bool,
    ) {
        for _ in 0..4 {
            assert!(!is_done(&self.cities[who]).await, "it is done before it was tried");
            let fuse = self.cities[who].fuse.clone();
            if let Some(done) = self.tries(who, &what).await {
                done.unwrap();
            } else {
                // Just before the commit nothing exists of it, just after it everything.
                let moment = fuse.blown_at().unwrap().1;
                assert_eq!(is_done(&self.cities[who]).await, moment == Moment::After, "{:?}", fuse.blown_at());
            }
            if is_done(&self.cities[who]).await {
                return;
            }
        }
        panic!("it is never done");
    }

    /// Takes a step, and has it approved by somebody else where it binds.
    pub(super) async fn take(&mut self, who: usize, name: &str, action: Action) {
        let before = self.trace(who, name).await;
        let step = Step { action: Some(action) };
        let request = TakeStepRequest { name: name.to_owned(), step: Some(step), ..Default::default() };
        let kind = kind(request.step.as_ref().unwrap());
        self.surely(
            who,
            async |city| city.registry.take_step(&administrator(), request.clone()).await.map(drop),
            async |city| trace(city, name).await != before,
        )
        .await;
        let awaits = |steps: Vec<isopolity_proto::cooperation::PendingStep>| {
            steps.into_iter().find(|step| step.state() == PendingState::AwaitsApproval).map(|step| step.step_id)
        };
        if let Some(id) = awaits(at(&self.cities[who], name).await.pending_steps) {
            let second = Caller::token("second person", Role::Administrator);
            self.surely(
                who,
                async |city| city.registry.approve_step(&second, name, &id).await.map(drop),
                async |city| awaits(at(city, name).await.pending_steps).is_none(),
            )
            .await;
        }
        self.done.push((self.cities[who].city().to_owned(), kind));
    }

    /// Proposes what was drafted.
    pub(super) async fn propose(&mut self, name: &str) {
        self.take(HOST, name, Action::Proposal(Proposal::default())).await;
    }

    async fn trace(&self, who: usize, name: &str) -> (i64, usize) {
        trace(&self.cities[who], name).await
    }

    /// Time goes by for both.
    pub(super) fn pass(&self, by: Duration) {
        for city in &self.cities {
            city.clock.advance(by);
        }
    }

    /// Delivers until nothing waits.
    pub(super) async fn carry(&mut self) {
        for _ in 0..60 {
            for who in [HOST, GUEST] {
                if let Some(done) = self.tries(who, async |city| city.registry.deliver_once().await).await {
                    done.unwrap();
                }
            }
            let mut waits = false;
            for city in &self.cities {
                waits |= city.registry.store().next_delivery_time().await.unwrap().is_some();
            }
            if !waits {
                return;
            }
            self.pass(Duration::HOUR);
        }
        panic!("something is never delivered");
    }

    /// Both have the same history, and in it everything that somebody was told was done, once, and nothing else.
    pub(super) async fn must_agree(&mut self, name: &str) -> isopolity_proto::cooperation::Cooperation {
        let cities: Vec<&Resident> = self.cities.iter().collect();
        let stands = must_agree(&cities, name).await;
        let mut there: Vec<(String, &'static str)> = history(&self.cities[HOST], name)
            .await
            .iter()
            .map(|row| (row.city.to_string(), Move::of(event_of(row).action.as_ref().unwrap()).as_str()))
            .collect();
        let mut done = std::mem::take(&mut self.done);
        there.sort();
        done.sort();
        assert_eq!(there, done);
        for city in &self.cities {
            assert!(at(city, name).await.pending_steps.is_empty(), "{}", city.city());
        }
        stands
    }
}

/// What changes when a step is taken: the history, or the steps that wait.
async fn trace(city: &Resident, name: &str) -> (i64, usize) {
    let stands = at(city, name).await;
    (stands.sequence, stands.pending_steps.len())
}

fn kind(step: &Step) -> &'static str {
    use cooperation_event::Action as Event;
    let event = match step.action.clone().unwrap() {
        Action::Proposal(one) => Event::Proposal(one),
        Action::Counter(one) => Event::Counter(one),
        Action::Acceptance(one) => Event::Acceptance(one),
        Action::Decline(one) => Event::Decline(one),
        Action::Signature(one) => Event::Signature(one),
        Action::Activation(one) => Event::Activation(one),
        Action::Conclusion(one) => Event::Conclusion(one),
        Action::Message(one) => Event::Message(one),
        Action::Answer(one) => Event::Answer(one),
        Action::Amendment(one) => Event::Amendment(one),
        Action::MilestoneSetting(one) => Event::MilestoneSetting(one),
        Action::MilestoneCompletion(one) => Event::MilestoneCompletion(one),
        other => panic!("no act has {other:?}"),
    };
    Move::of(&event).as_str()
}
