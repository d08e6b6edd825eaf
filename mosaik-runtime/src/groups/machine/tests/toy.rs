use std::collections::BTreeMap;

use bytes::Bytes;
use futures::FutureExt as _;
use serde::{Deserialize, Serialize};

use crate::{
    groups::{
        machine::{
            Applier, Apply, Applying, Batch, COMMAND, Command, Item, MachineSettings, Outcome, Payload,
            Replica, SessionId, StateMachine, Step, Timestamp, Trouble,
        },
        store::record::LogId,
    },
    primitives::{
        BootId, PeerId, Schema,
        schema::{Seen, Shape},
    },
};

/// Remembers everything that was done to it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::groups) struct Toy {
    pub(in crate::groups) done: Vec<u32>,
    pub(in crate::groups) callers: BTreeMap<PeerId, u64>,
    pub(in crate::groups) last: Timestamp,
    pub(in crate::groups) at: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::groups) enum Deed {
    /// Adds a number; says how many there are.
    Do(u32),
    /// Adds a number and panics.
    Tear(u32),
    /// Adds a number and answers what cannot be encoded.
    Mute(u32),
}

impl Schema for Toy {
    fn shape(seen: &mut Seen) -> Shape {
        let fields: &[(&str, crate::primitives::schema::ShapeOf)] = &[
            ("done", <Vec<u32>>::shape),
            ("callers", <BTreeMap<PeerId, u64>>::shape),
            ("last", Timestamp::shape),
            ("at", u64::shape),
        ];
        seen.structure::<Self>("Toy", None, fields)
    }
}

impl Schema for Deed {
    fn shape(seen: &mut Seen) -> Shape {
        let number: &[(&str, crate::primitives::schema::ShapeOf)] = &[("0", u32::shape)];
        seen.enumeration::<Self>("Deed", None, &[("Do", number), ("Tear", number), ("Mute", number)])
    }
}

/// How many numbers there are; `u64::MAX` does not encode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(in crate::groups) struct Count(pub(in crate::groups) u64);

impl Serialize for Count {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            u64::MAX => Err(serde::ser::Error::custom("too many")),
            count => serializer.serialize_newtype_struct("Count", &count),
        }
    }
}

impl StateMachine for Toy {
    type Command = Deed;
    type Reply = Count;
    type Query = ();
    type Answer = usize;

    fn apply(&mut self, command: Deed, cx: &Apply) -> Count {
        let (Deed::Do(number) | Deed::Tear(number) | Deed::Mute(number)) = command;
        self.done.push(number);
        assert!(!matches!(command, Deed::Tear(_)), "cannot do {number}");
        *self.callers.entry(cx.caller()).or_default() += 1;
        assert!(cx.now() >= self.last, "group time went back");
        (self.last, self.at) = (cx.now(), cx.index());
        Count(if matches!(command, Deed::Mute(_)) { u64::MAX } else { self.done.len() as u64 })
    }

    fn query(&self, (): ()) -> usize {
        self.done.len()
    }
}

/// Snapshots every few entries, and few of everything.
pub(in crate::groups) const SMALL: MachineSettings = MachineSettings {
    snapshot_bytes: 300,
    snapshot_entries: 9,
    sessions: 3,
    outstanding: 8,
    kept: 64,
    chunk: 64,
};

pub(in crate::groups) const PEER: PeerId = PeerId::from_bytes([7; 32]);

pub(in crate::groups) fn open(owner: u8) -> Item {
    Item::Open { owner: PeerId::from_bytes([owner; 32]), boot: BootId(u128::from(owner)) }
}

pub(in crate::groups) fn command(session: SessionId, serial: u64, acked_below: u64, deed: Deed) -> Item {
    let mut body = Vec::new();
    deed.encode(&mut body).expect("encodes");
    Item::Command { session, serial, acked_below, method: COMMAND, body: body.into() }
}

pub(in crate::groups) fn payload(now: u64, items: Vec<Item>) -> Bytes {
    Payload::V1(Batch { now: Timestamp::from_millis(now), items }).encode().expect("encodes")
}

pub(in crate::groups) fn count(outcome: &Outcome) -> u64 {
    let (Outcome::Replied(bytes) | Outcome::Again(bytes)) = outcome else { panic!("no reply: {outcome:?}") };
    crate::primitives::codec::decode::<Count>(bytes).expect("decodes").0
}

/// A member without consensus: its log is a list.
pub(in crate::groups) struct Member {
    pub(in crate::groups) applier: Applier<Toy>,
    pub(in crate::groups) replica: Replica<Toy>,
    pub(in crate::groups) log: Vec<Bytes>,
    /// The snapshots that were due.
    pub(in crate::groups) snapshots: BTreeMap<u64, Bytes>,
    /// How often the state was made anew.
    pub(in crate::groups) anew: u32,
}

fn id(index: usize) -> LogId {
    LogId { term: 1 + index as u64 / 5, index: index as u64 }
}

impl Member {
    pub(in crate::groups) fn new() -> Self {
        Self::with(SMALL)
    }

    pub(in crate::groups) fn with(settings: MachineSettings) -> Self {
        let (applier, replica) = Applier::new(Toy::default(), settings).expect("it can be kept");
        Self { applier, replica, log: Vec::new(), snapshots: BTreeMap::new(), anew: 0 }
    }

    fn step(&mut self, index: usize) -> Result<Step, Trouble> {
        match &self.log[index] {
            empty if empty.is_empty() => self.applier.pass(id(index)),
            payload => self.applier.apply(id(index), payload, true),
        }
    }

    /// Adds an entry to the log and applies it. One without bytes is not for the machine.
    pub(in crate::groups) fn entry(&mut self, payload: Bytes) -> Vec<Outcome> {
        self.log.push(payload);
        let index = self.log.len() - 1;
        let step = loop {
            match self.step(index) {
                Ok(step) => break step,
                Err(Trouble::Panicked { slot, message }) => {
                    self.applier.skip(index as u64, slot, message);
                    self.applier.restore(None).expect("the beginning");
                    (0..index).for_each(|before| drop(self.step(before).expect("it was applied before")));
                    self.anew += 1;
                }
                Err(error) => panic!("{error}"),
            }
        };
        if let Some(snapshot) = step.snapshot {
            assert_eq!(snapshot.last, Some(id(index)));
            self.snapshots.insert(index as u64, snapshot.bytes);
        }
        Outcome::decode_all(&step.answer.into()).expect("decodes")
    }

    pub(in crate::groups) fn apply(&mut self, now: u64, items: Vec<Item>) -> Vec<Outcome> {
        let count = items.len();
        let outcomes = self.entry(payload(now, items));
        assert_eq!(outcomes.len(), count);
        outcomes
    }

    pub(in crate::groups) fn one(&mut self, item: Item) -> Outcome {
        self.apply(0, vec![item]).remove(0)
    }

    /// A session for a node.
    pub(in crate::groups) fn session(&mut self, owner: u8) -> SessionId {
        match self.one(open(owner)) {
            Outcome::Opened(session) => session,
            other => panic!("{other:?}"),
        }
    }

    pub(in crate::groups) fn state(&self) -> Toy {
        let state = self.replica.read(|toy, _| toy.clone()).now_or_never();
        state.expect("nothing is being made anew").expect("it lives")
    }
}
