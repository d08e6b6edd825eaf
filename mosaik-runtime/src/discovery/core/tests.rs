//! The decisions, without network or clock.

mod detection;
mod differences;
mod merging;
mod versions;

use std::time::Duration;

use tokio::time::Instant;

use crate::primitives::{BootId, NetworkId, NodeRng, PeerId, SecretKey, Tag, Version};

use super::{super::entry::Entry, *};

pub(super) fn key(n: u8) -> SecretKey {
    SecretKey::from_bytes([n; 32])
}

pub(super) fn id(n: u8) -> PeerId {
    key(n).peer_id()
}

pub(super) fn network() -> NetworkId {
    NetworkId::derive("core-tests")
}

pub(super) fn version(incarnation: u64, counter: u64) -> Version {
    Version { incarnation, counter }
}

pub(super) fn entry(version: Version, boot: u128, tag: &str) -> Entry {
    let tags = Arc::new([Tag::new(tag).expect("a tag")].into());
    let (addresses, roles, protocols, extensions) = Default::default();
    Entry { version, boot: BootId(boot), addresses, tags, roles, protocols, extensions }
}

/// The entry of node `n`, as anyone reads it.
pub(super) fn peer(n: u8, at: Version) -> SharedPeer {
    peer_of(n, at, u128::from(n), "t")
}

pub(super) fn peer_of(n: u8, at: Version, boot: u128, tag: &str) -> SharedPeer {
    let signed = Signed::entry(&key(n), network(), &entry(at, boot, tag)).expect("small");
    match signed.verify(&network()) {
        Ok(Statement::Entry(peer)) => peer,
        other => panic!("an entry, not {other:?}"),
    }
}

pub(super) fn departure(n: u8, at: Version) -> Departure {
    let signed = Signed::departure(&key(n), network(), at);
    Departure { peer: id(n), version: at, signed }
}

pub(super) fn suspicion(of: u8, at: Version, by: u8) -> Statement {
    Statement::Suspicion(Suspicion { suspect: id(of), version: at, reporter: id(by) })
}

/// Node 1, which knows itself only.
pub(super) fn core(now: Instant) -> Core {
    core_with(now, TableLimits::default())
}

pub(super) fn core_with(now: Instant, limits: TableLimits) -> Core {
    let setup = Setup {
        key: key(1),
        network: network(),
        entry: entry(version(1, 0), 1, "me"),
        limits,
        timing: Timing::default(),
        rng: NodeRng::from_seed(1),
    };
    let mut core = Core::new(setup, now).expect("small");
    effects(&mut core);
    core
}

pub(super) fn effects(core: &mut Core) -> Vec<Effect> {
    std::iter::from_fn(|| core.next_effect()).collect()
}

/// The statements that the core wants gossiped.
pub(super) fn announced(core: &mut Core) -> Vec<Statement> {
    let effects = effects(core).into_iter();
    let signed =
        effects.filter_map(|effect| if let Effect::Announce(signed) = effect { Some(signed) } else { None });
    signed.map(|signed| signed.verify(&network()).expect("its own statements are sound")).collect()
}

pub(super) fn hear(core: &mut Core, peer: SharedPeer, via: Via, now: Instant) {
    core.heard(Statement::Entry(peer), via, Duration::ZERO, now);
}

pub(super) fn holds(core: &Core, n: u8) -> Option<Version> {
    core.catalog().get(&id(n)).map(|peer| peer.entry.version)
}

pub(super) fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Lets time pass as the driver does: at each deadline.
pub(super) fn pass(core: &mut Core, from: Instant, time: Duration) -> (Instant, Vec<Effect>) {
    let (end, mut all) = (from + time, effects(core));
    while core.next_deadline() <= end {
        core.tick(core.next_deadline());
        all.extend(effects(core));
    }
    (end, all)
}
