//! The way between a reader and a member: a link of the groups' connection, or this node's own member.

use std::time::Duration;

use bytes::Bytes;
use serde::{Serialize, de::DeserializeOwned};
use tokio::{sync::mpsc, time::timeout};

use crate::{
    admission::Lease,
    groups::wire::GroupsProtocol,
    primitives::codec,
    transport::{Code, LinkError, LinkReceiver, LinkSender},
};

/// Frames between a reader and the member of its own node.
const OWN: usize = 64;

/// Both directions, and for how long they may be used.
pub struct Pipe {
    pub(super) sender: Sender,
    pub(super) receiver: Receiver,
    pub(super) lease: Option<Lease>,
}

/// The half that writes.
pub(super) enum Sender {
    Link(LinkSender<GroupsProtocol>),
    Own(mpsc::Sender<Bytes>),
}

/// The half that reads.
pub(super) enum Receiver {
    Link(LinkReceiver<GroupsProtocol>),
    Own(mpsc::Receiver<Bytes>),
}

impl Pipe {
    /// Over a link that was admitted; what passes waits until the peer's proofs were looked at.
    pub(in crate::groups) fn link(
        mut sender: LinkSender<GroupsProtocol>,
        mut receiver: LinkReceiver<GroupsProtocol>,
        lease: Lease,
    ) -> Self {
        sender.guard(lease.guard());
        receiver.guard(lease.guard());
        Self { sender: Sender::Link(sender), receiver: Receiver::Link(receiver), lease: Some(lease) }
    }

    /// Both ends of a way within this node.
    pub(super) fn own() -> (Self, Self) {
        let ((one, to_one), (other, to_other)) = (mpsc::channel(OWN), mpsc::channel(OWN));
        let end = |sender, receiver| Self {
            sender: Sender::Own(sender),
            receiver: Receiver::Own(receiver),
            lease: None,
        };
        (end(one, to_other), end(other, to_one))
    }

    /// Waits until it may not be used any more.
    pub(super) async fn revoked(lease: Option<&Lease>) {
        match lease {
            Some(lease) => drop(lease.revoked().await),
            None => std::future::pending().await,
        }
    }
}

impl Sender {
    pub(super) async fn send<T: Serialize>(&mut self, message: &T) -> Result<(), LinkError> {
        let body = codec::encode(message)?;
        self.send_frame(body).await
    }

    pub(super) async fn send_frame(&mut self, body: Vec<u8>) -> Result<(), LinkError> {
        match self {
            Self::Link(link) => link.send_frame(&body).await,
            Self::Own(own) => own.send(body.into()).await.map_err(|_| LinkError::Finished),
        }
    }

    /// Ends it; what does not arrive any more does not matter.
    pub(super) fn reset(&mut self, code: Code) {
        if let Self::Link(link) = self {
            link.reset(code);
        }
    }
}

impl Receiver {
    /// The next message and how many bytes it had; `None` at the end. Cancel-safe.
    pub(super) async fn recv<T: DeserializeOwned>(
        &mut self,
        within: Duration,
    ) -> Result<Option<(T, usize)>, LinkError> {
        let frame = match self {
            Self::Link(link) => link.recv_frame(within).await?,
            Self::Own(own) => timeout(within, own.recv())
                .await
                .map_err(|_| LinkError::Deadline { step: "the member's next frame", within })?,
        };
        let Some(frame) = frame else { return Ok(None) };
        match codec::decode(&frame) {
            Ok(message) => Ok(Some((message, frame.len()))),
            Err(error) => {
                if let Self::Link(link) = self {
                    link.stop(Code::Malformed);
                }
                Err(LinkError::Malformed(error.to_string()))
            }
        }
    }
}
