//! The view of a birth.

use std::collections::BTreeSet;

use super::{
    super::{
        config::Voters,
        input::Right,
        record::Promise,
        view::{Missing, Phase, View},
    },
    Birth,
};
use crate::primitives::PeerId;

impl Birth {
    /// What the birth looks like now.
    pub fn view(&self) -> View {
        let promised = match &self.record.promise {
            Promise::Given { genesis, .. } => Some(genesis.hash()),
            Promise::Free | Promise::Sealed { .. } | Promise::Bound { .. } => None,
        };
        View {
            phase: self.phase,
            wanted: self.config.voters.count(),
            seen: self.seen(),
            ready: if self.phase == Phase::Dormant { 0 } else { self.ready().len() },
            missing: self.missing(),
            promised,
            cluster: self.cluster,
        }
    }

    fn missing(&self) -> Missing {
        match self.phase {
            Phase::Dormant => Missing::Store,
            Phase::Concluded | Phase::Resuming | Phase::Joining => Missing::Nothing,
            Phase::Gathering | Phase::Waiting | Phase::TimedOut => self.missing_to_be_born(),
        }
    }

    /// The members of the promise that have not said that they know nothing of the group.
    fn unheard(&self) -> BTreeSet<PeerId> {
        let has_said =
            |peer: &PeerId| *peer == self.me.peer || self.peers.get(peer).is_some_and(|peer| peer.ready);
        self.record
            .promise
            .members()
            .iter()
            .map(|member| member.peer)
            .filter(|peer| !has_said(peer))
            .collect()
    }

    fn missing_to_be_born(&self) -> Missing {
        match &self.record.promise {
            Promise::Given { genesis, .. } => {
                let peers = genesis.members.iter().map(|member| member.peer);
                return Missing::Promises(peers.filter(|peer| !self.heard.contains(peer)).collect());
            }
            // The group was sealed by a store that is gone: somebody else has to know it.
            Promise::Sealed { .. } | Promise::Bound { .. }
                if !self.config.in_memory && !self.is_founded() =>
            {
                return Missing::Group;
            }
            Promise::Sealed { .. } | Promise::Bound { .. }
                if self.config.in_memory && !self.unheard().is_empty() =>
            {
                return Missing::Answers(self.unheard());
            }
            Promise::Sealed { .. } | Promise::Bound { .. } if !self.is_founded() => return Missing::Group,
            Promise::Sealed { .. } | Promise::Bound { .. } | Promise::Free => {}
        }
        if !self.config.eligible {
            return Missing::Group;
        }
        if self.is_founded() {
            let right = self.right == Some(Right::Granted);
            return if right { Missing::Survey } else { Missing::Founder };
        }
        let ready: BTreeSet<_> = self.ready().into_iter().map(|member| member.peer).collect();
        let missing = match &self.config.voters {
            Voters::List(peers) => Missing::Listed(peers.difference(&ready).copied().collect()),
            voters => Missing::Voters(voters.count().saturating_sub(ready.len())),
        };
        match missing {
            Missing::Voters(0) => Missing::Proposal,
            Missing::Listed(peers) if peers.is_empty() => Missing::Proposal,
            other => other,
        }
    }
}
