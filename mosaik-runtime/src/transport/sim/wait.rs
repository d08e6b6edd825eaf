//! Waiting on the fabric: look, and if there is nothing, wait for a wake-up or for a point of time, and look again.

use tokio::{
    sync::Notify,
    time::{Instant, sleep_until},
};

use super::{fabric::Fabric, net::Shared};

/// What a look found.
pub(super) enum Look<T> {
    /// The answer.
    Done(T),
    /// Nothing yet; look again at this time, or when woken.
    Again(Option<Instant>),
}

/// Looks at the fabric until there is an answer. Dropping the future at any point loses nothing.
pub(super) async fn until<T>(
    shared: &Shared,
    wake: &Notify,
    mut look: impl FnMut(&mut Fabric, Instant) -> Look<T>,
) -> T {
    loop {
        let woken = wake.notified();
        tokio::pin!(woken);
        woken.as_mut().enable();
        let found = look(&mut shared.lock(), Instant::now());
        match found {
            Look::Done(answer) => return answer,
            Look::Again(None) => woken.await,
            Look::Again(Some(at)) => {
                tokio::select! { biased;
                    () = woken => {}
                    () = sleep_until(at) => {}
                }
            }
        }
    }
}

/// The earlier of two points, either of which may be missing.
pub(super) fn earlier(one: Option<Instant>, other: Option<Instant>) -> Option<Instant> {
    [one, other].into_iter().flatten().min()
}
