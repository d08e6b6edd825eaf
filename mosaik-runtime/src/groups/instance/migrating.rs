//! A leader whose state is of an older type tells the group to go over to the newer one.
//!
//! Until that is committed and applied here, no command gets into the log: every entry before it is of the older type, and every entry
//! behind it of the newer one. How the state changes is [`machine`](crate::groups::machine)'s.

use tokio::time::timeout;

use super::{
    Instance,
    driver::{Done, Driver},
    managing::CHANGE,
};
use crate::groups::machine::Item;

impl Driver {
    /// Whether the state is still of an older type.
    pub(super) fn look_at_schema(&mut self) {
        let Some(to) = self.instance.reading().migrates() else { return };
        if self.managing.is_none() || self.is_migrating {
            return;
        }
        self.is_migrating = true;
        let (instance, reports) = (self.instance.clone(), self.reports.clone());
        self.instance.scope().spawn("groups migrate", async move {
            if let Ok(Ok(_)) = timeout(CHANGE, instance.propose(vec![Item::Migrate { to }])).await {
                let group = instance.intent();
                tracing::info!(target: "mosaik::groups", group, "the state is of the newer type now");
            }
            let _ = reports.send(Done::Migrated).await;
        });
    }
}

impl Instance {
    /// Whether one of these is a command, or begins a session, while the state is of an older type.
    pub(super) fn is_too_early(&self, items: &[Item]) -> bool {
        self.reading().migrates().is_some()
            && items.iter().any(|item| matches!(item, Item::Open { .. } | Item::Command { .. }))
    }
}
