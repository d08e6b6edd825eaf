//! Looks after the producing side of a stream: what must happen in time.

use std::sync::Arc;

use tokio::time::{Instant, sleep_until};

use super::{hub::Hub, outlet::Outlet};

/// Looks after an outlet while it is produced to, or waited for: leases end in time, and tags of subscribers are those of their
/// entries.
pub(super) async fn keep_outlet(hub: Arc<Hub>, outlet: Arc<Outlet>) {
    let mut catalog = hub.discovery.watch();
    loop {
        catalog.borrow_and_update();
        outlet.publish();
        let next: Option<Instant> = outlet.expire();
        if hub.retire(&outlet) {
            return;
        }
        let far = hub.clock.now() + super::serve::SILENCE;
        tokio::select! {
            biased;
            () = hub.scope.stopping() => return,
            () = outlet.keeper.notified() => {}
            changed = catalog.changed() => if changed.is_err() { return },
            () = sleep_until(next.unwrap_or(far)) => {}
        }
    }
}
