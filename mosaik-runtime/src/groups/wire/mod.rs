//! What travels between the members of a group.
//!
//! A *bond* begins with admission's handshake, after which both sides prove that they hold the group's key ([`Prove`],
//! [`Proved`]) and say where they stand ([`Hello`]). Then it carries [`Control`] frames. Everything bulky goes over *channels*: further
//! streams of the same connection, each of which begins with an [`Open`] frame. The encoding is a promise that golden vectors hold:
//! variants are only ever appended, and what a version does not know is refused with [`Why::Unsupported`] or left alone in
//! `extensions`.

mod chunks;
#[cfg(test)]
mod golden;
mod raft;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

pub use chunks::{ChunkAnswer, ChunkAsk};
pub use raft::{Append, AppendAnswer, Appended, ParkAsk, TransferAnswer, TransferAsk, VoteAnswer, VoteAsk};

use super::{
    MemberId,
    birth::{ClusterId, Genesis, GenesisHash, Member, StoreId},
    settings::Leads,
    store::record::{LogId, Manifest, Vote},
};
use crate::{
    primitives::{BootId, WireId, codec},
    transport::Protocol,
};

/// The protocol of groups: all groups that two nodes share use one connection.
#[derive(Debug)]
pub struct GroupsProtocol;

impl Protocol for GroupsProtocol {
    const NAME: &'static str = "groups";
    const MAJOR: u16 = 1;
    const MAX_FRAME: usize = 4 * 1024 * 1024;
}

/// The largest frame before a peer is admitted and has proved the key: admission's question carries a shape of up to 16 KiB.
pub const MAX_FIRST_FRAME: usize = 32 * 1024;

/// The first byte of a stream that is a channel. Admission's questions begin with their version, which is a small number.
pub const CHANNEL: u8 = 0xff;

/// Fields for later versions; unknown ones are ignored.
pub type Extensions = Vec<(u16, Bytes)>;

/// Extension of [`Proved`] and of the first [`Control::Hello`]: the round trip in milliseconds that the group stands there, as a number of
/// variable length. Without it, 60.
pub const ROUND_TRIP: u16 = 1;

/// How a side shows that it holds the group's key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum KeyProof {
    /// The group has no key here.
    NoKey,
    /// A keyed hash that only holders of the key can make, for this connection, group and side only.
    Key([u8; 32]),
}

/// The dialler proves the key, once admitted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Prove {
    /// The first version.
    V1 {
        /// The proof.
        proof: KeyProof,
        /// Room for what will come.
        extensions: Extensions,
    },
}

/// The acceptor's answer. It says nothing of itself before it has verified.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Proved {
    /// The dialler holds the key; so does this side.
    V1 {
        /// The acceptor's own proof.
        proof: KeyProof,
        /// Where the acceptor stands.
        hello: Hello,
        /// Room for what will come.
        extensions: Extensions,
    },
    /// The dialler does not hold the key.
    Refused(KeyRefusal),
    /// There is a bond between the two already, and that one stays.
    Bonded,
}

/// Why the proof of the key was refused; said by the side that the reader talks to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum KeyRefusal {
    /// The group has a key there, and none here.
    #[error("the group has a key there and none here: give this node the same key (`key = ..` on the group)")]
    KeyNeeded,
    /// The group has no key there, and one here.
    #[error(
        "the group has a key here and none there: give the other node the same key (`key = ..` on the group)"
    )]
    NoKeyThere,
    /// The keys differ.
    #[error("the group has another key there: compare the files or variables that the keys are read from")]
    OtherKey,
}

impl KeyRefusal {
    /// The same refusal, as the other side should read it.
    #[must_use]
    pub const fn turned(self) -> Self {
        match self {
            Self::KeyNeeded => Self::NoKeyThere,
            Self::NoKeyThere => Self::KeyNeeded,
            Self::OtherKey => Self::OtherKey,
        }
    }

    /// The stable word in metrics.
    pub const fn code(self) -> &'static str {
        match self {
            Self::KeyNeeded => "key_needed",
            Self::NoKeyThere => "no_key_there",
            Self::OtherKey => "other_key",
        }
    }
}

/// Where a node stands in a group. Said when a bond begins, and again whenever it changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// The node's store.
    pub store: StoreId,
    /// The node's process.
    pub boot: BootId,
    /// Whether the node may become a voter.
    pub eligible: bool,
    /// As which member it takes part, if it does.
    pub member: Option<MemberId>,
    /// The birth of the group that its store belongs to.
    pub cluster: Option<ClusterId>,
    /// The last index that it knows to be committed; with 2^48 added for each time that an operator forced a new group.
    pub committed: u64,
    /// Whether the node leads.
    pub leads: Leads,
}

/// What the births of two nodes say to each other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum BirthMessage {
    /// The sender's store is open and belongs to no group.
    Ready,
    /// The sender promised this list, as this member.
    Promise(Genesis, Member),
    /// The sender never promises this list.
    Refusal(GenesisHash),
    /// The group exists.
    Initialised(ClusterId),
    /// The receiver's member was let go while it was away, and never comes back as that. Said by the leader.
    Gone(MemberId),
}

/// One frame of a bond.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Control {
    /// Where the sender stands now.
    Hello {
        /// The state.
        hello: Hello,
        /// Room for what will come.
        extensions: Extensions,
    },
    /// Something between births.
    Tell(BirthMessage),
    /// A question; the answer carries its number.
    Request {
        /// Counts up from 0 on each side.
        id: u64,
        /// The question.
        request: Request,
    },
    /// The answer to a question.
    Response {
        /// The question's number.
        id: u64,
        /// The answer.
        response: Response,
    },
}

/// The place of [`Control::Request`] among its siblings.
const REQUEST: u32 = 2;
/// How many questions this version knows: those of [`Request`]. A golden test holds it.
const QUESTIONS: u32 = 11;

/// The number of a question that a later version has added. Such a frame does not decode; it is answered with [`Why::Unsupported`], so that
/// a node of this version and one of a later keep their bond.
pub fn unknown_question(frame: &[u8]) -> Option<u64> {
    match codec::decode_front::<(u32, u64, u32)>(frame) {
        Ok((REQUEST, id, question)) if question >= QUESTIONS => Some(id),
        _ => None,
    }
}

/// A question between two nodes of a group. Those of Raft say to which member they go, so that a node that lost its store does
/// not answer for the member that it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Request {
    /// Is the bond alive?
    Ping,
    /// A candidate asks for a vote.
    Vote(VoteAsk),
    /// A candidate asks whether it would get one.
    PreVote(VoteAsk),
    /// A heartbeat, or a few entries.
    Append(Append),
    /// The leader hands over.
    TransferLeader(TransferAsk),
    /// How far must a reader have applied to have seen all that is committed now? For the leader.
    ReadIndex,
    /// The sender wants to become a member of this group, with this store. For the leader.
    Join {
        /// The birth of the group.
        cluster: ClusterId,
        /// The sender's store.
        store: StoreId,
    },
    /// The sender wants to leave. For the leader.
    Leave {
        /// As which member it took part.
        member: MemberId,
    },
    /// Install this snapshot; pull what is missing of it. Asked again until it is done.
    Snapshot {
        /// The member that should install it.
        to: MemberId,
        /// The leader.
        from: MemberId,
        /// The leader's vote.
        vote: Vote,
        /// The snapshot.
        manifest: Manifest,
    },
    /// The sender's state had this hash after this entry, at which all members make a snapshot.
    Digest {
        /// The birth of the group.
        cluster: ClusterId,
        /// The sender.
        from: MemberId,
        /// The entry.
        at: LogId,
        /// The hash.
        hash: [u8; 32],
    },
    /// Keep no more time, until somebody uses the group or my node is lost.
    Park(ParkAsk),
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Response {
    /// The bond is alive.
    Pong,
    /// To a vote or a pre-vote.
    Vote(VoteAnswer),
    /// To an append.
    Append(AppendAnswer),
    /// To a transfer of leadership.
    TransferLeader(TransferAnswer),
    /// A reader that has applied this index has seen all that was committed when it asked.
    ReadIndex {
        /// The index.
        index: u64,
    },
    /// The sender is welcome under this generation.
    Welcomed {
        /// The generation.
        generation: u64,
    },
    /// The sender is no member any more.
    Left,
    /// The snapshot is being pulled: so many of its bytes are here.
    Pulling {
        /// Bytes that are here.
        here: u64,
        /// Bytes in all.
        of: u64,
    },
    /// The snapshot is installed, or was not needed.
    Installed {
        /// The vote of the member that installed it.
        vote: Vote,
    },
    /// It was not done.
    Refused(Why),
    /// The state's hash after that entry here, if it is still known.
    Digest {
        /// The hash.
        hash: Option<[u8; 32]>,
    },
    /// The member keeps no more time.
    Parked,
}

/// Why a question was not answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Why {
    /// The node takes part as another member, or not yet at all.
    #[error("the node is not that member of the group (now)")]
    NotMe,
    /// The question names a sender that the bond does not prove.
    #[error("the question names another sender than the one that the bond proved")]
    NotYou,
    /// Only the leader can do it.
    #[error("the node does not lead the group")]
    NotLeader {
        /// Who leads, as far as the node knows.
        leader: Option<MemberId>,
    },
    /// The node leads, and cannot reach a majority now.
    #[error("the leader does not reach a majority of the voters")]
    NoQuorum,
    /// The node has another birth of the group.
    #[error("the node belongs to another group of the same name")]
    OtherCluster,
    /// The node is stopping.
    #[error("the node is stopping")]
    Stopping,
    /// Too much is asked at once.
    #[error("the node has too much to do")]
    Busy,
    /// The node does not know the question.
    #[error("the node does not understand the question: it is older")]
    Unsupported,
    /// It failed there.
    #[error("it failed there: {0}")]
    Failed(String),
    /// The group takes nobody in any more.
    #[error(
        "the group has fenced itself, because another group of its name exists: decide which one stays, and remove the other's data"
    )]
    Fenced,
}

/// What a channel is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ChannelKind {
    /// Entries from a leader to one follower.
    Append {
        /// The follower.
        to: MemberId,
        /// The leader.
        from: MemberId,
    },
    /// Commands from a node to the leader.
    Commands,
    /// Parts of a snapshot.
    Chunks,
}

impl ChannelKind {
    /// Higher goes first. Bonds have 30.
    pub const fn priority(self) -> i32 {
        match self {
            Self::Commands => 20,
            Self::Append { .. } => 10,
            Self::Chunks => 0,
        }
    }
}

/// The priority of a bond's control frames: above those of all channels.
pub const CONTROL_PRIORITY: i32 = 30;

/// The first frame of a channel, behind the byte [`CHANNEL`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Open {
    /// The first version.
    V1 {
        /// The group.
        group: WireId,
        /// What the channel is for.
        channel: ChannelKind,
        /// Room for what will come.
        extensions: Extensions,
    },
}
