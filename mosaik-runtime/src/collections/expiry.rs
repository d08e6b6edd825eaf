//! Entries that expire while nobody writes: the leader says so to its group.
//!
//! Group time stands still while nothing is applied, so that an entry would stay for as long as nobody writes anything.

use std::{sync::Arc, time::Duration};

use super::{feed::Feed, handle::Member, machine::Request};
use crate::primitives::Scope;

/// How long is waited after a command that failed, and until a node looks again whether it leads.
const AGAIN: Duration = Duration::from_secs(1);

/// Tells the group when something is due, for as long as this node is a member.
pub(super) async fn run(feed: Arc<Feed>, member: Arc<dyn Member>, scope: Scope) {
    let mut due = feed.due();
    let Ok(expire) = Request::Expire.encoded() else { return };
    loop {
        let now = *due.borrow_and_update();
        let Some(next) = now.next else {
            if !matches!(scope.until_stop(due.changed()).await, Some(Ok(()))) {
                return;
            }
            continue;
        };
        let wait = tokio::time::sleep(next.since(now.now));
        tokio::select! { biased;
            () = scope.stopping() => return,
            changed = due.changed() => match changed {
                Ok(()) => continue,
                Err(_) => return,
            },
            () = wait => {}
        }
        if member.when().is_leader().holds()
            && scope.until_stop(member.give(expire.clone(), None)).await.is_some_and(|given| given.is_ok())
        {
            continue;
        }
        if scope.until_stop(tokio::time::timeout(AGAIN, due.changed())).await.is_none() {
            return;
        }
    }
}
