//! The nodes of a `World`: each runs the older or the newer program of one group, and gives it numbers.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard},
};

use mosaik::{group, methods};
use mosaik_runtime::{
    groups::{Declared, Group, InstanceView, machine::MachineSettings},
    node::{
        Result,
        world::{Nodes, Surroundings, millis, secs},
    },
};
use tokio::time::sleep;

const NETWORK: &str = "bank";

/// The older program.
pub(super) mod v1 {
    use std::collections::BTreeMap;

    use super::{group, methods};

    /// How often each number was given.
    #[group(state_machine, "bank.numbers", voters = 3, storage = durable)]
    #[derive(Debug, Default, Clone, PartialEq)]
    pub(crate) struct Numbers {
        pub(crate) given: BTreeMap<u64, u64>,
    }

    #[methods]
    impl Numbers {
        /// Takes a number, and says how many there are.
        pub fn give(&mut self, number: u64) -> u64 {
            *self.given.entry(number).or_default() += 1;
            self.given.len() as u64
        }

        /// What was given.
        pub fn all(&self) -> BTreeMap<u64, u64> {
            self.given.clone()
        }
    }
}

/// How often each number was given: to the older program, and to this one.
#[group(state_machine, "bank.numbers", voters = 3, storage = durable, from = v1::Numbers)]
#[derive(Debug, Default, Clone, PartialEq)]
pub(crate) struct Numbers {
    before: BTreeMap<u64, u64>,
    since: BTreeMap<u64, u64>,
}

impl From<v1::Numbers> for Numbers {
    fn from(older: v1::Numbers) -> Self {
        Self { before: older.given, since: BTreeMap::new() }
    }
}

/// What was given to the older program, and to the newer one.
pub(super) type All = (BTreeMap<u64, u64>, BTreeMap<u64, u64>);

#[methods]
impl Numbers {
    /// Takes a number, and says how many there are. It has the name and the arguments that it had before, and does something else.
    pub fn give(&mut self, number: u64) -> u64 {
        *self.since.entry(number).or_default() += 1;
        self.since.len() as u64
    }

    /// What was given.
    pub fn all(&self) -> All {
        (self.before.clone(), self.since.clone())
    }
}

/// What is known of a story.
#[derive(Debug, Default)]
pub(super) struct Book {
    /// The nodes that run the newer program from their next life on.
    pub(super) newer: BTreeSet<usize>,
    /// The last number that was given.
    last: u64,
    /// The numbers that were acknowledged, by the older program and by the newer one.
    pub(super) acknowledged: (BTreeSet<u64>, BTreeSet<u64>),
    /// What each node sees of the group.
    pub(super) views: BTreeMap<usize, InstanceView>,
    /// What each node holds.
    pub(super) held: BTreeMap<usize, All>,
    /// No more numbers.
    pub(super) closed: bool,
    /// Nodes that are in the middle of a command.
    pub(super) busy: BTreeSet<usize>,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Lab(Arc<Mutex<Book>>);

impl Lab {
    pub(super) fn book(&self) -> MutexGuard<'_, Book> {
        self.0.lock().expect("no node panics with the book open")
    }

    pub(super) fn members(&self, count: usize) -> Nodes {
        let lab = self.clone();
        let program = move |surroundings| {
            let lab = lab.clone();
            Box::pin(async move { lab.live(surroundings).await }) as _
        };
        Nodes::program("member", NETWORK, program).times(count)
    }

    async fn live(&self, surroundings: Surroundings) -> Result<()> {
        let number = surroundings.number;
        let is_newer = {
            let book = &mut *self.book();
            book.busy.remove(&number);
            book.views.remove(&number);
            book.held.remove(&number);
            book.newer.contains(&number)
        };
        match is_newer {
            true => self.newer(number, surroundings).await,
            false => self.older(number, surroundings).await,
        }
    }

    async fn older(&self, number: usize, surroundings: Surroundings) -> Result<()> {
        let network = surroundings.builder(NETWORK).build().await?;
        let group = network.groups().declared::<v1::Numbers>().limits(limits()).join().await?;
        let give = async {
            loop {
                let next = self.next(number).await;
                let given = group.with_deadline(secs(3)).give(next).await;
                self.gave(number, given.is_ok(), |book| _ = book.acknowledged.0.insert(next));
            }
        };
        let look = self.look(number, &group, |all: v1::Numbers| (all.given, BTreeMap::new()));
        tokio::join!(give, look).0
    }

    async fn newer(&self, number: usize, surroundings: Surroundings) -> Result<()> {
        let network = surroundings.builder(NETWORK).build().await?;
        let group = network.groups().declared::<Numbers>().limits(limits()).join().await?;
        let give = async {
            loop {
                let next = self.next(number).await;
                let given = group.with_deadline(secs(3)).give(next).await;
                self.gave(number, given.is_ok(), |book| _ = book.acknowledged.1.insert(next));
            }
        };
        let look = self.look(number, &group, |all: Numbers| (all.before, all.since));
        tokio::join!(give, look).0
    }

    async fn next(&self, number: usize) -> u64 {
        loop {
            sleep(millis(60)).await;
            let book = &mut *self.book();
            if !book.closed {
                book.last += 1;
                book.busy.insert(number);
                return book.last;
            }
        }
    }

    fn gave(&self, number: usize, acknowledged: bool, enter: impl FnOnce(&mut Book)) {
        let book = &mut *self.book();
        book.busy.remove(&number);
        if acknowledged {
            enter(book);
        }
    }

    async fn look<M: Declared + Clone>(&self, number: usize, group: &Group<M>, all: fn(M) -> All) {
        loop {
            self.book().views.insert(number, group.status());
            let held = tokio::time::timeout(millis(1), group.weak().with_index(Clone::clone)).await;
            if let Ok(Ok((_, held))) = held {
                self.book().held.insert(number, all(held));
            }
            sleep(millis(50)).await;
        }
    }
}

/// Snapshots are made often, and have several chunks.
fn limits() -> MachineSettings {
    MachineSettings { snapshot_entries: 40, chunk: 256, ..MachineSettings::default() }
}
