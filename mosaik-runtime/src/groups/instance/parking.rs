//! A group that nobody uses is parked: its members keep no time, and the nodes ask each other once whether they are alive, for all
//! groups that they share.
//!
//! The leader decides, when nothing happened for a while and all members that are there have everything. It says no more heartbeats, and
//! each of the others agrees to expect none for as long as the leader's node is alive. A command, a read, a change of the membership, a
//! member that comes or goes, a lost leader, and any question of Raft end it. A member that ends it alone wakes the others, by its
//! questions.

use std::time::Duration;

use futures::future::join_all;
use openraft::async_runtime::watch::WatchReceiver;
use tokio::time::{Instant, sleep};

use super::{
    Instance,
    driver::{Done, Driver},
    running::{LogId, Metrics, Running},
};
use crate::{
    groups::{
        MemberId,
        bond::BondEvent,
        pulse::Following,
        raft::Pace,
        settings::Leads,
        wire::{ParkAsk, Request, Response},
    },
    primitives::watch,
};

/// What a driver knows of parking.
#[derive(Default)]
pub(super) struct Parking {
    pub(super) pace: Option<watch::Receiver<Pace>>,
    /// While this member is parked and follows another one.
    pub(super) following: Option<Following>,
    /// When this member wakes, since it lost its leader.
    pub(super) wakes_at: Option<Instant>,
    /// What was seen of the group last, and since when it has not changed.
    seen: Option<(Signs, Instant)>,
    is_asking: bool,
}

/// What changes when a group is used.
#[derive(Debug, Clone, PartialEq)]
struct Signs {
    term: u64,
    last: Option<u64>,
    membership: Option<u64>,
    uses: u64,
}

impl Parking {
    /// Raft begins, awake.
    pub(super) fn begin(&mut self, pace: watch::Receiver<Pace>, now: Instant) {
        *self = Self { pace: Some(pace), ..Self::default() };
        self.asked(now);
    }

    /// The members were asked.
    pub(super) fn asked(&mut self, now: Instant) {
        self.is_asking = false;
        self.begins_anew(now);
    }

    /// From now on it counts how long nobody uses the group.
    fn begins_anew(&mut self, now: Instant) {
        if let Some((_, since)) = &mut self.seen {
            *since = now;
        }
    }

    fn pace(&self) -> Pace {
        self.pace.as_ref().map_or(Pace::Awake, |pace| *pace.borrow())
    }

    /// For how long nothing has changed.
    fn rests(&mut self, signs: Signs, now: Instant) -> Duration {
        match &self.seen {
            Some((seen, since)) if *seen == signs => now.saturating_duration_since(*since),
            _ => {
                self.seen = Some((signs, now));
                Duration::ZERO
            }
        }
    }
}

/// Waits until the pace changes. Cancel-safe.
pub(super) async fn paced(pace: &mut Option<watch::Receiver<Pace>>) -> Pace {
    match pace {
        Some(pace) => {
            if pace.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
            *pace.borrow_and_update()
        }
        None => std::future::pending().await,
    }
}

/// Waits until the node of the leader is lost. Cancel-safe.
pub(super) async fn lost(following: &mut Option<Following>) {
    match following {
        Some(following) => following.lost().await,
        None => std::future::pending().await,
    }
}

impl Driver {
    pub(super) fn is_parked(&self) -> bool {
        self.parking.pace() != Pace::Awake
    }

    /// The pace has changed. Says whether there is something to look at.
    pub(super) fn paced(&mut self, pace: Pace) -> bool {
        if self.instance.has_failed() {
            self.ends_parking();
            return false;
        }
        match pace {
            Pace::Follows(leader) => {
                let bonds = self.instance.bonds().clone();
                self.parking.following = Some(self.instance.0.parts.pulse.follow(leader.peer, bonds));
                if self.instance.bonds().get(leader.peer).is_none() {
                    self.loses_leader();
                }
            }
            Pace::Lost => {
                self.parking.following = None;
                self.wakes_soon();
            }
            Pace::Leads | Pace::Awake => self.parking.following = None,
        }
        let parked = pace != Pace::Awake;
        if !parked {
            self.parking.wakes_at = None;
            self.parking.begins_anew(self.instance.clock().now());
        }
        self.instance.show_parked(parked);
        !parked
    }

    /// The member here is at its end: it is not parked, and follows nobody.
    pub(super) fn ends_parking(&mut self) {
        self.parking = Parking::default();
        self.instance.show_parked(false);
    }

    /// The node of the leader is lost.
    pub(super) fn loses_leader(&mut self) {
        let Some((running, _)) = &self.raft else { return };
        running.server.lost();
        self.wakes_soon();
    }

    /// A member that lost its leader wakes, a little apart from the others.
    fn wakes_soon(&mut self) {
        let Some((running, _)) = &self.raft else { return };
        if self.parking.wakes_at.is_none() && running.server.pace() == Pace::Lost {
            // One after the other, so that the first can win before the next one stands.
            let most = self.instance.settings().timing().wait().as_millis();
            let apart = self.instance.throw(usize::try_from(most).unwrap_or(usize::MAX));
            let apart = Duration::from_millis(apart as u64);
            self.parking.wakes_at = Some(self.instance.clock().now() + apart);
        }
    }

    /// This member keeps time again; its election timeout is over.
    pub(super) async fn wakes(&mut self) {
        self.parking.wakes_at = None;
        if let Some((running, _)) = &self.raft {
            running.server.wake().await;
        }
    }

    /// Something happens to a bond: that may end the rest of a group.
    pub(super) async fn bond_while_parked(&mut self, event: &BondEvent) {
        let Some((running, _)) = self.raft.clone() else { return };
        let known = |peer| self.peers.get(peer);
        let (peer, matters) = match event {
            BondEvent::Up { peer, .. } | BondEvent::Down { peer, .. } => (peer, true),
            BondEvent::Changed { peer, hello } => {
                let same = |known: &crate::groups::wire::Hello| {
                    (known.member, known.cluster, known.eligible)
                        == (hello.member, hello.cluster, hello.eligible)
                };
                (peer, !known(peer).is_some_and(same))
            }
            BondEvent::Told { .. } | BondEvent::Refused { .. } => return,
        };
        match running.server.pace() {
            Pace::Leads if matters => {
                running.server.wake().await;
            }
            Pace::Follows(leader) if matters && leader.peer == *peer => self.loses_leader(),
            _ => {}
        }
    }

    /// Parks the group, if nobody used it for a while.
    pub(super) fn consider_parking(&mut self) {
        let Some((running, _)) = self.raft.clone() else { return };
        if self.is_parked() || self.parking.is_asking {
            return;
        }
        let metrics = running.raft.metrics().borrow_watched().clone();
        let signs = Signs {
            term: metrics.current_term,
            last: metrics.last_log_index,
            membership: metrics.membership_config.log_id().as_ref().map(|id| id.index),
            uses: running.server.uses(),
        };
        let uses = signs.uses;
        let rests = self.parking.rests(signs, self.instance.clock().now());
        if rests < self.instance.settings().rest_after {
            return;
        }
        let Some(members) = self.who_parks(&running, &metrics) else { return };
        self.parking.is_asking = true;
        let ask = running.server.park_ask();
        let (instance, reports) = (self.instance.clone(), self.reports.clone());
        self.instance.scope().spawn("groups park", async move {
            if !park(&instance, &running, ask, members, uses).await {
                running.server.wake().await;
            }
            let _ = reports.send(Done::Parked).await;
        });
    }

    /// The members that have to agree; nothing if this is no time to park.
    fn who_parks(&self, running: &Running, metrics: &Metrics) -> Option<Vec<MemberId>> {
        let managing = self.managing.as_ref()?;
        let quiet = !managing.is_changing
            && !running.server.is_contested()
            && self.instance.settings().leads == Leads::Normal
            && self.instance.0.view.borrow().conflict.is_none();
        let situation = self.situation(running, metrics).filter(|situation| quiet && !situation.joint)?;
        let index = |id: &Option<LogId>| id.as_ref().map(|id| id.index);
        if index(&metrics.last_applied) != metrics.last_log_index
            || index(&metrics.local_committed) != metrics.last_log_index
        {
            return None;
        }
        let mut members = Vec::new();
        for seen in situation.bonds.values().filter(|seen| seen.eligible) {
            // Somebody who is on the way in has to be taken in first.
            let member = seen.member?;
            let known = situation.voters.contains(&member) || situation.learners.contains(&member);
            if !known || situation.matched.get(&member) != Some(&situation.last) {
                return None;
            }
            members.push(member);
        }
        let votes = |member: &&MemberId| situation.voters.contains(member);
        let there = members.iter().chain([&running.member]).filter(votes).count();
        (2 * there > situation.voters.len()).then_some(members)
    }
}

/// Parks the leader, then the others. If one of them does not agree, nobody is parked: the next heartbeat wakes whoever was.
async fn park(
    instance: &Instance,
    running: &Running,
    ask: ParkAsk,
    members: Vec<MemberId>,
    uses: u64,
) -> bool {
    let timing = instance.settings().timing();
    running.server.park_leader();
    // A heartbeat under way would wake whom it reaches.
    sleep(timing.heartbeat()).await;
    let asked = members.into_iter().map(|to| async move {
        let Some(bond) = instance.bonds().get(to.peer) else { return false };
        let request = Request::Park(ParkAsk { to, ..ask });
        matches!(bond.call(request, timing.agrees()).await, Ok(Response::Parked))
    });
    let agreed = join_all(asked).await.into_iter().all(|agrees| agrees);
    agreed && running.server.uses() == uses
}

impl Instance {
    /// Shows whether the member here is parked.
    pub(super) fn show_parked(&self, parked: bool) {
        if self.0.view.borrow().parked != parked {
            self.change_view(|view| view.parked = parked);
        }
        let group = self.subject().intent.clone();
        metrics::gauge!("mosaik_groups_parked", "group" => group).set(f64::from(u8::from(parked)));
    }

    /// A number below this one.
    fn throw(&self, below: usize) -> usize {
        self.0.rng.lock().unwrap_or_else(std::sync::PoisonError::into_inner).below(below)
    }
}
