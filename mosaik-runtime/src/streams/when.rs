//! Conditions on a producer or a consumer: who is subscribed, and whether that is enough.

use std::{
    collections::{BTreeMap, BTreeSet},
    future::{Future, IntoFuture},
    ops::Not,
    pin::Pin,
    sync::Arc,
};

use crate::{
    primitives::{Condition, PeerId, Tag, watch},
    topology::OnlineWhen,
};

/// The peers at the other ends of a handle's subscriptions, with their tags.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Peers(pub(crate) BTreeMap<PeerId, Arc<BTreeSet<Tag>>>);

impl Peers {
    /// How many of them claim all of `tags`.
    fn count(&self, tags: &BTreeSet<String>) -> usize {
        self.0.values().filter(|claimed| tags.iter().all(|tag| claimed.contains(tag.as_str()))).count()
    }

    /// Whether a producer with this setting is online.
    pub(crate) fn satisfy(&self, online_when: Option<OnlineWhen>) -> bool {
        online_when.is_none_or(|rule| {
            let tags = rule.tag.map(str::to_owned).into_iter().collect();
            self.count(&tags) >= rule.subscribers
        })
    }
}

/// What can be waited for on a handle.
///
/// A condition is a value: await it, ask whether it `holds()`, or combine it with `!`, `&` and `|`. A wait that is dropped
/// loses nothing, and no change between two looks is missed.
#[derive(Debug)]
pub struct When {
    peers: watch::Receiver<Peers>,
    online_when: Option<OnlineWhen>,
}

impl When {
    pub(crate) fn new(peers: watch::Receiver<Peers>, online_when: Option<OnlineWhen>) -> Self {
        Self { peers, online_when }
    }

    /// The handle is usable: a producer's `online_when` holds (without one it always does); a consumer has a producer.
    pub fn online(&self) -> Condition<Peers> {
        let rule = self.online_when;
        Condition::new(self.peers.clone(), move |peers| peers.satisfy(rule))
    }

    /// At least one peer is subscribed (of a consumer: at least one producer is subscribed to).
    pub fn subscribed(&self) -> SubscribedWhen {
        SubscribedWhen { peers: self.peers.clone(), minimum: 1, tags: BTreeSet::new() }
    }
}

/// A condition on how many peers are subscribed.
#[derive(Debug, Clone)]
pub struct SubscribedWhen {
    peers: watch::Receiver<Peers>,
    minimum: usize,
    tags: BTreeSet<String>,
}

impl SubscribedWhen {
    /// At least this many; 1 by default.
    #[must_use]
    pub fn minimum_of(mut self, peers: usize) -> Self {
        self.minimum = peers;
        self
    }

    /// Only peers that claim all these tags count.
    #[must_use]
    pub fn with_tags<T: Into<String>>(mut self, tags: impl IntoIterator<Item = T>) -> Self {
        self.tags.extend(tags.into_iter().map(Into::into));
        self
    }

    /// The condition that this does not hold.
    pub fn unmet(self) -> Condition<Peers> {
        !self.condition()
    }

    /// Whether it holds now.
    pub fn holds(&self) -> bool {
        self.clone().condition().holds()
    }

    /// As a value to combine with others.
    pub fn condition(self) -> Condition<Peers> {
        let Self { peers, minimum, tags } = self;
        Condition::new(peers, move |peers| peers.count(&tags) >= minimum)
    }
}

impl Not for SubscribedWhen {
    type Output = Condition<Peers>;

    fn not(self) -> Condition<Peers> {
        self.unmet()
    }
}

impl IntoFuture for SubscribedWhen {
    type Output = ();
    type IntoFuture = Pin<Box<dyn Future<Output = ()> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        self.condition().into_future()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peers(tags: &[&[&str]]) -> Peers {
        let tagged = tags.iter().zip(0..).map(|(tags, n)| {
            let tags = tags.iter().map(|tag| Tag::new(tag).expect("a tag")).collect();
            (PeerId::from_bytes([n; 32]), Arc::new(tags))
        });
        Peers(tagged.collect())
    }

    #[tokio::test]
    async fn ls1_a_dropped_wait_does_not_take_the_wake_up_with_it() {
        let (publish, state) = watch::channel(Peers::default());
        let when = When::new(state, None);
        let wait = when.subscribed().minimum_of(2);
        let mut first = wait.clone().into_future();
        assert!(futures::poll!(&mut first).is_pending());
        drop(first);
        let mut second = wait.into_future();
        assert!(futures::poll!(&mut second).is_pending());
        publish.send_replace(peers(&[&[], &[]]));
        second.await;
    }

    #[test]
    fn tags_minimum_and_negation() {
        let (_publish, state) = watch::channel(peers(&[&["a", "b"], &["a"]]));
        let when = When::new(state, Some(OnlineWhen { subscribers: 2, tag: Some("b") }));
        assert!(when.subscribed().with_tags(["a"]).minimum_of(2).holds());
        assert!(!when.subscribed().with_tags(["a", "b"]).minimum_of(2).holds());
        assert!((!when.subscribed().with_tags(["c"])).holds());
        assert!(when.subscribed().minimum_of(3).unmet().holds());
        assert!(!when.online().holds());
    }
}
