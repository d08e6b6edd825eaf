//! The pump against a network that loses, repeats and reorders, with several leaders and a group that forgets sessions.

use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;
use proptest::prelude::*;
use tokio::time::Instant;

use super::{
    super::{BatchId, Body, Done, Effect, Input, LaneId, NotTaken, OUTSTANDING, Parcel, ParcelId, Pump},
    group::Group,
};
use crate::{
    groups::{
        error::CommandError,
        machine::{Item, Outcome},
    },
    primitives::{BootId, PeerId},
};

type At = prop::sample::Index;

#[derive(Debug, Clone)]
enum Step {
    /// So many commands, with so many milliseconds.
    Give(u64, u64),
    /// Somebody leads, or nobody.
    Leader(Option<u8>),
    /// The lane that is being made is there.
    Ready,
    /// The lane is lost.
    Lose,
    /// A batch gets into the log, by the way; it stays in the net and may get there again. Its sender is not told.
    Apply(At),
    /// A batch gets into the log, and the lane tells.
    Answer(At),
    /// The result of a batch that was applied by the way is told late.
    Late(At),
    /// A batch is refused, and surely not in the log.
    Refuse(At, Option<u8>),
    /// Nobody can say what became of a batch.
    Unsure(At),
    /// The group forgets all sessions.
    Forget,
    Pass(u64),
    Fence,
    Stop,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let index = any::<At>;
    let leader = || prop::option::weighted(0.8, 1..4_u8);
    let step = prop_oneof![
        12 => (1..5_u64, 1..400_u64).prop_map(|(count, millis)| Step::Give(count, millis)),
        1 => (200..1024_u64, 1..400_u64).prop_map(|(count, millis)| Step::Give(count, millis)),
        4 => leader().prop_map(Step::Leader),
        8 => Just(Step::Ready),
        3 => Just(Step::Lose),
        6 => index().prop_map(Step::Apply),
        20 => index().prop_map(Step::Answer),
        3 => index().prop_map(Step::Late),
        4 => (index(), leader()).prop_map(|(at, leader)| Step::Refuse(at, leader)),
        2 => index().prop_map(Step::Unsure),
        1 => Just(Step::Forget),
        6 => (1..60_u64).prop_map(Step::Pass),
    ];
    let last = prop_oneof![Just(Step::Fence), Just(Step::Stop), Just(Step::Pass(1000))];
    (prop::collection::vec(step, 1..200), last).prop_map(|(mut steps, last)| {
        steps.push(last);
        steps
    })
}

/// A batch that was sent.
#[derive(Debug, Clone)]
struct Sent {
    lane: LaneId,
    batch: BatchId,
    items: Vec<Item>,
    /// It is surely in no log, and never will be.
    refused: bool,
    /// The lane has told what became of it.
    told: bool,
    /// What came of it when it was applied first.
    outcomes: Option<Vec<Outcome>>,
}

struct Lab {
    pump: Pump,
    group: Group,
    now: Instant,
    lane: Option<LaneId>,
    lanes: u64,
    sent: Vec<Sent>,
    /// The bodies of each parcel and its deadline, until it is done.
    open: BTreeMap<ParcelId, (Vec<Bytes>, Instant)>,
    results: Vec<(Bytes, Result<Bytes, CommandError>)>,
}

fn leader(n: Option<u8>) -> Option<PeerId> {
    n.map(|n| PeerId::from_bytes([n; 32]))
}

impl Lab {
    fn new() -> Self {
        Self {
            pump: Pump::new(PeerId::from_bytes([9; 32]), BootId(1)),
            group: Group::default(),
            now: Instant::now(),
            lane: None,
            lanes: 0,
            sent: Vec::new(),
            open: BTreeMap::new(),
            results: Vec::new(),
        }
    }

    fn tell(&mut self, input: Input) {
        let mut effects = Vec::new();
        self.pump.step(self.now, input, &mut effects);
        self.pump.send(self.now, &mut effects);
        for effect in effects {
            match effect {
                Effect::Open(lane, _) => {
                    assert_eq!(
                        (self.lane.replace(lane), lane),
                        (None, LaneId(self.lanes)),
                        "one lane at a time"
                    );
                    self.lanes += 1;
                }
                Effect::Close(lane) => assert_eq!(self.lane.take(), Some(lane)),
                Effect::Send(lane, batch, items) => {
                    assert_eq!(self.lane, Some(lane));
                    assert!(!items.is_empty() && items.len() <= 1024);
                    self.sent.push(Sent { lane, batch, items, refused: false, told: false, outcomes: None });
                }
                Effect::Done(parcel, done) => self.done(parcel, done),
            }
        }
    }

    fn done(&mut self, parcel: ParcelId, done: Done) {
        let (bodies, _) = self.open.remove(&parcel).expect("a parcel is done once");
        let results: Vec<_> = match done {
            Done::Results(results) => results,
            Done::Rejected(rejected) => bodies.iter().map(|_| Err(rejected.clone().into())).collect(),
            Done::Unknown(unknown) => bodies.iter().map(|_| Err(unknown.clone().into())).collect(),
        };
        assert_eq!(results.len(), bodies.len());
        self.results.extend(bodies.into_iter().zip(results));
    }

    fn pick(&self, at: At, such: impl Fn(&Sent) -> bool) -> Option<usize> {
        let fit: Vec<usize> = (0..self.sent.len()).filter(|sent| such(&self.sent[*sent])).collect();
        if fit.is_empty() { None } else { Some(fit[at.index(fit.len())]) }
    }

    /// One of which the open lane has told nothing.
    fn pick_open(&self, at: At, was_applied: bool) -> Option<usize> {
        self.pick(at, |sent| {
            Some(sent.lane) == self.lane && !sent.told && sent.outcomes.is_some() == was_applied
        })
    }

    fn apply(&mut self, at: usize) -> Vec<Outcome> {
        let outcomes = self.group.apply(&self.sent[at].items);
        self.sent[at].outcomes.get_or_insert_with(|| outcomes.clone());
        outcomes
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Give(count, millis) => self.give(count, Duration::from_millis(millis)),
            Step::Leader(n) => self.tell(Input::Leader(leader(n))),
            Step::Ready => self.lane.into_iter().for_each(|lane| self.tell(Input::Ready(lane))),
            Step::Lose => self.lane.into_iter().for_each(|lane| self.tell(Input::Lost(lane))),
            Step::Forget => self.group.forget(),
            Step::Pass(millis) => {
                self.now += Duration::from_millis(millis);
                self.tell(Input::Tick);
            }
            Step::Fence => self.group.fenced = true,
            Step::Stop => self.tell(Input::Stop),
            Step::Apply(at) => {
                self.pick(at, |sent| !sent.refused).into_iter().for_each(|at| drop(self.apply(at)));
            }
            Step::Answer(at) => self.pick_open(at, false).into_iter().for_each(|at| {
                let outcomes = self.apply(at);
                self.say(at, |lane, batch| Input::Answered(lane, batch, outcomes));
            }),
            Step::Late(at) => self.pick_open(at, true).into_iter().for_each(|at| {
                let outcomes = self.sent[at].outcomes.clone().expect("it was applied");
                self.say(at, |lane, batch| Input::Answered(lane, batch, outcomes));
            }),
            Step::Refuse(at, n) => self.pick_open(at, false).into_iter().for_each(|at| {
                self.sent[at].refused = true;
                let why = NotTaken::NotLeader { leader: leader(n) };
                self.say(at, |lane, batch| Input::Refused(lane, batch, why));
            }),
            Step::Unsure(at) => {
                let sent = self.pick_open(at, false).or_else(|| self.pick_open(at, true));
                sent.into_iter().for_each(|at| self.say(at, Input::Unsure));
            }
        }
        assert!(self.open.values().all(|(_, deadline)| *deadline > self.now), "a deadline passed in silence");
        let wake = self.pump.wake();
        let sound = self.open.is_empty() || wake.is_some_and(|wake| wake > self.now);
        assert!(sound, "asleep, or turning in circles: {wake:?} at {:?}", self.now);
    }

    fn give(&mut self, count: u64, within: Duration) {
        let (id, deadline) = (self.pump.next_parcel(), self.now + within);
        let bodies: Vec<_> = (0..count).map(|n| Bytes::from(format!("{}.{n}", id.0))).collect();
        self.open.insert(id, (bodies.clone(), deadline));
        let bodies = bodies.into_iter().map(|bytes| Body { method: 0, bytes }).collect();
        self.tell(Input::Give(Parcel { bodies, within, deadline }));
    }

    fn say(&mut self, at: usize, what: impl FnOnce(LaneId, BatchId) -> Input) {
        let sent = &mut self.sent[at];
        sent.told = true;
        let input = what(sent.lane, sent.batch);
        self.tell(input);
    }

    /// Everything that is still on its way arrives, several times; and time runs out.
    fn end(&mut self) {
        self.now += Duration::from_secs(10);
        self.tell(Input::Tick);
        assert!(self.open.is_empty());
        let late: Vec<_> = (0..self.sent.len()).rev().filter(|at| !self.sent[*at].refused).collect();
        for at in late.iter().chain(&late) {
            self.apply(*at);
        }
        assert!(self.group.widest <= OUTSTANDING, "the group would have had to forget");
        assert!(self.group.applied.values().all(|times| *times == 1), "applied twice");
        for (body, result) in &self.results {
            let applied = self.group.applied.contains_key(body);
            match result {
                Ok(reply) => assert!(applied && reply == body, "an answer of another command"),
                Err(CommandError::Rejected(_)) => assert!(!applied, "rejected, and applied"),
                Err(_) => {}
            }
        }
    }
}

/// How many bytes of results a session may have: a few commands, or as many as there are.
fn room() -> impl Strategy<Value = Option<usize>> {
    prop::option::of(1..60_usize)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    /// Each command is applied at most once; an answer is the command's own; what is rejected never appears, whatever arrives later;
    /// everybody is told once, in time.
    #[test]
    fn r8_r9_lc5_lc9_outcomes_are_honest_whatever_is_lost_repeated_and_reordered(steps in steps(), room in room()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let _inside = runtime.enter();
        let mut lab = Lab::new();
        lab.group.room = room;
        steps.into_iter().for_each(|step| lab.step(step));
        lab.end();
    }
}
