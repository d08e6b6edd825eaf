//! An attacker: a bare endpoint with a key of its own, and what it says.

use std::{collections::BTreeSet, net::SocketAddr, time::Duration};

use iroh::{
    Endpoint, EndpointAddr, EndpointId, RelayMode, TransportAddr,
    endpoint::{Connection, NetReportConfig, PortmapperConfig, RecvStream, SendStream, presets},
};
use mosaik::{
    Network,
    discovery::{Entry, signed::Signed},
    primitives::{BootId, NetworkId, NodeRng, PeerId, SecretKey, Version, codec},
    transport::{Address, Place},
};
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use super::{
    scene::Scene,
    wire::{Catalog, Gossip, Hello, Opening, Overlay, Proof, Summary, frame},
};

/// How long an attacker waits for an answer: more than each deadline of the node.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// The number of the question whether something was read.
const READ: u64 = 0x7265_6164;

/// The attacked node, as others reach it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mark {
    pub(crate) id: PeerId,
    pub(crate) network: NetworkId,
    at: SocketAddr,
}

impl Mark {
    pub(crate) fn of(scene: &Scene) -> Self {
        Self::at(&scene.target)
    }

    pub(crate) fn at(target: &Network) -> Self {
        let addr = target.local().peer_addr();
        let at = addr.addresses.iter().find_map(|address| match address.place {
            Place::Ip(at) => Some(at),
            _ => None,
        });
        Self { id: addr.id, network: target.id(), at: at.expect("an address") }
    }
}

/// A stranger with a key and a socket.
#[derive(Debug, Clone)]
pub(crate) struct Attacker {
    pub(crate) key: SecretKey,
    endpoint: Endpoint,
    mark: Mark,
}

/// A connection that the node takes for one of a member.
pub(crate) struct Member {
    pub(crate) conn: Connection,
    pub(crate) control: SendStream,
    _heard: RecvStream,
}

pub(crate) fn key(seed: u64) -> SecretKey {
    SecretKey::from_bytes(NodeRng::from_seed(seed).bytes_32())
}

pub(crate) fn version(incarnation: u64, counter: u64) -> Version {
    Version { incarnation, counter }
}

/// A signed entry of any key, on any network, at any version.
pub(crate) fn entry(key: &SecretKey, network: NetworkId, version: Version, at: &[SocketAddr]) -> Signed {
    let addresses = at.iter().map(|at| Address::ip(*at)).collect();
    let (tags, roles) = (BTreeSet::new(), BTreeSet::new());
    let (protocols, extensions) = Default::default();
    let boot = BootId(u128::from(version.incarnation) << 64 | 7);
    let entry =
        Entry { version, boot, addresses, tags: tags.into(), roles: roles.into(), protocols, extensions };
    Signed::entry(key, network, &entry).expect("small")
}

impl Attacker {
    pub(crate) async fn new(seed: u64, mark: Mark) -> Self {
        let key = key(seed);
        let endpoint = Endpoint::builder(presets::Minimal)
            .secret_key(iroh::SecretKey::from_bytes(&key.to_bytes()))
            .relay_mode(RelayMode::Disabled)
            .portmapper_config(PortmapperConfig::Disabled)
            .net_report_config(NetReportConfig::minimal())
            .clear_ip_transports()
            .bind_addr("127.0.0.1:0")
            .expect("an address")
            .bind()
            .await
            .expect("a socket");
        Self { key, endpoint, mark }
    }

    pub(crate) fn id(&self) -> PeerId {
        self.key.peer_id()
    }

    pub(crate) fn sockets(&self) -> Vec<SocketAddr> {
        self.endpoint.bound_sockets()
    }

    /// A connection after TLS, before anything is said. `None` when the node does not take it.
    pub(crate) async fn dial(&self, protocol: &str) -> Option<Connection> {
        let id = EndpointId::from_bytes(self.mark.id.as_bytes()).expect("a key");
        let at = EndpointAddr::from_parts(id, [TransportAddr::Ip(self.mark.at)]);
        let alpn = format!("/mosaik/{protocol}/1");
        timeout(PATIENCE, self.endpoint.connect(at, alpn.as_bytes())).await.ok()?.ok()
    }

    /// A connection whose `Hello` was accepted: on an open network anybody can have one.
    pub(crate) async fn join(&self, protocol: &str) -> Option<Member> {
        self.join_holding(protocol, None).await
    }

    /// The same, with what it claims to hold of the node.
    pub(crate) async fn join_holding(&self, protocol: &str, holds_of_you: Option<Version>) -> Option<Member> {
        let conn = self.dial(protocol).await?;
        let (mut control, mut heard) = conn.open_bi().await.ok()?;
        let network = Proof::Open(self.mark.network);
        let (revisions, boot, extensions) = (vec![1], 7, Vec::new());
        let hello = Hello::V1 { revisions, network, boot, holds_of_you, extensions };
        control.write_all(&frame(&hello)).await.ok()?;
        let _: Hello = hear(&mut heard).await?;
        Some(Member { conn, control, _heard: heard })
    }

    /// Its own entry, as it should be.
    pub(crate) fn mine(&self) -> Signed {
        entry(&self.key, self.mark.network, version(1, 0), &self.sockets())
    }

    /// Begins a comparison with whatever it says for its own entry.
    pub(crate) async fn open(&self, mine: Signed, holds: Option<(Version, Option<u128>)>) -> Option<Talk> {
        let member = self.join("catalog").await?;
        let mut talk = member.link().await?;
        let (root, extensions) = ([7; 32], Vec::new());
        let opening = Opening { mine, root, holds_of_you: holds, wall: u64::MAX, extensions };
        talk.say(&Catalog::Open(opening, Vec::new())).await?;
        talk._member = Some(member);
        Some(talk)
    }

    /// Brings statements in a comparison, after it made the node ask for them.
    pub(crate) async fn bring(&self, statements: Vec<(Signed, u32)>, about: &[PeerId]) -> Option<Talk> {
        let mut talk = self.open(self.mine(), None).await?;
        let _: Catalog = talk.hear().await?;
        // A standing of 0 is live, and the version above all that is known.
        let summary =
            |peer: &PeerId| Summary { peer: *peer, version: version(1 << 39, 0), mark: 1, standing: 0 };
        for (bucket, about) in (0..).zip(about.chunks(512)) {
            talk.say(&Catalog::Listing(bucket, about.iter().map(summary).collect())).await?;
        }
        talk.say(&Catalog::Over).await?;
        while !matches!(talk.hear::<Catalog>().await?, Catalog::Over) {}
        for some in statements.chunks(64) {
            talk.say(&Catalog::Statements(some.to_vec())).await?;
        }
        let _ = talk.say(&Catalog::Over).await;
        talk.ended().await;
        Some(talk)
    }

    /// Says something to the node as its gossip neighbour would, and waits until the node has read it: it answers what it is asked
    /// after that. Or it ends the link, for what was said or before that.
    pub(crate) async fn gossip(&self, messages: Vec<Overlay>) -> Option<Talk> {
        let member = self.join("gossip").await?;
        let mut talk = member.link().await?;
        for message in messages {
            // The node may have ended the link already.
            let _ = talk.say(&Gossip::Overlay(message)).await;
        }
        let _ = talk.say(&Gossip::Probe(READ)).await;
        let answer = codec::encode(&Gossip::Answer(READ)).expect("it encodes");
        let read = async { while body(&mut talk.recv).await.is_some_and(|said| said != answer) {} };
        timeout(PATIENCE, read).await.ok()?;
        talk._member = Some(member);
        Some(talk)
    }

    pub(crate) async fn close(&self) {
        let _ = timeout(Duration::from_secs(2), self.endpoint.close()).await;
    }
}

impl Member {
    /// A stream as a link begins.
    pub(crate) async fn link(&self) -> Option<Talk> {
        let (send, recv) = timeout(PATIENCE, self.conn.open_bi()).await.ok()?.ok()?;
        Some(Talk { send, recv, _member: None })
    }
}

/// One link of an attacker.
pub(crate) struct Talk {
    pub(crate) send: SendStream,
    pub(crate) recv: RecvStream,
    _member: Option<Member>,
}

impl Talk {
    pub(crate) async fn say<T: serde::Serialize>(&mut self, message: &T) -> Option<()> {
        timeout(PATIENCE, self.send.write_all(&frame(message))).await.ok()?.ok()
    }

    pub(crate) async fn hear<T: DeserializeOwned>(&mut self) -> Option<T> {
        hear(&mut self.recv).await
    }

    /// Whatever the node says next.
    pub(crate) async fn hear_any(&mut self) -> Option<Vec<u8>> {
        timeout(PATIENCE, body(&mut self.recv)).await.ok()?
    }

    /// Waits until the node stops reading, and says the code. `None` when it does not, or the connection ends.
    pub(crate) async fn stopped(&self) -> Option<u64> {
        let code = timeout(PATIENCE, self.send.stopped()).await.ok()?.ok()??;
        Some(code.into_inner())
    }

    /// Waits until the node ends its half, or the connection.
    pub(crate) async fn ended(&mut self) -> bool {
        timeout(PATIENCE, self.recv.read_to_end(1 << 20)).await.is_ok()
    }
}

async fn hear<T: DeserializeOwned>(from: &mut RecvStream) -> Option<T> {
    let body = timeout(PATIENCE, body(from)).await.ok()??;
    codec::decode(&body).ok()
}

async fn body(from: &mut RecvStream) -> Option<Vec<u8>> {
    let mut length = [0; 4];
    from.read_exact(&mut length).await.ok()?;
    let mut body = vec![0; u32::from_le_bytes(length) as usize];
    from.read_exact(&mut body).await.ok()?;
    Some(body)
}
