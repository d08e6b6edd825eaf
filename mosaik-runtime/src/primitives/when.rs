//! Conditions as futures that are cancel-safe and miss no wake-up.
//!
//! A [`Condition`] is a predicate over state that a task publishes in a [`watch`]. Awaiting it returns at
//! once when it holds, else when it next holds; dropping the future loses nothing. Conditions over one state combine with
//! `!`, `&` and `|`.

use std::{
    fmt,
    future::{Future, IntoFuture},
    ops::{BitAnd, BitOr, Not},
    pin::Pin,
    sync::Arc,
};

use super::watch;

type Predicate<S> = Arc<dyn Fn(&S) -> bool + Send + Sync>;

/// A predicate over published state: check it with [`holds`](Self::holds), or await it.
pub struct Condition<S> {
    state: watch::Receiver<S>,
    predicate: Predicate<S>,
}

impl<S: Send + Sync + 'static> Condition<S> {
    /// The condition that `predicate` holds of the published state.
    pub fn new(state: watch::Receiver<S>, predicate: impl Fn(&S) -> bool + Send + Sync + 'static) -> Self {
        Self { state, predicate: Arc::new(predicate) }
    }

    /// Whether it holds now.
    pub fn holds(&self) -> bool {
        (self.predicate)(&self.state.borrow())
    }

    /// This condition with one more predicate over the same state.
    #[must_use]
    pub fn and(self, more: impl Fn(&S) -> bool + Send + Sync + 'static) -> Self {
        let predicate = self.predicate;
        Self { state: self.state, predicate: Arc::new(move |state| predicate(state) && more(state)) }
    }
}

impl<S> Clone for Condition<S> {
    fn clone(&self) -> Self {
        Self { state: self.state.clone(), predicate: self.predicate.clone() }
    }
}

impl<S> fmt::Debug for Condition<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Condition").finish_non_exhaustive()
    }
}

impl<S: Send + Sync + 'static> Not for Condition<S> {
    type Output = Self;

    fn not(self) -> Self {
        let predicate = self.predicate;
        Self { state: self.state, predicate: Arc::new(move |state| !predicate(state)) }
    }
}

impl<S: Send + Sync + 'static> BitAnd for Condition<S> {
    type Output = Self;

    fn bitand(self, other: Self) -> Self {
        self.and(move |state| (other.predicate)(state))
    }
}

impl<S: Send + Sync + 'static> BitOr for Condition<S> {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        let (one, two) = (self.predicate, other.predicate);
        Self { state: self.state, predicate: Arc::new(move |state| one(state) || two(state)) }
    }
}

impl<S: Send + Sync + 'static> IntoFuture for Condition<S> {
    type Output = ();
    type IntoFuture = Pin<Box<dyn Future<Output = ()> + Send>>;

    /// Resolves when the condition holds. When the publisher is gone and it does not hold, it never will: the
    /// future stays pending, and the caller's own deadline or the node's stop ends the wait.
    fn into_future(mut self) -> Self::IntoFuture {
        Box::pin(async move {
            let predicate = self.predicate;
            if self.state.wait_for(|state| predicate(state)).await.is_err() {
                std::future::pending().await
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[tokio::test]
    async fn a_change_between_two_polls_is_seen() {
        let (publish, state) = watch::channel(0);
        let mut wait = Condition::new(state, |n| *n >= 2).into_future();
        assert!((&mut wait).now_or_never().is_none());
        publish.send_replace(1);
        publish.send_replace(2);
        wait.await;
    }

    #[tokio::test]
    async fn a_dropped_wait_takes_no_wake_up_with_it() {
        let (publish, state) = watch::channel(false);
        let online = Condition::new(state, |on| *on);
        drop(online.clone().into_future());
        let second = online.clone().into_future();
        let publish = async { publish.send_replace(true) };
        futures::join!(second, publish);
        assert!(online.holds() && !(!online).holds());
    }

    #[test]
    fn conditions_combine() {
        let (_publish, state) = watch::channel(5);
        let above = |limit| Condition::new(state.clone(), move |n| *n > limit);
        assert!((above(3) & !above(7)).holds());
        assert!((above(7) | above(3)).holds());
        assert!(!(above(7) | above(9)).holds());
    }
}
