//! A group whose state had another type before, in a chain of three, with no prelude.
#![deny(warnings)]
#![deny(missing_docs)]

use mosaik::groups::{Declared, Group, StateMachine};

/// The first version, as it was.
pub mod v1 {
    /// The replicated state.
    #[mosaik::group(state_machine, "bank.ledger", voters = 3)]
    #[derive(Default)]
    pub struct Ledger {
        pub(crate) total: u32,
    }

    #[mosaik::methods]
    impl Ledger {
        /// Pays in.
        pub fn deposit(&mut self, amount: u32) -> u32 {
            self.total += amount;
            self.total
        }
    }
}

/// The second one.
pub mod v2 {
    use super::v1;

    /// The replicated state.
    #[mosaik::group(state_machine, "bank.ledger", voters = 3, from = v1::Ledger)]
    #[derive(Default)]
    pub struct Ledger {
        pub(crate) total: u64,
    }

    #[mosaik::methods]
    impl Ledger {
        /// Pays in.
        pub fn deposit(&mut self, amount: u64) -> u64 {
            self.total += amount;
            self.total
        }
    }

    impl From<v1::Ledger> for Ledger {
        fn from(before: v1::Ledger) -> Self {
            Self { total: before.total.into() }
        }
    }
}

/// The replicated state.
#[mosaik::group(state_machine, "bank.ledger", voters = 3, from = v2::Ledger)]
#[derive(Default)]
pub struct Ledger {
    total: u64,
    deposits: u64,
}

#[mosaik::methods]
impl Ledger {
    /// Pays in.
    pub fn deposit(&mut self, amount: u64) -> u64 {
        (self.total, self.deposits) = (self.total + amount, self.deposits + 1);
        self.total
    }

    /// How often somebody paid in.
    pub fn deposits(&self) -> u64 {
        self.deposits
    }
}

impl From<v2::Ledger> for Ledger {
    fn from(before: v2::Ledger) -> Self {
        Self { total: before.total, deposits: 0 }
    }
}

/// A node may have one version of a group.
pub async fn teller(ledger: Group<Ledger>) -> mosaik::Result {
    ledger.deposit(5).await?;
    ledger.deposits().await?;
    Ok(())
}

fn is_machine<M: StateMachine + Declared>() -> bool {
    M::earlier().is_some()
}

fn main() {
    assert!(!is_machine::<v1::Ledger>() && is_machine::<v2::Ledger>() && is_machine::<Ledger>());
    let ids = [v1::Ledger::DESCRIPTOR, v2::Ledger::DESCRIPTOR, Ledger::DESCRIPTOR].map(|one| one.id());
    assert!(ids[0] == ids[1] && ids[1] == ids[2], "one group");
    let ledger = Ledger::from(v2::Ledger::from(v1::Ledger { total: 7 }));
    assert_eq!((ledger.total, ledger.deposits), (7, 0));
    let _ = teller;
}
