//! The right to found a group alone.
//!
//! It is, in this order: the id that the declaration names; this node was told to (`--found`); and among the nodes of one machine,
//! the lock that one of them holds. A durable group is founded once: the lock's file then says so, and a record of this node's
//! own whose store is gone is a right that was used.

use super::driver::Driver;
use crate::{
    discovery::rendezvous::Claim,
    groups::{
        birth::{ClusterId, Input, Phase, Promise, Right, Voters},
        settings::{GroupSettings, Storage},
    },
};

/// What this node holds of the right.
#[derive(Debug, Default)]
pub(super) struct Holding {
    told: Option<Right>,
    /// Kept as long as the group is open here.
    claim: Option<Claim>,
}

impl Holding {
    /// The right was used.
    pub(super) fn used(&self, cluster: ClusterId, settings: &GroupSettings) {
        if let (Some(claim), Storage::Durable) = (&self.claim, settings.storage)
            && let Err(error) = claim.mark(cluster.as_bytes())
        {
            tracing::warn!(target: "mosaik::groups", "the founding of the group could not be noted beside its lock: {error}");
        }
    }
}

impl Driver {
    /// Finds out whether this node may found the group, as long as nobody has.
    pub(super) async fn look_for_right(&mut self) {
        let settings = self.instance.settings();
        let founded = matches!(settings.voters, Voters::Founder | Voters::Count(1));
        let open = matches!(self.recorder.birth().view().phase, Phase::Gathering | Phase::Waiting);
        if !founded || !open || self.right.told.is_some() {
            return;
        }
        let named = settings.founder.map(|founder| founder == self.instance.me());
        let held = match named {
            Some(named) => named,
            // Also a node that was told takes the lock: what it founds is noted there, and nobody founds it again.
            None => {
                let told = self.instance.0.parts.told_to_found;
                self.claim() || told
            }
        };
        if !held {
            return;
        }
        let right = if self.is_spent() { Right::Spent } else { Right::Granted };
        self.right.told = Some(right);
        self.step(Input::Founding(right)).await;
    }

    /// Takes the lock, if no other node of this machine has it.
    fn claim(&mut self) -> bool {
        let parts = &self.instance.0.parts;
        match parts.claims.claim(&parts.subject.item, self.instance.me()) {
            Ok(Some(claim)) => {
                let free = claim.marked().is_none();
                self.right.claim = free.then_some(claim);
                free
            }
            Ok(None) => false,
            Err(error) => {
                tracing::debug!(target: "mosaik::groups", "the founder's lock cannot be used: {error}");
                false
            }
        }
    }

    /// Whether a store that is gone has used the right. What lived in memory is gone with its process, and may begin again.
    fn is_spent(&self) -> bool {
        let parts = &self.instance.0.parts;
        let record = self.recorder.birth().record();
        let used = match &record.promise {
            Promise::Sealed { genesis } => {
                genesis.members.iter().all(|member| member.store != parts.store.id())
            }
            Promise::Bound { .. } => true,
            Promise::Free | Promise::Given { .. } => false,
        };
        used && parts.settings.storage == Storage::Durable
    }
}
