//! Verification, once per statement: what was verified lately is recognised by its hash.
//!
//! One announcement arrives over several links. Checking a signature costs fifty times what a hash costs.

use std::{
    collections::{BTreeSet, VecDeque},
    sync::{Mutex, PoisonError},
};

use crate::primitives::NetworkId;

use super::signed::{NotBelieved, Signed, Statement};

/// How many statements are recognised.
const MOST: usize = 4096;

#[derive(Debug)]
pub(crate) struct Verifier {
    network: NetworkId,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    hashes: BTreeSet<[u8; 32]>,
    order: VecDeque<[u8; 32]>,
}

impl Verifier {
    pub(crate) fn new(network: NetworkId) -> Self {
        Self { network, seen: Mutex::default() }
    }

    pub(crate) fn verify(&self, signed: &Signed) -> Result<Statement, NotBelieved> {
        let hash = signed.hash();
        let known = self.lock().hashes.contains(&hash);
        if known {
            return signed.read(&self.network);
        }
        let statement = signed.verify(&self.network)?;
        let mut seen = self.lock();
        if seen.hashes.insert(hash) {
            seen.order.push_back(hash);
        }
        if seen.order.len() > MOST
            && let Some(oldest) = seen.order.pop_front()
        {
            seen.hashes.remove(&oldest);
        }
        Ok(statement)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
