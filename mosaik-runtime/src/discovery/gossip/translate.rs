//! Between our wire and the gossip library's messages, by way of their encoding.
//!
//! What arrives is made harmless on the way: hop counts have a bound (the library adds one to them), lists
//! have a bound, and data that others attach to peers does not pass.

use bytes::Bytes;
use iroh_gossip::proto::Message;
use serde::{Deserialize, Serialize};

use crate::primitives::{PeerId, codec};

use super::super::wire::Overlay;

/// A broadcast that made more hops than this goes in circles.
const MOST_HOPS: u16 = 256;
/// A random walk is never longer.
const MOST_WALK: u16 = 16;
/// Peers in a shuffle.
const MOST_SHUFFLED: usize = 16;
/// Message ids in one `IHave`.
const MOST_IDS: usize = 1024;

/// The library's message, field by field, as postcard lays it out.
#[derive(Serialize, Deserialize)]
struct Theirs {
    topic: [u8; 32],
    message: Layer,
}

#[derive(Serialize, Deserialize)]
enum Layer {
    Swarm(Swarm),
    Gossip(Tree),
}

#[derive(Serialize, Deserialize)]
struct Info {
    id: PeerId,
    data: Option<Bytes>,
}

#[derive(Serialize, Deserialize)]
enum Swarm {
    Join(Option<Bytes>),
    ForwardJoin { peer: Info, ttl: u16 },
    Shuffle { origin: PeerId, nodes: Vec<Info>, ttl: u16 },
    ShuffleReply { nodes: Vec<Info> },
    Neighbor { priority: Priority, data: Option<Bytes> },
    Disconnect { alive: bool, respond: bool },
}

#[derive(Serialize, Deserialize)]
enum Priority {
    High,
    Low,
}

#[derive(Serialize, Deserialize)]
enum Tree {
    Gossip { id: [u8; 32], content: Bytes, scope: Scope },
    Prune,
    Graft { id: Option<[u8; 32]>, round: u16 },
    IHave(Vec<([u8; 32], u16)>),
}

#[derive(Serialize, Deserialize)]
enum Scope {
    Swarm(u16),
    Neighbors,
}

/// The library's message as it travels; `None` when the library says something that we never ask of it.
pub(crate) fn outward(message: &Message<PeerId>) -> Option<Overlay> {
    let bytes = codec::encode(message).ok()?;
    let theirs: Theirs = codec::decode(&bytes).ok()?;
    Some(match theirs.message {
        Layer::Swarm(swarm) => outward_swarm(swarm),
        Layer::Gossip(Tree::Gossip { content, scope: Scope::Swarm(hops), .. }) => {
            Overlay::Broadcast { hops, content }
        }
        Layer::Gossip(Tree::Gossip { scope: Scope::Neighbors, .. }) => return None,
        Layer::Gossip(Tree::Prune) => Overlay::Prune,
        Layer::Gossip(Tree::Graft { id, round }) => Overlay::Graft { id, hops: round },
        Layer::Gossip(Tree::IHave(ids)) => Overlay::IHave(ids),
    })
}

fn outward_swarm(swarm: Swarm) -> Overlay {
    let ids = |nodes: Vec<Info>| nodes.into_iter().map(|node| node.id).collect();
    match swarm {
        Swarm::Join(_) => Overlay::Join,
        Swarm::ForwardJoin { peer, ttl } => Overlay::ForwardJoin { peer: peer.id, hops_left: ttl },
        Swarm::Shuffle { origin, nodes, ttl } => {
            Overlay::Shuffle { origin, peers: ids(nodes), hops_left: ttl }
        }
        Swarm::ShuffleReply { nodes } => Overlay::ShuffleReply { peers: ids(nodes) },
        Swarm::Neighbor { priority, .. } => Overlay::Neighbor { must: matches!(priority, Priority::High) },
        Swarm::Disconnect { alive, .. } => Overlay::Disconnect { alive },
    }
}

/// What travelled, as the library's message; `None` when it breaks a bound.
pub(crate) fn inward(topic: [u8; 32], overlay: Overlay) -> Option<Message<PeerId>> {
    let theirs = Theirs { topic, message: layer(overlay)? };
    codec::decode(&codec::encode(&theirs).ok()?).ok()
}

fn layer(overlay: Overlay) -> Option<Layer> {
    let walk = |hops: u16| (hops <= MOST_WALK).then_some(hops);
    let hops_of = |hops: u16| (hops <= MOST_HOPS).then_some(hops);
    let info = |id: PeerId| Info { id, data: None };
    let infos =
        |peers: Vec<PeerId>| (peers.len() <= MOST_SHUFFLED).then(|| peers.into_iter().map(info).collect());
    let swarm = match overlay {
        Overlay::Join => Swarm::Join(None),
        Overlay::ForwardJoin { peer, hops_left } => {
            Swarm::ForwardJoin { peer: info(peer), ttl: walk(hops_left)? }
        }
        Overlay::Shuffle { origin, peers, hops_left } => {
            Swarm::Shuffle { origin, nodes: infos(peers)?, ttl: walk(hops_left)? }
        }
        Overlay::ShuffleReply { peers } => Swarm::ShuffleReply { nodes: infos(peers)? },
        Overlay::Neighbor { must } => {
            Swarm::Neighbor { priority: if must { Priority::High } else { Priority::Low }, data: None }
        }
        Overlay::Disconnect { alive } => Swarm::Disconnect { alive, respond: false },
        Overlay::Broadcast { hops, content } => {
            let id = *blake3::hash(&content).as_bytes();
            return Some(Layer::Gossip(Tree::Gossip { id, content, scope: Scope::Swarm(hops_of(hops)?) }));
        }
        Overlay::Prune => return Some(Layer::Gossip(Tree::Prune)),
        Overlay::Graft { id, hops } => return Some(Layer::Gossip(Tree::Graft { id, round: hops_of(hops)? })),
        Overlay::IHave(ids) => {
            let sound = ids.len() <= MOST_IDS && ids.iter().all(|(_, hops)| *hops <= MOST_HOPS);
            return sound.then_some(Layer::Gossip(Tree::IHave(ids)));
        }
    };
    Some(Layer::Swarm(swarm))
}
