//! What other nodes of the group ask of this one.

use std::sync::{OnceLock, PoisonError, Weak};

use futures::future::BoxFuture;
use tokio::time::timeout;

use super::{Inner, Instance, ProposeError, ReadError};
use crate::{
    groups::{
        MemberId,
        birth::{ClusterId, StoreId},
        bond::Serve,
        client,
        machine::{Item, Outcome},
        tail::{self, Pipe},
        wire::{ChannelKind, GroupsProtocol, Request, Response, Why},
    },
    primitives::PeerId,
    transport::Link,
};

/// Answers for the group, once it is there.
#[derive(Default)]
pub(super) struct Server(OnceLock<Weak<Inner>>);

impl Server {
    pub(super) fn attach(&self, instance: Weak<Inner>) {
        let _ = self.0.set(instance);
    }

    fn instance(&self) -> Option<Instance> {
        self.0.get()?.upgrade().map(Instance)
    }
}

impl Serve for Server {
    fn answer(&self, from: PeerId, request: Request) -> BoxFuture<'_, Response> {
        let instance = self.instance();
        Box::pin(async move {
            match instance {
                Some(instance) => instance.answer(from, request).await.unwrap_or_else(Response::Refused),
                None => Response::Refused(Why::Stopping),
            }
        })
    }

    fn channel(&self, from: PeerId, kind: ChannelKind, link: Link<GroupsProtocol>) -> BoxFuture<'static, ()> {
        let Some(instance) = self.instance() else { return Box::pin(async {}) };
        match kind {
            ChannelKind::Commands if !instance.is_of_one_birth(from) => Box::pin(async {}),
            ChannelKind::Commands => Box::pin(client::serve(instance, from, link)),
            ChannelKind::Append { .. } | ChannelKind::Chunks => Box::pin(async move {
                if let Some(running) = instance.running() {
                    running.server.channel(from, kind, link).await;
                }
            }),
        }
    }

    fn reader(&self, from: PeerId, pipe: Pipe) -> BoxFuture<'static, ()> {
        match self.instance() {
            Some(instance) => Box::pin(tail::serve(instance, from, pipe)),
            None => Box::pin(async {}),
        }
    }
}

impl Instance {
    /// Whether a peer belongs to the group that this node belongs to, and not to another of the same name: indices and sessions of
    /// the two mean different things.
    pub(in crate::groups) fn is_of_one_birth(&self, peer: PeerId) -> bool {
        let here = self.running().map(|running| running.cluster);
        let there = self.bonds().get(peer).and_then(|bond| bond.hello().cluster);
        here.is_some() && here == there
    }

    async fn answer(&self, from: PeerId, request: Request) -> Result<Response, Why> {
        match request {
            Request::Ping => Ok(Response::Pong),
            Request::Join { cluster, store } => self.welcome(from, cluster, store).await,
            Request::Leave { member } => self.let_go(from, member).await,
            Request::ReadIndex if !self.is_of_one_birth(from) => Err(self.not_leader()),
            Request::ReadIndex => match self.read_index().await {
                Ok(index) => Ok(Response::ReadIndex { index }),
                Err(ReadError::NotLeader { .. }) => Err(self.not_leader()),
                Err(ReadError::NoQuorum) => Err(Why::NoQuorum),
                Err(ReadError::Stopped) => Err(Why::Stopping),
            },
            Request::Digest { cluster, from: member, at, hash } => {
                self.compare(from, (cluster, member), at, hash)
            }
            other => match self.running() {
                Some(running) => Ok(running.server.answer(from, other).await),
                None => Err(Why::NotMe),
            },
        }
    }

    fn not_leader(&self) -> Why {
        Why::NotLeader { leader: self.0.view.borrow().leader }
    }

    /// Takes a node in: the group commits under which generation. Its bond is proof of who it is.
    async fn welcome(&self, peer: PeerId, cluster: ClusterId, store: StoreId) -> Result<Response, Why> {
        let running = self.running().ok_or(Why::NotLeader { leader: None })?;
        if running.cluster != cluster {
            return Err(Why::OtherCluster);
        }
        let proposed =
            timeout(self.settings().timing().commit(), self.propose(vec![Item::Welcome { peer, store }]))
                .await;
        match proposed {
            Ok(Ok(outcomes)) => match outcomes.first() {
                Some(Outcome::Welcomed { generation }) => Ok(Response::Welcomed { generation: *generation }),
                Some(Outcome::Fenced) => Err(Why::Fenced),
                other => Err(Why::Failed(format!("the group answered {other:?}"))),
            },
            Ok(Err(ProposeError::NotLeader { .. })) => Err(self.not_leader()),
            Ok(Err(ProposeError::Stopped)) => Err(Why::Stopping),
            Ok(Err(ProposeError::Fenced)) => Err(Why::Fenced),
            Ok(Err(error)) => Err(Why::Failed(error.to_string())),
            Err(_) => Err(Why::NoQuorum),
        }
    }

    /// Lets a member go. Returns when that is committed.
    async fn let_go(&self, peer: PeerId, member: MemberId) -> Result<Response, Why> {
        if member.peer != peer {
            return Err(Why::NotYou);
        }
        if !self.0.view.borrow().is_leader {
            return Err(self.not_leader());
        }
        if let Some(running) = self.running() {
            running.awake().await;
        }
        self.0.leaving.lock().unwrap_or_else(PoisonError::into_inner).insert(member);
        let mut view = self.view();
        let gone = view.wait_for(|view| {
            !view.is_leader || !view.voters.contains(&member) && !view.learners.contains(&member)
        });
        let gone = timeout(self.settings().timing().commit(), gone)
            .await
            .is_ok_and(|view| view.is_ok_and(|view| view.is_leader));
        if !gone {
            self.comes_back(peer);
        }
        if gone { Ok(Response::Left) } else { Err(self.not_leader()) }
    }

    /// A node that left is there again. It has its log, and is as welcome as before.
    pub(super) fn comes_back(&self, peer: PeerId) {
        self.0.leaving.lock().unwrap_or_else(PoisonError::into_inner).retain(|member| member.peer != peer);
    }
}
