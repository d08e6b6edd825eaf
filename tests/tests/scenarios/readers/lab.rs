//! The nodes of a `World`: members that write numbers, and readers that hold every entry of the log to the one before.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use mosaik::data;
use mosaik_runtime::{
    groups::{
        AppliedBatch, Apply, Era, Group, Learner, LearnerView, Observer, StateMachine, Version, Voters,
        machine::MachineSettings,
    },
    node::{
        Error, Result,
        world::{Nodes, Surroundings, secs},
    },
};

const NETWORK: &str = "library";
const NAME: &str = "library.numbers";

/// All numbers that were given, in order.
#[data]
#[derive(Debug, Default, Clone, PartialEq)]
pub(super) struct Numbers(pub(super) Vec<u64>);

impl StateMachine for Numbers {
    type Command = u64;
    type Reply = u64;
    type Query = ();
    type Answer = Vec<u64>;

    fn apply(&mut self, number: u64, cx: &Apply) -> u64 {
        self.0.push(number);
        cx.index()
    }

    fn query(&self, (): ()) -> Vec<u64> {
        self.0.clone()
    }
}

/// What one reader's life was told.
#[derive(Debug, Default, Clone)]
pub(super) struct Account {
    /// All numbers, as the commands said.
    pub(super) numbers: Vec<u64>,
    /// The last version.
    pub(super) version: Version,
    /// The eras, in the order in which they came.
    pub(super) eras: Vec<Era>,
    /// Jumps over snapshots.
    pub(super) jumps: u32,
    /// What was wrong.
    pub(super) wrong: Option<String>,
}

#[derive(Default)]
pub(super) struct Book {
    pub(super) accounts: BTreeMap<usize, Account>,
    pub(super) members: BTreeMap<usize, Group<Numbers>>,
    pub(super) readers: BTreeMap<usize, Learner<Numbers>>,
}

/// What the nodes and the test share.
#[derive(Clone)]
pub(super) struct Lab {
    book: Arc<Mutex<Book>>,
    voters: u8,
    limits: MachineSettings,
    kept: u64,
}

impl Lab {
    /// A group with so many voters.
    pub(super) fn new(voters: u8) -> Self {
        Self { book: Arc::default(), voters, limits: MachineSettings::default(), kept: 10_000 }
    }

    /// Its logs are short: snapshots are made often, and have several chunks.
    pub(super) fn with_short_logs(mut self) -> Self {
        let (snapshot_entries, snapshot_bytes, chunk) = (40, 2048, 512);
        self.limits = MachineSettings { snapshot_entries, snapshot_bytes, chunk, ..self.limits };
        self.kept = 10;
        self
    }

    pub(super) fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().expect("nobody panics with the book open")
    }

    pub(super) fn group(&self, node: usize) -> Group<Numbers> {
        self.book().members[&node].clone()
    }

    pub(super) fn reader(&self, node: usize) -> Learner<Numbers> {
        self.book().readers[&node].clone()
    }

    pub(super) fn account(&self, node: usize) -> Account {
        self.book().accounts[&node].clone()
    }

    pub(super) fn view(&self, node: usize) -> Option<LearnerView> {
        self.book().readers.get(&node).map(Learner::status)
    }

    pub(super) fn leader(&self) -> Option<usize> {
        let book = self.book();
        let leads = |(node, group): (&usize, &Group<Numbers>)| group.status().is_leader.then_some(*node);
        book.members.iter().find_map(leads)
    }

    pub(super) fn members(&self) -> Nodes {
        let lab = self.clone();
        let program = move |surroundings: Surroundings| {
            let lab = lab.clone();
            Box::pin(async move {
                let number = surroundings.number;
                let network = surroundings.builder(NETWORK).build().await?;
                let numbers = network.groups().machine(Numbers::default()).named(NAME);
                let numbers = numbers.voters(Voters::Count(lab.voters)).limits(lab.limits).keep_log(lab.kept);
                let numbers = numbers.join().await?;
                lab.book().members.insert(number, numbers);
                std::future::pending().await
            }) as _
        };
        Nodes::program("member", NETWORK, program).times(self.voters.into())
    }

    pub(super) fn readers(&self, count: usize) -> Nodes {
        let lab = self.clone();
        let program = move |surroundings: Surroundings| {
            let lab = lab.clone();
            Box::pin(async move {
                let number = surroundings.number;
                let network = surroundings.builder(NETWORK).build().await?;
                let numbers = network.groups().machine(Numbers::default()).named(NAME);
                let numbers = numbers.limits(lab.limits).learn().await?;
                lab.book().accounts.insert(number, Account::default());
                let _observing = numbers.observe(Arc::new(Clerk { number, lab: lab.clone() }));
                lab.book().readers.insert(number, numbers);
                loop {
                    tokio::time::sleep(secs(1)).await;
                    if let Some(wrong) = &lab.book().accounts[&number].wrong {
                        return Err(Error::msg(wrong));
                    }
                }
            }) as _
        };
        Nodes::program("reader", NETWORK, program).times(count)
    }

    /// Gives numbers to the leader until all are acknowledged.
    pub(super) async fn write(&self, node: usize, numbers: std::ops::Range<u64>) -> Result<()> {
        let group = self.group(node).with_deadline(Duration::from_secs(60));
        for number in numbers {
            group.execute(number).await?;
        }
        Ok(())
    }
}

/// Holds what a reader is told to what it was told before.
struct Clerk {
    number: usize,
    lab: Lab,
}

impl Clerk {
    fn enter(&self, enter: impl FnOnce(&mut Account)) {
        enter(self.lab.book().accounts.entry(self.number).or_default());
    }
}

impl Observer<Numbers> for Clerk {
    fn applied(&self, batch: &AppliedBatch<'_, Numbers>) {
        self.enter(|account| {
            let (before, version) = (account.version, batch.version());
            account.numbers.extend(batch.commands());
            if version != Version::new(before.era, before.index + 1)
                && before.era.is_some()
                && before.index > 0
            {
                account.wrong.get_or_insert(format!("entry {version} after {before}"));
            }
            if account.numbers != batch.state().0 {
                account.wrong.get_or_insert(format!("the commands do not add up to the state at {version}"));
            }
            account.version = version;
        });
    }

    fn reset(&self, version: Version, state: &Numbers) {
        self.enter(|account| {
            let before = account.version;
            if account.eras.last() != Some(&version.era) {
                account.eras.push(version.era);
            } else if before.era == version.era {
                account.jumps += 1;
                if version < before || !state.0.starts_with(&account.numbers) {
                    account.wrong.get_or_insert(format!("it went from {before} back to {version}"));
                }
            }
            account.numbers.clone_from(&state.0);
            account.version = version;
        });
    }
}
