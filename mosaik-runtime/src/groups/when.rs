//! Conditions on a group: whether it is born, who leads, and how far it is.

use std::{future::Future, pin::Pin};

use super::{
    machine::Applied,
    status::InstanceView,
    tail::{Reaches, Updated},
    version::Version,
};
use crate::primitives::{Condition, PeerId, watch};

/// What can be waited for on a group.
///
/// A condition is a value: await it, ask whether it `holds()`, or combine it with `!`, `&` and `|`. A wait that is dropped loses
/// nothing, and no change between two looks is missed.
#[derive(Debug, Clone)]
pub struct GroupWhen {
    view: watch::Receiver<InstanceView>,
    applied: watch::Receiver<Applied>,
}

impl GroupWhen {
    pub(super) fn new(view: watch::Receiver<InstanceView>, applied: watch::Receiver<Applied>) -> Self {
        Self { view, applied }
    }

    fn such(
        &self,
        predicate: impl Fn(&InstanceView) -> bool + Send + Sync + 'static,
    ) -> Condition<InstanceView> {
        Condition::new(self.view.clone(), predicate)
    }

    /// Commands can be expected to work: a leader is known, a majority of the committed voters is connected, and the group is not fenced.
    pub fn online(&self) -> Condition<InstanceView> {
        self.such(InstanceView::is_online)
    }

    /// Commands cannot be expected to work now.
    pub fn offline(&self) -> Condition<InstanceView> {
        !self.online()
    }

    /// A leader is known.
    pub fn leader_elected(&self) -> Condition<InstanceView> {
        self.such(|view| view.leader.is_some())
    }

    /// Somebody else leads than now; if nobody is known to lead now, somebody does.
    pub fn leader_changed(&self) -> LeaderChanged {
        let before = self.view.borrow().leader.map(|leader| leader.peer);
        LeaderChanged { before, view: self.view.clone() }
    }

    /// This node leads.
    pub fn is_leader(&self) -> Condition<InstanceView> {
        self.such(|view| view.is_leader)
    }

    /// Another node leads, and this one follows.
    pub fn is_follower(&self) -> Condition<InstanceView> {
        self.such(|view| view.leader.is_some() && !view.is_leader)
    }

    /// The group exists: this node is of its first committee, has belonged to it before, or joins it.
    pub fn bootstrapped(&self) -> Condition<InstanceView> {
        self.such(InstanceView::is_born)
    }

    /// The deadline of the group's birth passed before it was born. Unless the group is strict, it may be born later.
    pub fn bootstrap_timed_out(&self) -> Condition<InstanceView> {
        self.such(|view| view.bootstrap().timed_out)
    }

    /// The copy on this node has changed since this was made.
    pub fn updated(&self) -> Updated {
        Updated::new(self.applied.clone())
    }

    /// The copy on this node holds this version: a weak read sees it. A version of another life of the group is an error.
    pub fn reaches(&self, version: Version) -> Reaches {
        Reaches::new(self.applied.clone(), version)
    }

    /// What the group has committed, as far as this node has applied it.
    pub fn committed(&self) -> Committed {
        Committed { applied: self.applied.clone() }
    }
}

/// How far the group is on this node.
#[derive(Debug, Clone)]
pub struct Committed {
    applied: watch::Receiver<Applied>,
}

impl Committed {
    /// The entry with this index has been applied here: a weak read sees it.
    pub fn reaches(&self, index: u64) -> Condition<Applied> {
        Condition::new(self.applied.clone(), move |applied| applied.index().unwrap_or(0) >= index)
    }
}

/// Resolves to the new leader when another node leads than did when this was made.
#[derive(Debug, Clone)]
pub struct LeaderChanged {
    before: Option<PeerId>,
    view: watch::Receiver<InstanceView>,
}

impl LeaderChanged {
    fn next(before: Option<PeerId>, view: &InstanceView) -> Option<PeerId> {
        view.leader.map(|leader| leader.peer).filter(|leader| Some(*leader) != before)
    }

    /// Whether another node leads now.
    pub fn holds(&self) -> bool {
        Self::next(self.before, &self.view.borrow()).is_some()
    }
}

impl std::future::IntoFuture for LeaderChanged {
    type Output = PeerId;
    type IntoFuture = Pin<Box<dyn Future<Output = PeerId> + Send>>;

    fn into_future(mut self) -> Self::IntoFuture {
        Box::pin(async move {
            let mut next = None;
            let found = self.view.wait_for(|view| {
                next = Self::next(self.before, view);
                next.is_some()
            });
            let ended = found.await.is_err();
            match next {
                Some(leader) if !ended => leader,
                _ => std::future::pending().await,
            }
        })
    }
}
