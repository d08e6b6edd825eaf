//! The pump: parcels in, batches and verdicts out.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use tokio::time::Instant;

use super::{
    BATCH_BYTES, BATCH_ITEMS, BatchId, Body, Done, Effect, FLIGHTS, Input, LARGE, LARGE_BYTES, LaneId, NEAR,
    NotTaken, Parcel, ParcelId, Wake,
    lane::{DRAIN, Lane},
    parcel::{Held, Numbered},
    session::Session,
};
use crate::{
    groups::{
        error::{CommandError, Rejected, Unknown},
        machine::{Item, Outcome, SessionId},
    },
    primitives::{BootId, PeerId, Stopped},
};

/// The commands of one node to one group, and what is known of them.
#[derive(Debug)]
pub(in crate::groups::client) struct Pump {
    me: PeerId,
    boot: BootId,
    parcels: BTreeMap<ParcelId, Held>,
    /// Those that are to be sent, again or for the first time.
    waiting: BTreeSet<ParcelId>,
    deadlines: BTreeSet<(Instant, ParcelId)>,
    session: Option<Session>,
    flights: BTreeMap<BatchId, Sent>,
    /// How long the last batch took that was answered on this lane.
    round: Option<Duration>,
    /// Until when what waits is held back, if it is.
    held: Option<Instant>,
    leader: Option<PeerId>,
    lane: Lane,
    next_parcel: u64,
    next_lane: u64,
    next_batch: u64,
    /// What is said to whoever comes after the end.
    ended: Option<Rejected>,
}

/// A batch that is on its way.
#[derive(Debug)]
struct Sent {
    at: Instant,
    what: Flight,
}

/// What a batch is made of.
#[derive(Debug)]
enum Flight {
    /// A session is being opened.
    Session,
    /// These parcels, of so many commands each.
    Parcels(Vec<(ParcelId, usize)>),
}

impl Pump {
    /// A pump without commands, on this node, in this process.
    pub(in crate::groups::client) fn new(me: PeerId, boot: BootId) -> Self {
        Self {
            me,
            boot,
            parcels: BTreeMap::new(),
            waiting: BTreeSet::new(),
            deadlines: BTreeSet::new(),
            session: None,
            flights: BTreeMap::new(),
            round: None,
            held: None,
            leader: None,
            lane: Lane::default(),
            next_parcel: 0,
            next_lane: 0,
            next_batch: 0,
            ended: None,
        }
    }

    /// The id of the parcel that is given next.
    pub(in crate::groups::client) const fn next_parcel(&self) -> ParcelId {
        ParcelId(self.next_parcel)
    }

    /// When time alone changes something.
    pub(in crate::groups::client) fn wake(&self) -> Wake {
        let deadline = self.deadlines.first().map(|(deadline, _)| *deadline);
        let lane = match self.lane {
            Lane::Closed { retry, hint, .. }
                if !self.waiting.is_empty() && hint.or(self.leader).is_some() =>
            {
                retry
            }
            Lane::Draining { until, .. } => Some(until),
            _ => None,
        };
        deadline.into_iter().chain(lane).chain(self.held).min()
    }

    /// Takes in what happened. Call [`send`](Self::send) after all that happened at once.
    pub(in crate::groups::client) fn step(&mut self, now: Instant, input: Input, effects: &mut Vec<Effect>) {
        match input {
            Input::Give(parcel) => self.give(parcel, effects),
            Input::Leader(leader) => self.follow(leader, effects),
            Input::Ready(lane) => self.ready(lane),
            Input::Lost(lane) if self.lane.id() == Some(lane) => self.drop_lane(now, None, effects),
            Input::Answered(lane, batch, outcomes) if self.lane.id() == Some(lane) => {
                self.answered(now, batch, outcomes, effects);
            }
            Input::Refused(lane, batch, why) if self.lane.id() == Some(lane) => {
                self.refused(now, batch, why, effects);
            }
            Input::Unsure(lane, batch) if self.lane.id() == Some(lane) => self.land(batch, true),
            Input::Lost(_) | Input::Answered(..) | Input::Refused(..) | Input::Unsure(..) | Input::Tick => {}
            Input::Stop => self.stop(None, effects),
            Input::Failed(why) => self.stop(Some(&why), effects),
        }
    }

    fn give(&mut self, parcel: Parcel, effects: &mut Vec<Effect>) {
        let id = self.next_parcel();
        self.next_parcel += 1;
        if let Some(ended) = &self.ended {
            effects.push(Effect::Done(id, Done::Rejected(ended.clone())));
            return;
        }
        self.deadlines.insert((parcel.deadline, id));
        self.waiting.insert(id);
        self.parcels.insert(id, Held::new(parcel));
    }

    fn follow(&mut self, leader: Option<PeerId>, effects: &mut Vec<Effect>) {
        if leader == self.leader {
            return;
        }
        self.leader = leader;
        // Without a leader the present one may yet answer what it has.
        let Some(leader) = leader else { return };
        if self.lane.to() != Some(leader) {
            self.close_lane(effects);
            self.lane = Lane::default();
        }
    }

    fn ready(&mut self, lane: LaneId) {
        if let Lane::Opening { id, to, failures } = self.lane
            && id == lane
        {
            self.lane = Lane::Open { id, to, failures };
        }
    }

    /// Ends the lane; what was on it is in doubt.
    fn close_lane(&mut self, effects: &mut Vec<Effect>) {
        if let Some(id) = self.lane.id() {
            effects.push(Effect::Close(id));
        }
        let flights: Vec<BatchId> = self.flights.keys().copied().collect();
        flights.into_iter().for_each(|batch| self.land(batch, true));
        self.round = None;
    }

    fn drop_lane(&mut self, now: Instant, hint: Option<PeerId>, effects: &mut Vec<Effect>) {
        let closed = self.lane.closed(now, hint);
        self.close_lane(effects);
        self.lane = closed;
    }

    /// A batch is not on its way any more; its parcels wait to be sent again.
    fn land(&mut self, batch: BatchId, in_doubt: bool) {
        let Some(Sent { what: Flight::Parcels(parcels), .. }) = self.flights.remove(&batch) else { return };
        for (id, _) in parcels {
            if let Some(held) = self.parcels.get_mut(&id) {
                held.flight = None;
                held.in_doubt |= in_doubt;
                self.waiting.insert(id);
            }
        }
    }

    fn refused(&mut self, now: Instant, batch: BatchId, why: NotTaken, effects: &mut Vec<Effect>) {
        match why {
            NotTaken::NotLeader { leader } => {
                self.land(batch, false);
                self.drain(now, leader, effects);
            }
            NotTaken::Fenced => {
                let Some(Sent { what: Flight::Parcels(parcels), .. }) = self.flights.remove(&batch) else {
                    // No session can be opened any more: whatever waits was not taken.
                    let waiting: Vec<ParcelId> = self.waiting.iter().copied().collect();
                    waiting.into_iter().for_each(|id| self.fence(id, effects));
                    return;
                };
                for (id, _) in parcels {
                    if let Some(held) = self.parcels.get_mut(&id) {
                        held.flight = None;
                        self.fence(id, effects);
                    }
                }
            }
        }
    }

    /// Sends nothing more on this lane, and waits a little for what will be said of the other batches on it.
    fn drain(&mut self, now: Instant, leader: Option<PeerId>, effects: &mut Vec<Effect>) {
        if self.flights.is_empty() {
            return self.drop_lane(now, leader, effects);
        }
        if let Lane::Open { id, to, failures } = self.lane {
            self.lane = Lane::Draining { id, to, failures, hint: leader, until: now + DRAIN };
        }
    }

    fn fence(&mut self, id: ParcelId, effects: &mut Vec<Effect>) {
        self.finish(id, effects, |held| {
            if held.may_be_taken() {
                Done::Unknown(Unknown::Fenced)
            } else {
                Done::Rejected(Rejected::Fenced)
            }
        });
    }

    fn answered(&mut self, now: Instant, batch: BatchId, outcomes: Vec<Outcome>, effects: &mut Vec<Effect>) {
        if let Lane::Open { failures, .. } = &mut self.lane {
            *failures = 0;
        }
        let Some(Sent { at, what }) = self.flights.get(&batch) else { return };
        self.round = Some(now.saturating_duration_since(*at));
        let expected = match what {
            Flight::Session => 1,
            Flight::Parcels(parcels) => parcels.iter().map(|(_, count)| count).sum(),
        };
        if outcomes.len() != expected {
            return self.land(batch, true);
        }
        let mut outcomes = outcomes.into_iter();
        match self.flights.remove(&batch).map(|sent| sent.what) {
            Some(Flight::Parcels(parcels)) => {
                for (id, count) in parcels {
                    self.settle(id, outcomes.by_ref().take(count).collect(), effects);
                }
            }
            _ => match outcomes.next() {
                Some(Outcome::Opened(id)) => self.session = Some(Session::new(id)),
                Some(Outcome::Fenced) => {
                    let waiting: Vec<ParcelId> = self.waiting.iter().copied().collect();
                    waiting.into_iter().for_each(|id| self.fence(id, effects));
                }
                _ => {}
            },
        }
    }

    fn settle(&mut self, id: ParcelId, outcomes: Vec<Outcome>, effects: &mut Vec<Effect>) {
        let Some(held) = self.parcels.get_mut(&id) else { return };
        held.flight = None;
        held.full = None;
        if let Some(place) = outcomes.iter().position(|outcome| *outcome == Outcome::Full) {
            return self.go_on(id, outcomes, place);
        }
        let expired = outcomes.contains(&Outcome::Expired);
        if expired
            && held.numbered.map(|numbered| numbered.session)
                == self.session.as_ref().map(|session| session.id)
        {
            self.session = None;
        }
        if expired && !held.in_doubt && outcomes.iter().all(|outcome| *outcome == Outcome::Expired) {
            // The only copy that there ever was did nothing: it may have other numbers.
            held.numbered = None;
            self.waiting.insert(id);
            return;
        }
        self.finish(id, effects, |held| {
            Done::Results(outcomes.into_iter().map(|outcome| verdict(outcome, held.in_doubt)).collect())
        });
    }

    /// The session has as many results as it may have: what is left of the parcel goes again, and says which of them have arrived.
    fn go_on(&mut self, id: ParcelId, outcomes: Vec<Outcome>, place: usize) {
        let Some(held) = self.parcels.get_mut(&id) else { return };
        let (numbered, in_doubt) = (held.numbered, held.in_doubt);
        // A late copy of what was sent may yet find room.
        held.in_doubt = true;
        let count = held.go_on(outcomes.into_iter().take(place).map(|outcome| verdict(outcome, in_doubt)));
        if let (Some(session), Some(numbered)) = (&mut self.session, numbered)
            && session.id == numbered.session
        {
            session.settle_some(numbered.first, count as u64);
            held.full = Some(session.acked_below());
        }
        self.waiting.insert(id);
    }

    fn finish(&mut self, id: ParcelId, effects: &mut Vec<Effect>, done: impl FnOnce(&Held) -> Done) {
        let Some(held) = self.parcels.remove(&id) else { return };
        self.waiting.remove(&id);
        self.deadlines.remove(&(held.parcel.deadline, id));
        if let (Some(session), Some(numbered)) = (&mut self.session, held.numbered)
            && session.id == numbered.session
        {
            session.settle(numbered.first);
        }
        let done = done(&held);
        effects.push(Effect::Done(id, done.after(held.before, held.parcel.bodies.len())));
    }

    fn stop(&mut self, failed: Option<&str>, effects: &mut Vec<Effect>) {
        let why = || failed.map(str::to_owned);
        let unknown = || why().map_or(Unknown::Stopped(Stopped), |why| Unknown::Failed { why });
        let rejected = || why().map_or(Rejected::Stopped(Stopped), |why| Rejected::Failed { why });
        self.ended.get_or_insert_with(rejected);
        let all: Vec<ParcelId> = self.parcels.keys().copied().collect();
        for id in all {
            self.finish(id, effects, |held| {
                if held.may_be_taken() { Done::Unknown(unknown()) } else { Done::Rejected(rejected()) }
            });
        }
        self.close_lane(effects);
        self.lane = Lane::default();
    }

    /// Sends what can be sent, and gives up what is overdue.
    pub(in crate::groups::client) fn send(&mut self, now: Instant, effects: &mut Vec<Effect>) {
        self.give_up(now, effects);
        if let Lane::Draining { until, hint, .. } = self.lane
            && (until <= now || self.flights.is_empty())
        {
            self.drop_lane(now, hint, effects);
        }
        self.open_lane(now, effects);
        self.held = None;
        let Lane::Open { id: lane, .. } = self.lane else { return };
        while self.flights.len() < FLIGHTS {
            self.held = self.holds(now);
            if self.held.is_some() {
                break;
            }
            let Some((flight, items)) = self.next_batch() else { break };
            let batch = BatchId(self.next_batch);
            self.next_batch += 1;
            if let Flight::Parcels(parcels) = &flight {
                for (id, _) in parcels {
                    self.waiting.remove(id);
                    if let Some(held) = self.parcels.get_mut(id) {
                        held.flight = Some(batch);
                    }
                }
            }
            self.flights.insert(batch, Sent { at: now, what: flight });
            effects.push(Effect::Send(lane, batch, items));
        }
    }

    /// Until when what waits is held back, for what is given meanwhile to go with it: while a batch is on its way that is expected soon.
    fn holds(&self, now: Instant) -> Option<Instant> {
        let (_, first) = self.flights.first_key_value()?;
        let until = first.at + NEAR;
        let is_near = self.round.is_some_and(|round| round <= NEAR) && until > now;
        (is_near && !self.waiting.is_empty() && self.is_small()).then_some(until)
    }

    /// Whether little waits.
    fn is_small(&self) -> bool {
        let (mut count, mut bytes) = (0, 0);
        self.waiting.iter().filter_map(|id| self.parcels.get(id)).all(|held| {
            count += held.count();
            count < LARGE && {
                bytes += held.parcel.bytes();
                bytes < LARGE_BYTES
            }
        })
    }

    fn give_up(&mut self, now: Instant, effects: &mut Vec<Effect>) {
        while let Some(&(deadline, id)) = self.deadlines.first() {
            if deadline > now {
                break;
            }
            self.finish(id, effects, |held| {
                let within = held.parcel.within;
                if held.may_be_taken() {
                    Done::Unknown(Unknown::Deadline { within })
                } else {
                    Done::Rejected(Rejected::NoQuorum { within })
                }
            });
        }
    }

    fn open_lane(&mut self, now: Instant, effects: &mut Vec<Effect>) {
        let Lane::Closed { retry, hint, failures } = self.lane else { return };
        if self.waiting.is_empty() || retry.is_some_and(|retry| retry > now) {
            return;
        }
        let Some(to) = hint.or(self.leader) else { return };
        let id = LaneId(self.next_lane);
        self.next_lane += 1;
        effects.push(Effect::Open(id, to));
        self.lane = Lane::Opening { id, to, failures };
    }

    /// The next batch: parcels in the order in which they were given, or the opening of a session.
    fn next_batch(&mut self) -> Option<(Flight, Vec<Item>)> {
        let (mut chosen, mut items, mut bytes, mut no_session) = (Vec::new(), Vec::new(), 0, false);
        for id in &self.waiting {
            let Some(held) = self.parcels.get_mut(id) else { continue };
            if held.full.is_some() && !held.has_room(self.session.as_ref()) {
                continue;
            }
            let size = held.parcel.bytes();
            let full = items.len() + held.count() > BATCH_ITEMS || bytes + size > BATCH_BYTES;
            if full && !items.is_empty() {
                break;
            }
            if held.numbered.is_none_or(|numbered| is_stale(numbered, self.session.as_ref(), held.in_doubt)) {
                let Some(session) = &mut self.session else {
                    no_session = true;
                    continue;
                };
                if !session.has_room(held.count()) {
                    break;
                }
                held.numbered = Some(session.number(held.count()));
            }
            let Some(numbered) = held.numbered else { continue };
            let current = self.session.as_ref().filter(|session| session.id == numbered.session);
            let acked_below = current.map_or(numbered.acked_below, Session::acked_below);
            items.extend(to_items(&held.parcel.bodies, numbered, acked_below));
            bytes += size;
            chosen.push((*id, held.count()));
        }
        if !chosen.is_empty() {
            return Some((Flight::Parcels(chosen), items));
        }
        let opening = self.flights.values().any(|sent| matches!(sent.what, Flight::Session));
        let open = Item::Open { owner: self.me, boot: self.boot };
        (no_session && !opening).then(|| (Flight::Session, vec![open]))
    }
}

/// Whether a parcel has numbers of a session that has expired and may have others, since none of its copies was taken.
fn is_stale(numbered: Numbered, session: Option<&Session>, in_doubt: bool) -> bool {
    !in_doubt && session.is_none_or(|session| session.id != numbered.session)
}

fn to_items(bodies: &[Body], numbered: Numbered, acked_below: u64) -> impl Iterator<Item = Item> {
    let session: SessionId = numbered.session;
    (numbered.first..).zip(bodies).map(move |(serial, body)| Item::Command {
        session,
        serial,
        acked_below,
        method: body.method,
        body: body.bytes.clone(),
    })
}

/// What may be said of a command whose item had this outcome.
fn verdict(outcome: Outcome, in_doubt: bool) -> Result<bytes::Bytes, CommandError> {
    match outcome {
        Outcome::Replied(reply) | Outcome::Again(reply) => Ok(reply),
        Outcome::Panicked(message) => Err(CommandError::Panicked { message }),
        Outcome::Unreadable(why) => Err(Rejected::Unreadable { why }.into()),
        Outcome::Fenced if !in_doubt => Err(Rejected::Fenced.into()),
        Outcome::Fenced => Err(Unknown::Fenced.into()),
        // An earlier copy may have been applied. Without one the parcel would have been sent again, unless its other commands were
        // applied, and those stand in one entry with this one.
        Outcome::Expired => Err(Unknown::SessionExpired.into()),
        Outcome::Opened(_) | Outcome::Welcomed { .. } | Outcome::Done | Outcome::Full => {
            Err(Unknown::Reply { why: "it answers something else".to_owned() }.into())
        }
    }
}
