//! What every node's streams produced, delivered and missed, as the nodes themselves report it.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::seat::Seat;
use crate::{
    primitives::{BootId, NetworkId, PeerId, StreamId, WireId},
    streams::{Holds, Lost, Trace},
    transport::sim::Net,
};

/// Counts of one stream at one node.
#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    produced: u64,
    delivered: u64,
    gaps: u64,
    missed: u64,
    held: [u64; 2],
}

#[derive(Debug, Clone)]
struct Who {
    name: String,
    network: NetworkId,
    peer: PeerId,
}

#[derive(Debug, Default)]
struct Book {
    nodes: BTreeMap<usize, Who>,
    counts: BTreeMap<(usize, WireId), Counts>,
}

/// The records of a world.
#[derive(Clone)]
pub(super) struct Records {
    book: Arc<Mutex<Book>>,
    net: Net,
}

impl Records {
    pub(super) fn new(net: Net) -> Self {
        Self { book: Arc::default(), net }
    }

    pub(super) fn add(&self, number: usize, seat: &Seat) {
        let who = Who { name: seat.name.clone(), network: seat.network, peer: seat.peer() };
        self.lock().nodes.insert(number, who);
    }

    /// What a node reports to, in each of its lives.
    pub(super) fn recorder(&self, node: usize) -> Arc<dyn Trace> {
        Arc::new(Recorder { records: self.clone(), node })
    }

    /// The records of one stream, by node, on whichever network each node is.
    pub(super) fn of(&self, stream: &StreamId) -> StreamTrace {
        let book = self.lock();
        let nodes = book.nodes.iter().map(|(number, who)| {
            let wire = stream.on(&who.network);
            let counts = book.counts.get(&(*number, wire)).copied().unwrap_or_default();
            (*number, who.name.clone(), counts)
        });
        StreamTrace { nodes: nodes.collect() }
    }

    fn lock(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Records {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let book = self.lock();
        let lines = book.counts.iter().map(|((node, stream), counts)| {
            let name = book.nodes.get(node).map_or("", |who| &who.name);
            (format!("{node} {name}, stream {}", stream.short()), *counts)
        });
        f.debug_map().entries(lines).finish()
    }
}

/// What one node reports to.
struct Recorder {
    records: Records,
    node: usize,
}

impl Recorder {
    fn count(&self, stream: WireId, change: impl FnOnce(&mut Counts)) {
        change(self.records.lock().counts.entry((self.node, stream)).or_default());
    }

    fn note(&self, from: Option<PeerId>, seq: u64) {
        let me = self.records.lock().nodes.get(&self.node).map(|who| who.peer);
        if let Some(me) = me {
            self.records.net.note(from.unwrap_or(me), me, (0, seq));
        }
    }
}

impl Trace for Recorder {
    fn produced(&self, stream: WireId, _epoch: BootId, seq: u64) {
        self.count(stream, |counts| counts.produced += 1);
        self.note(None, seq);
    }

    fn delivered(&self, stream: WireId, from: PeerId, _epoch: BootId, seq: u64) {
        self.count(stream, |counts| counts.delivered += 1);
        self.note(Some(from), seq);
    }

    fn holds(&self, stream: WireId, place: Holds, bytes: u64) {
        self.count(stream, |counts| {
            let most = &mut counts.held[place as usize];
            *most = bytes.max(*most);
        });
    }

    fn gap(&self, stream: WireId, from: PeerId, _epoch: BootId, lost: Lost) {
        self.count(stream, |counts| {
            counts.gaps += 1;
            counts.missed += lost.count;
        });
        self.note(Some(from), lost.first);
    }
}

/// What happened to one stream so far.
#[derive(Debug, Clone)]
pub struct StreamTrace {
    nodes: Vec<(usize, String, Counts)>,
}

impl StreamTrace {
    /// Items that all nodes produced.
    pub fn produced(&self) -> u64 {
        self.sum(|_, _| true, |counts| counts.produced)
    }

    /// Items that the nodes of this name produced.
    pub fn produced_by(&self, name: &str) -> u64 {
        self.sum(|_, of| of == name, |counts| counts.produced)
    }

    /// Items that reached the nodes of this name, all together.
    pub fn received_by(&self, name: &str) -> u64 {
        self.sum(|_, of| of == name, |counts| counts.delivered)
    }

    /// Items that reached one node.
    pub fn received_at(&self, node: usize) -> u64 {
        self.sum(|number, _| number == node, |counts| counts.delivered)
    }

    /// How often a consumer was told that items are missing.
    pub fn gaps(&self) -> u64 {
        self.sum(|_, _| true, |counts| counts.gaps)
    }

    /// How many items consumers were told are missing.
    pub fn missed(&self) -> u64 {
        self.sum(|_, _| true, |counts| counts.missed)
    }

    /// The most bytes of items that one node held at a time.
    pub fn most_held(&self, place: Holds) -> u64 {
        self.nodes.iter().map(|(_, _, counts)| counts.held[place as usize]).max().unwrap_or_default()
    }

    fn sum(&self, of: impl Fn(usize, &str) -> bool, what: impl Fn(&Counts) -> u64) -> u64 {
        self.nodes
            .iter()
            .filter(|(number, name, _)| of(*number, name))
            .map(|(_, _, counts)| what(counts))
            .sum()
    }
}
