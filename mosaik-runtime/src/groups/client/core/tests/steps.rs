//! One thing at a time.

use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use super::{
    super::{
        BatchId, Body, Done, Effect, FLIGHTS, Input, LARGE, LARGE_BYTES, LaneId, NEAR, NotTaken, Parcel,
        ParcelId, Pump,
    },
    group::Group,
};
use crate::{
    groups::{
        error::{CommandError, Rejected, Unknown},
        machine::{Item, Outcome},
    },
    primitives::{BootId, PeerId, Stopped},
};

const WITHIN: Duration = Duration::from_secs(1);

fn peer(n: u8) -> PeerId {
    PeerId::from_bytes([n; 32])
}

struct Lab {
    pump: Pump,
    group: Group,
    start: Instant,
    now: Instant,
    effects: Vec<Effect>,
    lane: LaneId,
    /// How long an answer takes. Where it is long, nothing is held back.
    way: Duration,
}

impl Lab {
    fn new() -> Self {
        let (now, pump) = (Instant::now(), Pump::new(peer(1), BootId(7)));
        Self {
            pump,
            group: Group::default(),
            start: now,
            now,
            effects: Vec::new(),
            lane: LaneId(0),
            way: 2 * NEAR,
        }
    }

    /// A pump with an open lane and a session.
    fn ready() -> Self {
        let mut lab = Self::new();
        lab.tell(Input::Leader(Some(peer(2))));
        lab.give(1);
        lab.open(peer(2));
        let (batch, items) = lab.sent().pop().expect("a session is opened");
        lab.answer(batch, &items);
        let (batch, items) = lab.sent().pop().expect("the command is sent");
        lab.answer(batch, &items);
        assert_eq!(lab.done().len(), 1);
        lab.start = lab.now;
        lab
    }

    fn tell(&mut self, input: Input) {
        self.pump.step(self.now, input, &mut self.effects);
        self.pump.send(self.now, &mut self.effects);
    }

    fn give(&mut self, count: u64) -> ParcelId {
        let id = self.pump.next_parcel();
        let body = |n: u64| Body { method: 3, bytes: Bytes::from(format!("{}.{n}", id.0)) };
        let bodies = (0..count).map(body).collect();
        self.tell(Input::Give(Parcel { bodies, within: WITHIN, deadline: self.now + WITHIN }));
        id
    }

    fn pass(&mut self, millis: u64) {
        self.now += Duration::from_millis(millis);
        self.tell(Input::Tick);
    }

    fn take<T>(&mut self, pick: impl Fn(&Effect) -> Option<T>) -> Vec<T> {
        let picked: Vec<T> = self.effects.iter().filter_map(&pick).collect();
        self.effects.retain(|effect| pick(effect).is_none());
        picked
    }

    fn sent(&mut self) -> Vec<(BatchId, Vec<Item>)> {
        self.take(|effect| match effect {
            Effect::Send(_, batch, items) => Some((*batch, items.clone())),
            _ => None,
        })
    }

    /// The lane that was asked for, if one was.
    fn asked(&mut self) -> Option<(LaneId, PeerId)> {
        let opened = self.take(|effect| match effect {
            Effect::Open(lane, to) => Some((*lane, *to)),
            _ => None,
        });
        opened.last().copied()
    }

    /// The lane that was asked for goes to this peer, and is there.
    fn open(&mut self, to: PeerId) {
        let (lane, asked) = self.asked().expect("a lane was asked for");
        assert_eq!(asked, to);
        self.lane = lane;
        self.tell(Input::Ready(lane));
    }

    fn lose(&mut self) {
        self.tell(Input::Lost(self.lane));
    }

    fn done(&mut self) -> Vec<(ParcelId, Done)> {
        self.take(|effect| match effect {
            Effect::Done(parcel, done) => Some((*parcel, done.clone())),
            _ => None,
        })
    }

    fn answer(&mut self, batch: BatchId, items: &[Item]) {
        self.now += self.way;
        let outcomes = self.group.apply(items);
        self.tell(Input::Answered(self.lane, batch, outcomes));
    }

    fn refuse(&mut self, batch: BatchId, leader: Option<PeerId>) {
        self.tell(Input::Refused(self.lane, batch, NotTaken::NotLeader { leader }));
    }
}

fn replied(id: ParcelId, count: u64) -> Done {
    Done::Results((0..count).map(|n| Ok(Bytes::from(format!("{}.{n}", id.0)))).collect())
}

fn serials(items: &[Item]) -> Vec<(u64, u64)> {
    let serial = |item: &Item| match item {
        Item::Command { serial, acked_below, .. } => Some((*serial, *acked_below)),
        _ => None,
    };
    items.iter().filter_map(serial).collect()
}

#[tokio::test(start_paused = true)]
async fn what_is_given_meanwhile_travels_together_and_each_gets_its_own_reply() {
    let mut lab = Lab::ready();
    let (one, two) = (lab.give(1), lab.give(3));
    let sent = lab.sent();
    assert_eq!(sent.len(), 2, "nothing waits while there is room");
    for (batch, items) in sent.into_iter().rev() {
        lab.answer(batch, &items);
    }
    assert_eq!(lab.done(), [(two, replied(two, 3)), (one, replied(one, 1))]);
    for _ in 0..40 {
        lab.give(1);
    }
    let sent = lab.sent();
    assert_eq!(sent.len(), FLIGHTS, "as many batches as may be on their way");
    let (batch, items) = sent.into_iter().next().expect("a batch");
    lab.answer(batch, &items);
    let sent = lab.sent();
    assert_eq!((sent.len(), sent[0].1.len()), (1, 40 - FLIGHTS), "the rest goes together");
}

#[tokio::test(start_paused = true)]
async fn a_small_batch_waits_a_little_for_one_that_is_expected_soon() {
    let mut lab = Lab::ready();
    lab.way = NEAR / 2;
    lab.give(1);
    lab.give(1);
    let far = lab.sent();
    assert_eq!(far.len(), 2, "the last answer took long");
    far.iter().for_each(|(batch, items)| lab.answer(*batch, items));

    lab.give(1);
    let (batch, items) = lab.sent().pop().expect("nothing is on its way");
    let sent_at = lab.now;
    lab.give(1);
    lab.give(2);
    assert_eq!((lab.sent(), lab.pump.wake()), (vec![], Some(sent_at + NEAR)));
    lab.answer(batch, &items);
    let together = lab.sent();
    assert_eq!(together.iter().map(|(_, items)| items.len()).collect::<Vec<_>>(), [3]);
    // What is not answered as soon as it was expected is waited for no longer.
    lab.give(1);
    assert_eq!(lab.sent(), []);
    lab.now += NEAR - Duration::from_micros(1);
    lab.tell(Input::Tick);
    assert_eq!(lab.sent(), []);
    lab.now += Duration::from_micros(1);
    lab.tell(Input::Tick);
    assert_eq!(lab.sent().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_large_batch_waits_for_none() {
    let near = || {
        let mut lab = Lab::ready();
        lab.way = NEAR / 2;
        lab.give(1);
        let (batch, items) = lab.sent().pop().expect("sent");
        lab.answer(batch, &items);
        lab.give(1);
        assert_eq!(lab.sent().len(), 1);
        lab
    };
    let mut lab = near();
    lab.give(LARGE as u64 - 1);
    assert_eq!(lab.sent(), []);
    lab.give(1);
    assert_eq!(lab.sent().pop().map(|(_, items)| items.len()), Some(LARGE));

    let mut lab = near();
    let body = |length: usize| Body { method: 3, bytes: vec![7; length].into() };
    for (length, sent) in [(LARGE_BYTES - 1, 0), (1, 1)] {
        let parcel = Parcel { bodies: vec![body(length)], within: WITHIN, deadline: lab.now + WITHIN };
        lab.tell(Input::Give(parcel));
        assert_eq!(lab.sent().len(), sent);
    }
}

#[tokio::test(start_paused = true)]
async fn the_mark_follows_the_oldest_command_without_an_answer() {
    let mut lab = Lab::ready();
    lab.give(1);
    let first = lab.sent();
    assert_eq!(serials(&first[0].1), [(1, 1)]);
    lab.give(2);
    let second = lab.sent();
    assert_eq!(serials(&second[0].1), [(2, 1), (3, 1)]);
    lab.answer(second[0].0, &second[0].1);
    lab.give(1);
    assert_eq!(serials(&lab.sent()[0].1), [(4, 1)]);
    lab.answer(first[0].0, &first[0].1);
    lab.give(1);
    assert_eq!(serials(&lab.sent()[0].1), [(5, 4)]);
}

#[tokio::test(start_paused = true)]
async fn r9_what_was_never_sent_is_rejected_and_what_was_sent_is_unknown() {
    let mut lab = Lab::new();
    let unsent = lab.give(1);
    lab.pass(1000);
    assert_eq!(lab.done(), [(unsent, Done::Rejected(Rejected::NoQuorum { within: WITHIN }))]);
    let mut lab = Lab::ready();
    let sent = lab.give(1);
    lab.pass(999);
    assert_eq!((lab.done().len(), lab.pump.wake()), (0, Some(lab.start + WITHIN)));
    lab.pass(1);
    assert_eq!(lab.done(), [(sent, Done::Unknown(Unknown::Deadline { within: WITHIN }))]);
}

#[tokio::test(start_paused = true)]
async fn r9_a_refusal_leaves_no_doubt_and_a_lost_lane_leaves_it_for_good() {
    let mut lab = Lab::ready();
    let id = lab.give(1);
    let (batch, _) = lab.sent().pop().expect("sent");
    lab.tell(Input::Leader(None));
    lab.refuse(batch, None);
    lab.pass(1000);
    assert_eq!(lab.done(), [(id, Done::Rejected(Rejected::NoQuorum { within: WITHIN }))]);

    let mut lab = Lab::ready();
    let id = lab.give(1);
    lab.lose();
    lab.tell(Input::Leader(Some(peer(3))));
    lab.sent();
    lab.open(peer(3));
    let (batch, _) = lab.sent().pop().expect("sent again");
    lab.tell(Input::Leader(None));
    lab.refuse(batch, None);
    lab.pass(1000);
    assert_eq!(lab.done(), [(id, Done::Unknown(Unknown::Deadline { within: WITHIN }))]);
}

#[tokio::test(start_paused = true)]
async fn lc9_what_is_sent_again_has_its_numbers_and_is_applied_once() {
    let mut lab = Lab::ready();
    let id = lab.give(2);
    let (_, items) = lab.sent().pop().expect("sent");
    lab.group.apply(&items);
    lab.tell(Input::Leader(Some(peer(3))));
    lab.open(peer(3));
    let (batch, again) = lab.sent().pop().expect("sent again");
    assert_eq!(serials(&again), serials(&items));
    lab.answer(batch, &again);
    assert_eq!(lab.done(), [(id, replied(id, 2))]);
    assert!(lab.group.applied.values().all(|times| *times == 1));
}

#[tokio::test(start_paused = true)]
async fn lc5_what_an_old_lane_says_does_not_count() {
    let mut lab = Lab::ready();
    let id = lab.give(1);
    let (batch, items) = lab.sent().pop().expect("sent");
    lab.lose();
    lab.answer(batch, &items);
    assert_eq!(lab.done(), []);
    lab.pass(10);
    lab.open(peer(2));
    let (batch, items) = lab.sent().pop().expect("sent again");
    lab.answer(batch, &items);
    assert_eq!(lab.done(), [(id, replied(id, 1))]);
}

#[tokio::test(start_paused = true)]
async fn lc5_an_answer_of_the_wrong_length_is_no_answer() {
    let mut lab = Lab::ready();
    let id = lab.give(2);
    let (batch, _) = lab.sent().pop().expect("sent");
    lab.tell(Input::Answered(lab.lane, batch, vec![Outcome::Replied(Bytes::new())]));
    assert_eq!(lab.done(), []);
    let (batch, items) = lab.sent().pop().expect("sent again");
    lab.answer(batch, &items);
    assert_eq!(lab.done(), [(id, replied(id, 2))]);
}

#[tokio::test(start_paused = true)]
async fn r8_a_forgotten_session_is_opened_anew_for_what_was_surely_not_applied() {
    let mut lab = Lab::ready();
    lab.group.forget();
    let id = lab.give(1);
    let (batch, items) = lab.sent().pop().expect("sent");
    lab.answer(batch, &items);
    let (batch, open) = lab.sent().pop().expect("a session is opened");
    assert!(matches!(open[..], [Item::Open { .. }]));
    lab.answer(batch, &open);
    let (batch, items) = lab.sent().pop().expect("sent again");
    lab.answer(batch, &items);
    assert_eq!(lab.done(), [(id, replied(id, 1))]);
}

#[tokio::test(start_paused = true)]
async fn r8_what_may_have_been_applied_in_a_forgotten_session_is_unknown() {
    let mut lab = Lab::ready();
    let id = lab.give(1);
    let (_, items) = lab.sent().pop().expect("sent");
    lab.group.apply(&items);
    lab.group.forget();
    lab.lose();
    lab.pass(10);
    lab.open(peer(2));
    let (batch, items) = lab.sent().pop().expect("sent again");
    lab.answer(batch, &items);
    assert_eq!(lab.done(), [(id, Done::Results(vec![Err(CommandError::Unknown(Unknown::SessionExpired))]))]);
}

#[tokio::test(start_paused = true)]
async fn a_refused_lane_is_heard_out_and_a_named_leader_asked_at_once() {
    let mut lab = Lab::ready();
    let (first, second) = (lab.give(1), lab.give(1));
    let sent = lab.sent();
    lab.refuse(sent[0].0, Some(peer(3)));
    assert_eq!(lab.asked(), None, "the second batch may yet be answered");
    lab.answer(sent[1].0, &sent[1].1);
    assert_eq!(lab.done(), [(second, replied(second, 1))]);
    lab.open(peer(3));
    let (batch, items) = lab.sent().pop().expect("sent again");
    lab.answer(batch, &items);
    assert_eq!(lab.done(), [(first, replied(first, 1))]);
}

#[tokio::test(start_paused = true)]
async fn without_a_leader_nothing_is_tried_and_no_timer_runs_but_the_deadline() {
    let mut lab = Lab::ready();
    lab.give(1);
    lab.tell(Input::Leader(None));
    lab.lose();
    lab.pass(500);
    assert_eq!((lab.asked(), lab.pump.wake()), (None, Some(lab.start + WITHIN)));
}

#[tokio::test(start_paused = true)]
async fn a_fence_rejects_what_is_not_in_doubt() {
    let mut lab = Lab::ready();
    let one = lab.give(1);
    lab.lose();
    lab.pass(10);
    let two = lab.give(1);
    lab.sent();
    lab.open(peer(2));
    let (batch, items) = lab.sent().pop().expect("both, together");
    lab.group.fenced = true;
    lab.answer(batch, &items);
    let results = |error: CommandError| Done::Results(vec![Err(error)]);
    let unknown = results(Unknown::Fenced.into());
    assert_eq!(lab.done(), [(one, unknown), (two, results(Rejected::Fenced.into()))]);
    let three = lab.give(1);
    let (batch, _) = lab.sent().pop().expect("sent");
    lab.tell(Input::Refused(lab.lane, batch, NotTaken::Fenced));
    assert_eq!(lab.done(), [(three, Done::Rejected(Rejected::Fenced))]);
}

#[tokio::test(start_paused = true)]
async fn a_stop_tells_everybody_the_truth() {
    let mut lab = Lab::ready();
    let sent = lab.give(1);
    lab.tell(Input::Leader(None));
    lab.lose();
    let unsent = lab.give(1);
    lab.tell(Input::Stop);
    let unknown = Done::Unknown(Unknown::Stopped(Stopped));
    let rejected = Done::Rejected(Rejected::Stopped(Stopped));
    assert_eq!(lab.done(), [(sent, unknown), (unsent, rejected.clone())]);
    let late = lab.give(1);
    assert_eq!(lab.done(), [(late, rejected)]);
}

#[tokio::test(start_paused = true)]
async fn a_member_that_failed_tells_everybody_why() {
    let mut lab = Lab::ready();
    let sent = lab.give(1);
    lab.tell(Input::Leader(None));
    lab.lose();
    let unsent = lab.give(1);
    lab.tell(Input::Failed("the disk is gone".into()));
    let why = || "the disk is gone".to_owned();
    let unknown = Done::Unknown(Unknown::Failed { why: why() });
    let rejected = Done::Rejected(Rejected::Failed { why: why() });
    assert_eq!(lab.done(), [(sent, unknown), (unsent, rejected.clone())]);
    lab.tell(Input::Stop);
    let late = lab.give(1);
    assert_eq!(lab.done(), [(late, rejected)]);
}

#[tokio::test(start_paused = true)]
async fn a_full_window_holds_the_rest_back() {
    let mut lab = Lab::ready();
    lab.give(1000);
    lab.give(1000);
    let sent = lab.sent();
    assert_eq!(sent.len(), 1, "1024 serials are remembered");
    lab.answer(sent[0].0, &sent[0].1);
    assert_eq!(lab.sent().len(), 1);
    assert!(lab.group.widest <= 1024);
}

#[test]
fn lc9_a_session_without_room_goes_on_with_what_is_left_of_a_parcel() {
    let mut lab = Lab::ready();
    lab.group.room = Some(8);
    let parcel = lab.give(5);
    let mut sizes = Vec::new();
    while let Some((batch, items)) = lab.sent().pop() {
        sizes.push(items.len());
        lab.answer(batch, &items);
    }
    assert_eq!(sizes, [5, 2], "three replies of three bytes each, and then those that are left");
    let done = lab.done();
    let [(id, Done::Results(results))] = &done[..] else { panic!("{done:?}") };
    let wanted: Vec<_> = (0..5).map(|n| Ok(Bytes::from(format!("{}.{n}", parcel.0)))).collect();
    assert_eq!((*id, results), (parcel, &wanted));
}

#[test]
fn lc9_a_parcel_without_room_waits_for_the_one_that_all_acknowledgements_wait_for() {
    let mut lab = Lab::ready();
    lab.group.room = Some(5);
    let first = lab.give(1);
    let (batch, items) = lab.sent().pop().expect("it is sent");
    let others = [lab.give(1), lab.give(1), lab.give(1)];
    for (batch, items) in lab.sent() {
        lab.answer(batch, &items);
    }
    let told: Vec<_> = lab.done().into_iter().map(|(id, _)| id).collect();
    assert_eq!(told, others[..2], "the third has no room");
    assert_eq!(lab.sent(), [], "and is not given again and again");
    lab.answer(batch, &items);
    assert_eq!(lab.done().first().map(|(id, _)| *id), Some(first), "there is room for the oldest");
    let (batch, items) = lab.sent().pop().expect("now it goes again");
    lab.answer(batch, &items);
    assert_eq!(lab.done().first().map(|(id, _)| *id), Some(others[2]));
    // What is not told in time may have found room.
    lab.group.room = Some(0);
    let (oldest, late) = (lab.give(1), lab.give(1));
    let sent = lab.sent();
    let (batch, items) = &sent[1];
    lab.answer(*batch, items);
    lab.pass(1001);
    let done = lab.done();
    assert_eq!(done.iter().map(|(id, _)| *id).collect::<Vec<_>>(), [oldest, late]);
    assert!(done.iter().all(|(_, done)| matches!(done, Done::Unknown(_))), "{done:?}");
}
