//! How this node is taken into a group that exists.

use std::{sync::Arc, time::Duration};

use tokio::time::sleep;

use super::{
    Instance,
    driver::{Done, Driver},
};
use crate::{
    groups::{
        MemberId,
        birth::ClusterId,
        status::{JoinRefused, Joining},
        wire::{Request, Response, Why},
    },
    primitives::PeerId,
};

/// How long to wait before the next attempt: doubled each time, up to the second one.
const PAUSE: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(2));
/// How long to wait when somebody has to do something first.
const FINAL: Duration = Duration::from_secs(10);

impl Driver {
    /// Asks to be taken in, until somebody does. One task asks at a time, whoever it was told to ask first.
    pub(super) fn join(&mut self, peer: PeerId, cluster: ClusterId) {
        if self.joining.is_some() {
            return;
        }
        let (instance, reports) = (self.instance.clone(), self.reports.clone());
        let scope = self.instance.scope().child();
        self.joining = Some(scope.clone());
        scope.spawn("groups join", async move {
            let generation = ask(&instance, peer, cluster).await;
            let member = MemberId::new(instance.me(), generation);
            // Without a driver there is nobody to take part.
            let _ = reports.send(Done::Joined(member, cluster)).await;
        });
    }

    /// Asks no more. An answer may be on its way: it does not count.
    pub(super) fn stop_asking(&mut self) {
        if let Some(asking) = self.joining.take() {
            asking.kill();
            self.instance.change_view(|view| view.joining = None);
        }
    }
}

/// Asks one node after the other, the leader as soon as somebody names it. Shows how that goes.
async fn ask(instance: &Instance, first: PeerId, cluster: ClusterId) -> u64 {
    let (mut next, mut pause) = (Some(first), PAUSE.0);
    let (mut last, mut joining) = (first, Joining::default());
    loop {
        let peer = next.take().or_else(|| another(instance, last, cluster));
        let refused = match peer {
            Some(peer) => {
                last = peer;
                (joining.attempts, joining.asked) = (joining.attempts + 1, Some(peer));
                match ask_one(instance, peer, cluster).await {
                    Ok(generation) => return generation,
                    Err(refused) => refused,
                }
            }
            None => JoinRefused::NoBond,
        };
        if let JoinRefused::Refused(Why::NotLeader { leader: Some(leader) }) = &refused {
            next = Some(leader.peer).filter(|leader| *leader != last);
        }
        let is_final = refused.is_final();
        if is_final && joining.refused.as_ref() != Some(&refused) {
            let group = instance.intent();
            tracing::error!(target: "mosaik::groups", group, peer = %last.short(), "this node was not taken in: {refused}");
        }
        joining.refused = Some(refused);
        instance.change_view(|view| view.joining = Some(Arc::new(joining.clone())));
        sleep(if is_final { FINAL } else { pause }).await;
        pause = (2 * pause).min(PAUSE.1);
    }
}

async fn ask_one(instance: &Instance, peer: PeerId, cluster: ClusterId) -> Result<u64, JoinRefused> {
    let bond = instance.bonds().get(peer).ok_or(JoinRefused::NoBond)?;
    let store = instance.0.parts.store.id();
    match bond.call(Request::Join { cluster, store }, instance.settings().timing().answer()).await {
        Ok(Response::Welcomed { generation }) => Ok(generation),
        Ok(Response::Refused(why)) => Err(JoinRefused::Refused(why)),
        Ok(_) => Err(JoinRefused::NoAnswer("it answers something else".to_owned())),
        Err(error) => Err(JoinRefused::NoAnswer(error.to_string())),
    }
}

/// The next bonded peer of the group after `last`, around the ring of ids.
fn another(instance: &Instance, last: PeerId, cluster: ClusterId) -> Option<PeerId> {
    let is_in =
        |peer: &PeerId| instance.bonds().get(*peer).is_some_and(|bond| bond.hello().cluster == Some(cluster));
    let peers: Vec<_> = instance.bonds().peers().into_iter().filter(is_in).collect();
    peers.iter().find(|peer| **peer > last).or(peers.first()).copied()
}
