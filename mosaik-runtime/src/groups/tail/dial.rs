//! How a reader finds a way to a member: admission as a reader, then the proof of the group's key in both directions.

use std::sync::Arc;

use super::pipe::Pipe;
use crate::{
    admission::{Admission, Ask, AskError, Item},
    groups::bond::{GroupKey, prove_as_reader},
    primitives::{Fingerprint, PeerId, PeerRole, Policy, WireId, schema::Shape},
    transport::Code,
};

/// What a reader says of itself, and demands.
#[derive(Debug, Clone)]
pub(in crate::groups) struct Credentials {
    pub(in crate::groups) me: PeerId,
    pub(in crate::groups) item: WireId,
    pub(in crate::groups) name: Arc<str>,
    pub(in crate::groups) schema: (Fingerprint, Shape),
    /// Who may be read from.
    pub(in crate::groups) members: Policy,
    pub(in crate::groups) key: Option<GroupKey>,
}

/// There is no way to a member.
#[derive(Debug)]
pub(super) struct NoWay {
    pub(super) why: Arc<str>,
    pub(super) may_pass: bool,
}

impl NoWay {
    pub(super) fn new(why: impl std::fmt::Display, may_pass: bool) -> Self {
        Self { why: why.to_string().into(), may_pass }
    }
}

/// Opens a link to a member and is let in.
pub(super) async fn dial(
    admission: &Admission,
    peer: PeerId,
    credentials: &Credentials,
) -> Result<Pipe, NoWay> {
    let ask = Ask {
        item: Item::known(credentials.item, &credentials.name),
        role: PeerRole::Reads,
        schemas: vec![credentials.schema.0],
        shape: Some(credentials.schema.1.clone()),
    };
    let asked = admission.ask(peer, ask, credentials.members.clone()).await;
    let admitted = asked.map_err(|error| {
        let may_pass = match &error {
            AskError::Refused(refusal) | AskError::NotWanted(refusal) => refusal.may_pass(),
            AskError::Link(_) => true,
            AskError::OutOfTurn => false,
        };
        NoWay::new(error, may_pass)
    })?;
    let (mut sender, mut receiver, lease) = admitted.into_parts();
    let whom = (credentials.me, credentials.item);
    match prove_as_reader(credentials.key.as_ref(), whom, &mut sender, &mut receiver).await {
        Ok(()) => Ok(Pipe::link(sender, receiver, lease)),
        Err((why, may_pass)) => {
            sender.reset(Code::Refused);
            Err(NoWay::new(why, may_pass))
        }
    }
}
