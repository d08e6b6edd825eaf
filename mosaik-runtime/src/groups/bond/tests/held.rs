//! Bonds that are replaced, and pulls over them.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use futures::future::BoxFuture;
use tokio::{sync::mpsc, time::timeout};

use super::super::*;
use crate::{
    admission::stand::Stand,
    discovery::{Advert, Rendezvous, RoleEntry, Settings},
    groups::{
        MemberId,
        pull::{self, Install, Pulls},
        store::{
            Snapshots, Store,
            record::{ChunkHash, Manifest, StoreId, Vote},
        },
        wire::{ChunkAnswer, ChunkAsk, Why},
    },
    primitives::{BootId, GroupId, NetworkId, SecretKey, schema},
    transport::{Backend, sim::Net},
};

pub(super) const LONG: Duration = Duration::from_secs(60);

/// One node with bonds of one group.
pub(super) struct End {
    pub(super) bonds: Bonds,
    events: mpsc::Receiver<BondEvent>,
    pub(super) scope: Scope,
    _advert: Advert,
}

pub(super) fn peer(n: u8) -> PeerId {
    SecretKey::from_bytes([n; 32]).peer_id()
}

/// Starts a node: its `boot`th life.
pub(super) async fn start(net: &Net, n: u8, boot: u128, server: Arc<dyn Serve>) -> End {
    let key = SecretKey::from_bytes([n; 32]);
    let (network, boot) = (NetworkId::derive("bonds-tests"), BootId(boot));
    let backend = Backend::Sim(net.port(key.peer_id()));
    let change = |settings: &mut Settings| settings.rendezvous = Rendezvous::Sim(net.clone());
    let stand = Stand::start(backend, key, (network, boot), NodeRng::from_seed(n.into()), change).await;
    let Stand { transport, discovery, admission, clock, scope, mut rng } = stand;
    let (group, shape) = (GroupId::derive("numbers").on(&network), schema::of::<u64>());
    let role = RoleEntry { role: PeerRole::Member, item: group, schema: shape.fingerprint() };
    let advert = discovery.advertise(role).expect("it fits");
    let member = MemberId::new(peer(n), u64::from(n));
    let settings = BondsSettings {
        transport: transport.clone(),
        admission: admission.clone(),
        clock,
        scope: scope.child(),
        rng: rng.split("bonds"),
        group,
        name: "numbers".into(),
        schema: shape.fingerprint(),
        shape,
        policy: Policy::anyone(),
        readers: Policy::anyone(),
        key: None,
        hello: Hello {
            store: StoreId(u64::from(n)),
            boot,
            eligible: true,
            member: Some(member),
            cluster: None,
            committed: 0,
            leads: crate::groups::settings::Leads::Normal,
        },
        timing: crate::groups::timing::Timing::default(),
    };
    let (bonds, events) = Bonds::new(settings, server);
    let mut listener = transport.listen::<GroupsProtocol>(16);
    let (here, links) = (bonds.clone(), scope.clone());
    scope.spawn("listener", async move {
        while let Some(link) = listener.accept().await {
            let (admission, bonds) = (admission.clone(), here.clone());
            links.spawn("link", async move {
                receive(link, &admission, |item| (*item == group).then(|| bonds.clone())).await;
            });
        }
    });
    End { bonds, events, scope, _advert: advert }
}

/// Both keep a bond with each other.
pub(super) async fn bond(one: &End, other: &End) {
    one.bonds.offer(other.bonds.me());
    other.bonds.offer(one.bonds.me());
    timeout(LONG, one.bonds.bonded(other.bonds.me())).await.expect("bonded");
    timeout(LONG, other.bonds.bonded(one.bonds.me())).await.expect("bonded");
}

/// What a member gives when it is asked for a chunk.
pub(super) enum Giver {
    /// What it has.
    Honest(Snapshots),
    /// Something else.
    Liar,
}

impl Serve for Giver {
    fn answer(&self, _: PeerId, _: Request) -> BoxFuture<'_, Response> {
        Box::pin(async { Response::Refused(Why::Unsupported) })
    }

    fn channel(&self, _: PeerId, _: ChannelKind, mut link: Link<GroupsProtocol>) -> BoxFuture<'static, ()> {
        let has = match self {
            Self::Honest(snapshots) => Some(snapshots.clone()),
            Self::Liar => None,
        };
        Box::pin(async move {
            if let Some(snapshots) = has {
                return pull::serve(&snapshots, link).await;
            }
            while let Ok(Some(ChunkAsk::V1 { .. })) = link.recv(LONG).await {
                let lie = ChunkAnswer::Part { of: 5, bytes: Bytes::from_static(b"wrong") };
                if link.send(&lie).await.is_err() {
                    return;
                }
            }
        })
    }
}

/// Takes every snapshot.
pub(super) struct Taker;

impl Install for Taker {
    fn install(&self, _: Manifest) -> BoxFuture<'_, Result<Vote, Why>> {
        Box::pin(async { Ok(vote()) })
    }
}

pub(super) fn vote() -> Vote {
    Vote { term: 3, member: MemberId::new(peer(2), 2), committed: true }
}

fn snapshots(n: u8) -> Snapshots {
    Store::memory(peer(n), StoreId(u64::from(n)))
        .snapshots(GroupId::derive("numbers").on(&NetworkId::derive("x")))
}

/// Pulls the chunk to the end, as a leader that asks again and again.
async fn pull_chunk(end: &End, into: &Snapshots, chunk: ChunkHash) -> Result<Response, Why> {
    let manifest = Manifest { bytes: 5, chunks: vec![chunk], ..Manifest::default() };
    let (pulls, install) = (Pulls::default(), Arc::new(Taker));
    let pulling = async {
        loop {
            let what = (vote(), manifest.clone());
            match pulls.pull(&end.bonds, into, peer(2), what, install.clone()).await {
                Ok(Response::Pulling { .. }) => {}
                ended => return ended,
            }
        }
    };
    timeout(LONG, pulling).await.expect("it ends, one way or the other")
}

#[tokio::test(start_paused = true)]
async fn h14_a_chunk_that_does_not_verify_is_pulled_from_another_member() {
    let (net, has, into) = (Net::new(1), snapshots(3), snapshots(1));
    let chunk = has.put(Bytes::from_static(b"right")).await.expect("kept");
    let follower = start(&net, 1, 1, Arc::new(Giver::Honest(into.clone()))).await;
    let liar = start(&net, 2, 1, Arc::new(Giver::Liar)).await;
    let honest = start(&net, 3, 1, Arc::new(Giver::Honest(has))).await;
    bond(&follower, &liar).await;
    bond(&follower, &honest).await;
    let pulled = pull_chunk(&follower, &into, chunk).await;
    assert_eq!(pulled, Ok(Response::Installed { vote: vote() }));
    assert_eq!(into.chunk(chunk).await, Ok(Some(Bytes::from_static(b"right"))));
}

#[tokio::test(start_paused = true)]
async fn h14_a_chunk_that_never_verifies_ends_the_pull_with_a_sentence() {
    let (net, into) = (Net::new(2), snapshots(1));
    let follower = start(&net, 1, 1, Arc::new(Giver::Honest(into.clone()))).await;
    let liar = start(&net, 2, 1, Arc::new(Giver::Liar)).await;
    bond(&follower, &liar).await;
    let chunk = ChunkHash::of(b"right");
    let pulled = pull_chunk(&follower, &into, chunk).await;
    let Err(Why::Failed(why)) = pulled else { panic!("{pulled:?}") };
    assert!(why.contains("no member that can be reached gives chunk"), "{why}");
    assert_eq!(into.chunk(chunk).await, Ok(None), "what is wrong is not kept");
}

/// What is told of a process and of the one that takes its place, to somebody who reads it late.
#[tokio::test(start_paused = true)]
async fn the_end_of_a_bond_is_told_before_the_beginning_of_the_one_in_its_place() {
    let (net, nothing) = (Net::new(3), || Arc::new(Giver::Liar));
    let mut one = start(&net, 2, 1, nothing()).await;
    let other = start(&net, 1, 1, nothing()).await;
    bond(&one, &other).await;
    net.crash(peer(1));
    other.scope.kill();
    drop(other);
    let again = start(&net, 1, 2, nothing()).await;
    again.bonds.offer(peer(2));
    timeout(LONG, again.bonds.bonded(peer(2))).await.expect("bonded");
    let mut told = Vec::new();
    while told.len() < 3 {
        match timeout(LONG, one.events.recv()).await.expect("it is told") {
            Some(BondEvent::Up { hello, .. }) => told.push(("up", hello.boot)),
            Some(BondEvent::Down { boot, .. }) => told.push(("down", boot)),
            Some(_) => {}
            None => panic!("the bonds ended"),
        }
    }
    assert_eq!(told, [("up", BootId(1)), ("down", BootId(1)), ("up", BootId(2))]);
}
