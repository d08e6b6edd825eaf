//! The types that openraft is built with.

use std::fmt;

use bytes::Bytes;
use openraft::EmptyNode;
use serde::{Deserialize, Serialize};

use super::runtime::ScopeRuntime;
use crate::groups::MemberId;

/// A batch of commands, encoded.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Command(pub Bytes);

/// The replies to a batch of commands, encoded.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply(pub Bytes);

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}

impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Command({self})")
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reply({} bytes)", self.0.len())
    }
}

openraft::declare_raft_types!(
    /// Members by node and generation, at most one leader a term, commands and replies as bytes. A member's id is all that one
    /// needs to reach it, so nothing is stored beside the id.
    pub RaftTypes:
        D = Command,
        R = Reply,
        NodeId = MemberId,
        Node = EmptyNode,
        LeaderId = openraft::impls::leader_id_std::LeaderId<Self::Term, Self::NodeId>,
        AsyncRuntime = ScopeRuntime,
);
