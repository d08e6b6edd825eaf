//! Nodes with births, disks and links, in a world without time: a seed decides what happens next.

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
    wants: Option<(PeerId, ClusterId)>,
}

/// How a node goes down.
#[derive(Debug, Clone, Copy)]
pub(super) enum Crash {
    /// With its disk.
    KeepsAll,
    /// The store is lost, as always for a group in memory; the record is not.
    LosesStore,
}

pub(super) struct Lab {
    config: Config,
    rng: NodeRng,
    nodes: BTreeMap<PeerId, Node>,
    /// Bonds, and what is on its way: (from, to) → messages.
    links: BTreeMap<(PeerId, PeerId), VecDeque<Message>>,
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
            initialised: BTreeMap::new(),
            stores: 1000,
            boots: 0,
            log: Vec::new(),
        };
        for n in 1..=nodes {
            lab.stores += 1;
            let disk = Disk { store: lab.stores, ..Disk::default() };
            let node = Node { n, disk, boot: 0, birth: None, armed: BTreeSet::new(), wants: None };
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
        node.boot = boots;
        let me = Member { peer: id, store: StoreId(node.disk.store) };
        node.birth = Some(Recorder::new(config, me, node.disk.record.clone()));
        let holds = node.disk.holds;
        self.log.push(format!("start {} store {} holds {holds:?}", node.n, node.disk.store));
        self.input(id, Input::LocalReady { holds });
        self.input(id, Input::Surveyed);
    }

    fn crash(&mut self, id: PeerId, how: Crash) {
        let ids: Vec<_> = self.nodes.keys().copied().collect();
        if self.nodes[&id].birth.is_none() {
            return;
        }
        self.log.push(format!("crash {:?} {how:?}", self.nodes[&id].n));
        self.nodes.get_mut(&id).expect("a node").birth = None;
        for other in ids {
            self.cut(id, other);
        }
        self.stores += 1;
        let (stores, node) = (self.stores, self.nodes.get_mut(&id).expect("a node"));
        (node.armed, node.wants) = (BTreeSet::new(), None);
        if matches!(how, Crash::LosesStore) {
            (node.disk.store, node.disk.holds) = (stores, None);
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
        let node = self.nodes.get_mut(&id).expect("a node");
        let Some(recorder) = node.birth.as_mut() else { return };
        self.log.push(format!("{} takes {input:?}", node.n));
        let before = recorder.birth().clone();
        match recorder.step(input) {
            Ok(step) => step.effects.into_iter().for_each(|effect| self.effect(id, effect)),
            Err(rejected) => {
                assert_eq!(&before, recorder.birth(), "{rejected} changed something");
                self.log.push(format!("  rejected: {rejected}"));
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

fn pairs(ids: &[PeerId]) -> Vec<(PeerId, PeerId)> {
    ids.iter().flat_map(|a| ids.iter().filter(move |b| a < *b).map(|b| (*a, *b))).collect()
}
