//! Verification, once per statement: what was verified lately is recognised by its hash.
//!
//! One announcement arrives over several links. Checking a signature costs fifty times what a hash costs. In a simulated world the
//! nodes share what they verified: a thousand nodes hold one copy of each entry, and check it once.

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
        if let Some(statement) = shared::known(&hash, &self.network) {
            return Ok(statement);
        }
        let known = self.lock().hashes.contains(&hash);
        if known {
            return signed.read(&self.network);
        }
        let statement = signed.verify(&self.network)?;
        if shared::learn(hash, &self.network, &statement) {
            return Ok(statement);
        }
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

/// Outside of simulations nothing is shared.
#[cfg(not(feature = "sim"))]
mod shared {
    use super::{NetworkId, Statement};

    pub(super) const fn known(_: &[u8; 32], _: &NetworkId) -> Option<Statement> {
        None
    }

    pub(super) const fn learn(_: [u8; 32], _: &NetworkId, _: &Statement) -> bool {
        false
    }
}

#[cfg(feature = "sim")]
mod shared {
    use std::{
        cell::RefCell,
        collections::{HashMap, VecDeque},
    };

    use super::{NetworkId, Statement};

    /// Statements that one world keeps.
    const MOST: usize = 32_768;

    thread_local! {
        static HERE: RefCell<Option<Shared>> = const { RefCell::new(None) };
    }

    /// What the nodes of one world verified. Whether a signature is good is the same for all of them.
    #[derive(Debug, Default)]
    pub(crate) struct Shared {
        statements: HashMap<[u8; 32], (NetworkId, Statement)>,
        order: VecDeque<[u8; 32]>,
    }

    /// Lends what a world verified to the nodes that run on this thread until the guard is dropped.
    pub(crate) fn lend(shared: &mut Shared) -> Lent<'_> {
        let before = HERE.replace(Some(std::mem::take(shared)));
        Lent { shared, before }
    }

    #[must_use]
    pub(crate) struct Lent<'a> {
        shared: &'a mut Shared,
        before: Option<Shared>,
    }

    impl Drop for Lent<'_> {
        fn drop(&mut self) {
            *self.shared = HERE.replace(self.before.take()).unwrap_or_default();
        }
    }

    pub(super) fn known(hash: &[u8; 32], network: &NetworkId) -> Option<Statement> {
        HERE.with_borrow(|here| {
            let (of, statement) = here.as_ref()?.statements.get(hash)?;
            (of == network).then(|| statement.clone())
        })
    }

    /// Returns whether this is a world, which keeps it.
    pub(super) fn learn(hash: [u8; 32], network: &NetworkId, statement: &Statement) -> bool {
        HERE.with_borrow_mut(|here| {
            let Some(shared) = here else { return false };
            if shared.statements.insert(hash, (*network, statement.clone())).is_none() {
                shared.order.push_back(hash);
            }
            if shared.order.len() > MOST
                && let Some(oldest) = shared.order.pop_front()
            {
                shared.statements.remove(&oldest);
            }
            true
        })
    }
}

#[cfg(feature = "sim")]
pub(crate) use shared::{Shared, lend};
