//! Keeps a bond with one peer: waits for the peer where that is its turn, dials, tries again.

use std::time::Duration;

use tokio::time::timeout;

use super::{
    Bonds,
    event::BondRefused,
    handshake::{self, Failed},
    live::Parts,
};
use crate::{
    admission::AskError,
    groups::wire::{GroupsProtocol, MAX_FIRST_FRAME},
    primitives::{
        PeerId, Scope,
        backoff::{self, Backoff},
    },
    transport::{Code, LinkError},
};

/// Waits between attempts.
const WAITS: backoff::Settings =
    backoff::Settings { first: Duration::from_millis(50), most: Duration::from_secs(2) };
/// How long to wait where nothing will change by itself.
const HOPELESS: Duration = Duration::from_secs(15);

/// Runs until the peer is withdrawn.
pub(super) async fn keep(bonds: Bonds, peer: PeerId, scope: Scope) {
    let kept = async {
        let mut waits = Backoff::new(WAITS, bonds.rng("groups dial"));
        let mut changed = bonds.0.changed.subscribe();
        loop {
            while bonds.get(peer).is_some() {
                waits.reset();
                if changed.changed().await.is_err() {
                    return;
                }
            }
            if bonds.me() > peer && timeout(bonds.timing().turn(), bonds.bonded(peer)).await.is_ok() {
                continue;
            }
            // Boxed: an attempt is seldom, and what it needs would be set aside for as long as the bond stands.
            let wait = match Box::pin(dial(&bonds, peer)).await {
                Ok(()) | Err(Failed::Bonded) => waits.next_wait(),
                Err(Failed::Refused(why)) => {
                    let hopeless = !why.may_pass();
                    bonds.tell_refused(peer, why).await;
                    if hopeless { HOPELESS } else { waits.next_wait() }
                }
                Err(Failed::Broken(error)) => {
                    tracing::debug!(target: "mosaik::groups", peer = %peer.short(), group = &*bonds.0.name, "no bond: {error}");
                    waits.next_wait()
                }
            };
            // A bond that the peer began ends the wait.
            let _ = timeout(wait, bonds.bonded(peer)).await;
        }
    };
    scope.until_stop(kept).await;
}

pub(super) async fn dial(bonds: &Bonds, peer: PeerId) -> Result<(), Failed> {
    let asked = bonds.0.admission.ask::<GroupsProtocol>(peer, bonds.ask(), bonds.0.policy.clone()).await;
    let admitted = asked.map_err(|error| match error {
        AskError::Refused(refusal) => Failed::Refused(BondRefused::ByThem(refusal)),
        AskError::NotWanted(refusal) => Failed::Refused(BondRefused::ByUs(refusal)),
        AskError::Link(error) => Failed::Broken(error),
        AskError::OutOfTurn => Failed::Broken(LinkError::Malformed(error.to_string())),
    })?;
    let (mut sender, mut receiver, lease) = admitted.into_parts();
    receiver.limit_frames(MAX_FIRST_FRAME);
    match handshake::dial(bonds, &mut sender, &mut receiver).await {
        Ok((hello, timing)) => {
            bonds.establish(Parts { hello, timing, sender, receiver, lease, dialled: true });
            Ok(())
        }
        Err(failed) => {
            sender.reset(Code::Refused);
            Err(failed)
        }
    }
}
