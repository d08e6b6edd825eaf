//! A birth against a table of what it takes, and births against each other on a network of their own.

mod births;
mod lab;
mod lost;
mod matrix;
mod swarm;

use super::*;
use crate::primitives::{BootId, PeerId, WireId};

fn peer(n: u8) -> PeerId {
    PeerId::from_bytes([n; 32])
}

fn member(n: u8) -> Member {
    Member { peer: peer(n), store: StoreId(u64::from(n)) }
}

fn group() -> WireId {
    WireId::from_bytes([9; 32])
}

fn seen(n: u8) -> Input {
    Input::PeerSeen { member: member(n), boot: BootId(u128::from(n)), eligible: true }
}

fn ready(n: u8) -> Input {
    Input::PeerReady { peer: peer(n), boot: BootId(u128::from(n)) }
}

fn list(proposer: u8, attempt: u32, members: &[u8]) -> Genesis {
    Genesis::new(group(), member(proposer), attempt, members.iter().map(|n| member(*n)).collect())
}

fn promised(n: u8, genesis: &Genesis) -> Input {
    Input::PeerPromised { peer: peer(n), genesis: genesis.clone(), by: member(n) }
}

/// A birth whose store is open and empty.
fn open(n: u8, voters: Voters) -> Birth {
    let mut birth = Birth::new(Config::new(group(), voters), member(n), Record::default());
    birth.step(Input::LocalReady { holds: None }).expect("the store opens once");
    birth
}

fn take(birth: &mut Birth, input: Input) -> Vec<Effect> {
    birth.step(input.clone()).unwrap_or_else(|rejected| panic!("{input:?}: {rejected}")).effects
}
