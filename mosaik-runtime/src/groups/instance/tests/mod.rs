//! Groups over whole nodes on the simulated fabric: born, led, crashed, joined, stopped.

mod births;
mod bounds;
mod changes;
mod distances;
mod far;
mod faults;
mod forced;
mod joins;
mod leads;
mod lessons;
mod lives;
mod losses;
mod many;
mod meetings;
mod parked;

use std::{collections::BTreeSet, time::Duration};

use serde::{Deserialize, Serialize};
use tokio::time::{sleep, timeout};

use super::{Instance, ProposeError};
use crate::{
    admission::stand::Stand,
    discovery::{Discovery, Rendezvous, Settings},
    groups::{
        birth::Voters,
        hub::{Home, Hub, HubSettings, OpenError, Opening},
        machine::{Apply, Item, MachineSettings, Outcome, Replica, StateMachine},
        settings::GroupSettings,
        status::InstanceView,
        store::{Store, sim::SimDisk},
    },
    primitives::{
        BootId, GroupId, NetworkId, NodeRng, PeerId, Schema, Scope, SecretKey, codec,
        schema::{Seen, Shape},
    },
    transport::{Backend, Transport, sim::Net},
};

/// Longer than anything here takes on the virtual clock.
const LONG: Duration = Duration::from_secs(120);
/// How often conditions over several nodes are looked at.
const STEP: Duration = Duration::from_millis(10);

/// All numbers that were given, in order.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Numbers(Vec<u64>);

impl Schema for Numbers {
    fn shape(seen: &mut Seen) -> Shape {
        Vec::<u64>::shape(seen)
    }
}

impl StateMachine for Numbers {
    type Command = u64;
    type Reply = u64;
    type Query = ();
    type Answer = Vec<u64>;

    fn apply(&mut self, number: u64, _: &Apply) -> u64 {
        self.0.push(number);
        self.0.len() as u64
    }

    fn query(&self, (): ()) -> Vec<u64> {
        self.0.clone()
    }
}

/// A node that takes part in one group.
struct Node {
    hub: Hub,
    transport: Transport,
    discovery: Discovery,
    scope: Scope,
    instance: Instance,
    replica: Replica<Numbers>,
}

/// A simulated network, and the disks of its nodes.
struct Lab {
    net: Net,
    disks: Vec<SimDisk>,
    lives: u8,
    rng: NodeRng,
}

impl Lab {
    fn new(seed: u64) -> Self {
        let disks = (0..10).map(|_| SimDisk::new()).collect();
        Self { net: Net::new(seed), disks, lives: 0, rng: NodeRng::from_seed(seed) }
    }

    fn peer(n: u8) -> PeerId {
        SecretKey::from_bytes([n; 32]).peer_id()
    }

    /// Starts node `n` and opens the group on it.
    async fn start(&mut self, n: u8, settings: GroupSettings) -> Node {
        self.start_told(n, settings, &[]).await
    }

    /// Starts node `n`, which is told to found these groups.
    async fn start_told(&mut self, n: u8, settings: GroupSettings, found: &[&str]) -> Node {
        self.start_with(n, settings, found, &[]).await
    }

    /// Starts node `n`, which is told to force these groups.
    async fn start_forced(&mut self, n: u8, settings: GroupSettings, forced: &[&str]) -> Node {
        self.start_with(n, settings, &[], forced).await
    }

    async fn start_with(&mut self, n: u8, settings: GroupSettings, found: &[&str], forced: &[&str]) -> Node {
        self.lives += 1;
        let key = SecretKey::from_bytes([n; 32]);
        let (network, boot) = (NetworkId::derive("groups-tests"), BootId(u128::from(self.lives)));
        let backend = Backend::Sim(self.net.port(key.peer_id()));
        let change = |known: &mut Settings| known.rendezvous = Rendezvous::Sim(self.net.clone());
        let stand = Stand::start(backend, key, (network, boot), self.rng.split("node"), change).await;
        let Stand { transport, discovery, admission, clock, scope, mut rng } = stand;
        let hub_settings = HubSettings {
            network,
            clock,
            rng: rng.split("groups"),
            scope: scope.child(),
            home: Home::Simulated(self.disks[usize::from(n)].clone(), Duration::from_millis(1)),
            claims: Rendezvous::Sim(self.net.clone()),
            found: found.iter().map(|name| (*name).to_owned()).collect(),
            forced: forced.iter().map(|name| (*name).to_owned()).collect(),
        };
        let hub = Hub::start(transport.clone(), discovery.clone(), admission, hub_settings);
        let (instance, replica) = open(&hub, settings).await.expect("it opens");
        Node { hub, transport, discovery, scope, instance, replica }
    }

    /// Starts node `n`, whose store lost what it held of the group. What the node promised is kept apart, and is still there.
    async fn start_forgetful(&mut self, n: u8, settings: GroupSettings) -> Node {
        let (disk, scope) = (self.disks[usize::from(n)].clone(), Scope::new());
        let store = Store::simulated(&disk, Self::peer(n), &mut self.rng, &scope, Duration::from_millis(1));
        let store = store.expect("it opens");
        let item = GroupId::derive("numbers").on(&NetworkId::derive("groups-tests"));
        store.forget(item).await.expect("it forgets");
        store.close().await.expect("it closes");
        scope.kill();
        self.start(n, settings).await
    }

    /// Starts nodes 1 to `count`.
    async fn many(&mut self, count: u8, settings: &GroupSettings) -> Vec<Node> {
        let mut nodes = Vec::new();
        for n in 1..=count {
            nodes.push(self.start(n, settings.clone()).await);
        }
        nodes
    }

    /// The power of a node is cut.
    async fn crash(&mut self, n: u8, node: Node) {
        self.net.crash(node.transport.id());
        node.scope.kill();
        self.disks[usize::from(n)].cut_power(&mut self.rng);
        let left = node.scope.clone();
        drop(node);
        if timeout(LONG, left.ended()).await.is_err() {
            panic!("{} tasks outlive the crash", left.running());
        }
    }
}

async fn open(hub: &Hub, settings: GroupSettings) -> Result<(Instance, Replica<Numbers>), OpenError> {
    open_named(hub, "numbers", settings).await
}

/// Opens a group of this name.
async fn open_named(
    hub: &Hub,
    name: &str,
    settings: GroupSettings,
) -> Result<(Instance, Replica<Numbers>), OpenError> {
    let opening = Opening {
        intent: name.into(),
        id: GroupId::derive(name),
        settings,
        initial: Numbers::default().into(),
        machine: MachineSettings { snapshot_entries: 20, ..MachineSettings::default() },
    };
    hub.open(opening).await
}

impl Node {
    fn view(&self) -> InstanceView {
        self.instance.view().borrow().clone()
    }

    async fn numbers(&self) -> Vec<u64> {
        self.replica.read(|numbers, _| numbers.0.clone()).await.expect("it lives")
    }

    /// Waits until the view is such.
    async fn until(&self, what: &str, is_such: impl Fn(&InstanceView) -> bool) -> InstanceView {
        let mut view = self.instance.view();
        let found = timeout(LONG, view.wait_for(|view| is_such(view))).await;
        match found {
            Ok(view) => view.expect("it lives").clone(),
            Err(_) => panic!("{what}: {:#?}", self.view()),
        }
    }

    /// Gives a number on this node, if it leads.
    async fn give(&self, number: u64) -> Result<u64, ProposeError> {
        give_to(&self.instance, number).await
    }

    async fn end(self) {
        self.hub.shutdown().await;
        timeout(LONG, self.hub.close()).await.expect("the store closes");
        self.discovery.depart().await;
        self.transport.shutdown().await;
        self.scope.kill();
    }
}

/// Gives a number to a group on a node that leads it.
async fn give_to(instance: &Instance, number: u64) -> Result<u64, ProposeError> {
    let open = Item::Open { owner: instance.me(), boot: instance.boot() };
    let opened = instance.propose(vec![open]).await?;
    let [Outcome::Opened(session)] = opened[..] else { panic!("{opened:?}") };
    let body = codec::encode(&number).expect("encodes").into();
    let method = crate::groups::machine::COMMAND;
    let command = Item::Command { session, serial: 0, acked_below: 0, method, body };
    let outcomes = instance.propose(vec![command]).await?;
    match &outcomes[..] {
        [Outcome::Replied(reply)] => Ok(codec::decode(reply).expect("a number")),
        [Outcome::Fenced] => Err(ProposeError::Fenced),
        other => panic!("{other:?}"),
    }
}

/// Gives a number to whoever leads.
async fn give(nodes: &[Node], number: u64) -> u64 {
    give_within(nodes, number, Duration::from_secs(2)).await
}

/// The same; a leader that does not answer within this is given up.
async fn give_within(nodes: &[Node], number: u64, limit: Duration) -> u64 {
    let trying = async {
        loop {
            for node in nodes.iter().filter(|node| node.view().is_leader) {
                if let Ok(Ok(length)) = timeout(limit, node.give(number)).await {
                    return length;
                }
            }
            sleep(STEP).await;
        }
    };
    match timeout(LONG, trying).await {
        Ok(length) => length,
        Err(_) => panic!("nobody took {number}: {:#?}", nodes.iter().map(Node::view).collect::<Vec<_>>()),
    }
}

/// Who leads, once all of these say so.
async fn agreed(nodes: &[Node]) -> usize {
    let one = async {
        loop {
            let said: BTreeSet<_> = nodes.iter().map(|node| node.view().leader).collect();
            if let (1, Some(at)) = (said.len(), nodes.iter().position(|node| node.view().is_leader)) {
                return at;
            }
            sleep(STEP).await;
        }
    };
    timeout(LONG, one).await.expect("somebody leads, and all know")
}

/// Waits until all nodes agree on who leads, on these voters, and on the numbers.
async fn settled(nodes: &[Node], voters: &[u8], numbers: &[u64]) {
    let wanted: BTreeSet<PeerId> = voters.iter().map(|n| Lab::peer(*n)).collect();
    let trying = async {
        loop {
            let views: Vec<_> = nodes.iter().map(Node::view).collect();
            let leaders: BTreeSet<_> = views.iter().map(|view| view.leader).collect();
            let one = leaders.len() == 1 && !leaders.contains(&None);
            let peers =
                |view: &InstanceView| view.voters.iter().map(|voter| voter.peer).collect::<BTreeSet<_>>();
            let mut same = one && views.iter().all(|view| peers(view) == wanted);
            for node in nodes {
                same = same && node.numbers().await == numbers;
            }
            if same {
                return;
            }
            sleep(STEP).await;
        }
    };
    if timeout(LONG, trying).await.is_err() {
        panic!("not settled on {voters:?}: {:#?}", nodes.iter().map(Node::view).collect::<Vec<_>>());
    }
}

fn three() -> GroupSettings {
    GroupSettings::new(Voters::Count(3))
}
