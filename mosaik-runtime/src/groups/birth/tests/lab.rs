//! Nodes with births, disks and links, in a world without time: a seed decides what happens next.
//!
//! What a bond carries travels on one stream: it comes in order, up to the end of the bond. So nothing is overtaken here. A message that
//! comes twice cannot be either, and is tried all the same, as is a new process of a peer that is seen before the end of the old one is.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::*;
use crate::primitives::NodeRng;

/// What travels on a bond.
#[derive(Debug, Clone)]
enum Message {
    Ready,
    Promise(Genesis, Member),
    Refusal(GenesisHash),
    Initialised(ClusterId),
}

/// What outlives a process.
#[derive(Debug, Clone, Default)]
struct Disk {
    store: u64,
    record: Record,
    holds: Option<ClusterId>,
}

#[derive(Debug)]
struct Node {
    n: u8,
    disk: Disk,
    boot: u128,
    /// `None` while it is down.
    birth: Option<Recorder>,
    armed: BTreeSet<Timer>,
    /// How often this process concluded, and how often it began a list.
    concluded: usize,
    begun: usize,
    wants: Option<(PeerId, ClusterId)>,
}

/// How a node goes down.
#[derive(Debug, Clone, Copy)]
pub(super) enum Crash {
    /// With its disk.
    KeepsAll,
    /// The store is lost, as always for a group in memory; the record is not.
    LosesStore,
    /// Store and record are lost.
    LosesAll,
}

pub(super) struct Lab {
    config: Config,
    rng: NodeRng,
    nodes: BTreeMap<PeerId, Node>,
    /// Bonds, and what is on its way: (from, to) → messages.
    links: BTreeMap<(PeerId, PeerId), VecDeque<Message>>,
    /// Processes that are gone, of which this peer has not heard: (here, there) → the process.
    ghosts: BTreeMap<(PeerId, PeerId), BootId>,
    /// Every list that Raft was initialised with.
    pub(super) initialised: BTreeMap<ClusterId, Genesis>,
    stores: u64,
    boots: u128,
    pub(super) log: Vec<String>,
}

impl Lab {
    pub(super) fn new(seed: u64, config: Config, nodes: u8) -> Self {
        let mut lab = Self {
            config,
            rng: NodeRng::from_seed(seed),
            nodes: BTreeMap::new(),
            links: BTreeMap::new(),
            ghosts: BTreeMap::new(),
            initialised: BTreeMap::new(),
            stores: 1000,
            boots: 0,
            log: Vec::new(),
        };
        for n in 1..=nodes {
            lab.stores += 1;
            let disk = Disk { store: lab.stores, ..Disk::default() };
            let (armed, wants) = (BTreeSet::new(), None);
            let node = Node { n, disk, boot: 0, birth: None, armed, concluded: 0, begun: 0, wants };
            lab.nodes.insert(peer(n), node);
        }
        lab
    }

    /// One thing that may happen, drawn from the seed.
    pub(super) fn happen(&mut self, crash: Option<Crash>) {
        let ids: Vec<_> = self.nodes.keys().copied().collect();
        let (a, b) = (ids[self.rng.below(ids.len())], ids[self.rng.below(ids.len())]);
        match self.rng.below(100) {
            0..55 => self.deliver_any(),
            55..70 => self.bond(a, b),
            70..76 => self.cut(a, b),
            76..84 => self.fire_any(a),
            84..92 => self.start(a),
            92..96 => self.join(a),
            _ => {
                if let Some(crash) = crash {
                    self.crash(a, crash);
                }
            }
        }
    }

    /// This node loses its store, and starts again at once.
    pub(super) fn forgets(&mut self, n: u8) {
        self.crash(peer(n), Crash::LosesStore);
        self.start(peer(n));
    }

    /// Everybody is up and connected, everything arrives, every timer runs out, until nothing is left to do.
    pub(super) fn heal(&mut self) {
        let ids: Vec<_> = self.nodes.keys().copied().collect();
        for a in &ids {
            self.start(*a);
        }
        for _ in 0..60 {
            self.talk();
            for a in &ids {
                self.join(*a);
            }
            if let Some(a) = ids.iter().find(|a| !self.nodes[*a].armed.is_empty()) {
                self.fire_any(*a);
            }
        }
    }

    /// Everybody that is up is connected, and everything arrives.
    pub(super) fn talk(&mut self) {
        let ids: Vec<_> = self.nodes.keys().copied().collect();
        for (a, b) in pairs(&ids) {
            self.bond(a, b);
        }
        let mut messages = 0;
        while self.links.values().any(|queue| !queue.is_empty()) {
            self.deliver_any();
            messages += 1;
            assert!(messages < 10_000, "they never stop talking");
        }
    }

    /// Phase and cluster of every node that is up.
    pub(super) fn views(&self) -> Vec<View> {
        self.nodes.values().filter_map(|node| node.birth.as_ref()).map(|birth| birth.birth().view()).collect()
    }

    /// How many members of a list still have the store that it names.
    pub(super) fn alive(&self, genesis: &Genesis) -> usize {
        let same = |member: &&Member| self.nodes[&member.peer].disk.store == member.store.0;
        genesis.members.iter().filter(same).count()
    }

    /// Whether a store holds a group.
    pub(super) fn is_held(&self) -> bool {
        self.nodes.values().any(|node| node.disk.holds.is_some())
    }

    /// The right to found alone: of node 1, and used once.
    fn right(&self, id: PeerId) -> Option<Right> {
        let may = self.config.voters == Voters::Founder && id == peer(1);
        may.then_some(if self.initialised.is_empty() { Right::Granted } else { Right::Spent })
    }

    /// Plays every recorded birth again.
    pub(super) fn replay_all(&self) {
        for node in self.nodes.values() {
            let Some(recorder) = &node.birth else { continue };
            let log = recorder.log();
            let again = log.replay().expect("it repeats");
            assert_eq!((&again, log.dropped), (recorder.birth(), 0));
        }
    }

    fn start(&mut self, id: PeerId) {
        let (config, boots) = (self.config.clone(), self.boots + 1);
        let node = self.nodes.get_mut(&id).expect("a node");
        if node.birth.is_some() {
            return;
        }
        self.boots = boots;
        (node.boot, node.concluded, node.begun) = (boots, 0, 0);
        let me = Member { peer: id, store: StoreId(node.disk.store) };
        node.birth = Some(Recorder::new(config, me, node.disk.record.clone()));
        let holds = node.disk.holds;
        self.log.push(format!("start {} store {} holds {holds:?}", node.n, node.disk.store));
        self.input(id, Input::LocalReady { holds });
        let mut inputs = vec![Input::Surveyed];
        if let Some(right) = self.right(id) {
            inputs.insert(self.rng.below(2), Input::Founding(right));
        }
        inputs.into_iter().for_each(|input| self.input(id, input));
    }

    fn crash(&mut self, id: PeerId, how: Crash) {
        let ids: Vec<_> = self.nodes.keys().copied().collect();
        if self.nodes[&id].birth.is_none() {
            return;
        }
        self.log.push(format!("crash {:?} {how:?}", self.nodes[&id].n));
        self.nodes.get_mut(&id).expect("a node").birth = None;
        for other in ids {
            if self.links.contains_key(&(id, other)) && self.rng.below(4) == 0 {
                self.links.remove(&(id, other));
                self.links.remove(&(other, id));
                self.ghosts.insert((other, id), BootId(self.nodes[&id].boot));
            }
            self.cut(id, other);
            // What it had not heard of the others is forgotten with it.
            self.ghosts.remove(&(id, other));
        }
        self.stores += 1;
        let (stores, node) = (self.stores, self.nodes.get_mut(&id).expect("a node"));
        (node.armed, node.wants) = (BTreeSet::new(), None);
        match how {
            Crash::KeepsAll => {}
            Crash::LosesStore => (node.disk.store, node.disk.holds) = (stores, None),
            Crash::LosesAll => node.disk = Disk { store: stores, ..Disk::default() },
        }
    }

    fn bond(&mut self, a: PeerId, b: PeerId) {
        let up = |id: &PeerId| self.nodes[id].birth.is_some();
        if a == b || !up(&a) || !up(&b) || self.links.contains_key(&(a, b)) {
            return;
        }
        self.links.insert((a, b), VecDeque::new());
        self.links.insert((b, a), VecDeque::new());
        for (here, there) in [(a, b), (b, a)] {
            let other = &self.nodes[&there];
            let member = Member { peer: there, store: StoreId(other.disk.store) };
            self.input(here, Input::PeerSeen { member, boot: BootId(other.boot), eligible: true });
            if let Some(boot) = self.ghosts.remove(&(here, there)) {
                let late = self.step(here, Input::PeerLost { peer: there, boot });
                assert_eq!(late, Some(Why::StaleBoot), "the process before the last");
            }
        }
    }

    fn cut(&mut self, a: PeerId, b: PeerId) {
        if self.links.remove(&(a, b)).is_none() {
            return;
        }
        self.links.remove(&(b, a));
        for (here, there) in [(a, b), (b, a)] {
            let boot = BootId(self.nodes[&there].boot);
            self.input(here, Input::PeerLost { peer: there, boot });
        }
    }

    fn deliver_any(&mut self) {
        let full: Vec<_> =
            self.links.iter().filter(|(_, queue)| !queue.is_empty()).map(|(link, _)| *link).collect();
        if full.is_empty() {
            return;
        }
        let (from, to) = full[self.rng.below(full.len())];
        let message = self.links.get_mut(&(from, to)).and_then(VecDeque::pop_front).expect("it has one");
        let input = match message {
            Message::Ready => Input::PeerReady { peer: from, boot: BootId(self.nodes[&from].boot) },
            Message::Promise(genesis, by) => Input::PeerPromised { peer: from, genesis, by },
            Message::Refusal(hash) => Input::PeerRefused { peer: from, hash },
            Message::Initialised(cluster) => Input::PeerInitialised { peer: from, cluster },
        };
        if self.rng.below(16) == 0 {
            self.input(to, input.clone());
        }
        self.input(to, input);
    }

    fn fire_any(&mut self, id: PeerId) {
        let node = self.nodes.get_mut(&id).expect("a node");
        if let Some(timer) = node.armed.pop_last() {
            self.input(id, Input::Elapsed(timer));
        }
    }

    /// A node that asked is taken in, when a majority of the list that began the group can commit it.
    fn join(&mut self, id: PeerId) {
        let Some((_, cluster)) = self.nodes[&id].wants else { return };
        let Some(genesis) = self.initialised.get(&cluster) else { return };
        let in_it = |member: &&Member| {
            let node = &self.nodes[&member.peer];
            node.disk.store == member.store.0 && node.birth.is_some()
        };
        if 2 * genesis.members.iter().filter(in_it).count() > genesis.members.len() {
            let node = self.nodes.get_mut(&id).expect("a node");
            (node.wants, node.disk.holds) = (None, Some(cluster));
            self.input(id, Input::Joined);
        }
    }

    fn input(&mut self, id: PeerId, input: Input) {
        self.step(id, input);
    }

    /// Gives an input to a node that is up, and does what comes of it; returns why it was not taken.
    fn step(&mut self, id: PeerId, input: Input) -> Option<Why> {
        let node = self.nodes.get_mut(&id).expect("a node");
        let recorder = node.birth.as_mut()?;
        self.log.push(format!("{} takes {input:?}", node.n));
        let before = recorder.birth().clone();
        match recorder.step(input.clone()) {
            Ok(step) => {
                counts(&input, &before.view(), &step.view);
                let concludes = step.view.phase == Phase::Concluded && before.view().phase != step.view.phase;
                node.concluded += usize::from(concludes);
                let begins = |effect: &&Effect| matches!(effect, Effect::Initialise(_));
                node.begun += step.effects.iter().filter(begins).count();
                let most = node.concluded.max(node.begun);
                assert!(most <= 1, "one process ends its birth once\n{}", self.log.join("\n"));
                step.effects.into_iter().for_each(|effect| self.effect(id, effect));
                None
            }
            Err(rejected) => {
                assert_eq!(&before, recorder.birth(), "{rejected} changed something");
                self.log.push(format!("  rejected: {rejected}"));
                Some(rejected.reason)
            }
        }
    }

    fn effect(&mut self, id: PeerId, effect: Effect) {
        self.log.push(format!("  {effect:?}"));
        let (to, message) = match effect {
            Effect::SendReady(to) => (to, Message::Ready),
            Effect::SendPromise { to, genesis, by } => (to, Message::Promise(genesis, by)),
            Effect::SendRefusal { to, hash } => (to, Message::Refusal(hash)),
            Effect::SendInitialised { to, cluster } => (to, Message::Initialised(cluster)),
            other => return self.at_home(id, other),
        };
        if let Some(queue) = self.links.get_mut(&(id, to)) {
            queue.push_back(message);
        }
    }

    fn at_home(&mut self, id: PeerId, effect: Effect) {
        let node = self.nodes.get_mut(&id).expect("a node");
        match effect {
            Effect::Persist(record) => node.disk.record = record,
            Effect::Arm(timer, _) => drop(node.armed.insert(timer)),
            Effect::Disarm(timer) => drop(node.armed.remove(&timer)),
            Effect::Initialise(genesis) => {
                node.disk.holds = Some(genesis.cluster());
                self.begins(genesis);
            }
            Effect::RequestJoin { peer, cluster } => node.wants = Some((peer, cluster)),
            Effect::StopAsking => node.wants = None,
            _ => {}
        }
    }

    /// The safety rule: a group begins only when no other can still commit anything.
    fn begins(&mut self, genesis: Genesis) {
        let others = self.initialised.values().filter(|other| other.cluster() != genesis.cluster());
        let rivals: Vec<_> = others.filter(|other| 2 * self.alive(other) > other.members.len()).collect();
        assert!(rivals.is_empty(), "two groups: {genesis:?} beside {rivals:?}\n{}", self.log.join("\n"));
        self.initialised.insert(genesis.cluster(), genesis);
    }
}

/// Nobody that is counted is forgotten but with its bond, or, as one that is ready, with its process.
fn counts(input: &Input, before: &View, after: &View) {
    let (gone, unready) = match input {
        Input::PeerLost { .. } => (1, 1),
        Input::PeerSeen { .. } => (0, 1),
        _ => (0, 0),
    };
    let hold = after.seen + gone >= before.seen && after.ready + unready >= before.ready;
    assert!(hold, "{input:?} makes of {before:?} {after:?}");
}

fn pairs(ids: &[PeerId]) -> Vec<(PeerId, PeerId)> {
    ids.iter().flat_map(|a| ids.iter().filter(move |b| a < *b).map(|b| (*a, *b))).collect()
}
