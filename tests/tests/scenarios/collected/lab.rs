//! The nodes of a story in its `World`: members with writers of all containers and clients, and a reader. All of them are watched.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use mosaik_runtime::{
    collections::{
        Bundle, Cell, Collection, CollectionBuilder, Container, Machine, Once, Part, Reader, View, Write,
    },
    groups::{
        AppliedBatch, GroupBuilder, InstanceView, Observer, Storage, Version, Voters,
        machine::MachineSettings,
    },
    node::{
        Network, Result,
        world::{Nodes, Surroundings, millis, secs},
    },
    primitives::{NodeRng, codec},
};
use tokio::time::{sleep, timeout};

use super::{
    clients::Shelf,
    followed::{Contents, Followed},
    journal::{Journal, Outcome, broken},
    model::{Marks, Numbers, PARTS, Queue, Row},
};
use crate::faults::{plan::Plan, storm::Stage};

/// The network of all stories.
const NETWORK: &str = "shelf";
/// The group.
const NAME: &str = "lab.shelf";
/// Clients on each node.
const CLIENTS: usize = 4;
/// How long a client waits for an answer.
const DEADLINE: Duration = secs(4);

/// Snapshots are made often, and have several chunks.
fn limits() -> MachineSettings {
    MachineSettings { snapshot_entries: 60, snapshot_bytes: 4096, chunk: 512, ..MachineSettings::default() }
}

/// All containers in one group.
pub(super) struct Everything;

impl Bundle for Everything {
    fn parts() -> Vec<Part> {
        vec![
            Part::new::<Numbers>(PARTS[0]),
            Part::new::<Row>(PARTS[1]),
            Part::new::<Marks>(PARTS[2]),
            Part::new::<Cell<u64>>(PARTS[3]),
            Part::new::<Once<u64>>(PARTS[4]),
            Part::new::<Queue>(PARTS[5]),
        ]
    }
}

/// What a node knows of the group at the end.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Copy {
    pub(super) index: u64,
    /// The bytes of each container.
    pub(super) bytes: Vec<Vec<u8>>,
    /// What came of their changes.
    pub(super) followed: Contents,
}

/// All that is known of a story.
#[derive(Default)]
pub(super) struct Book {
    pub(super) journal: Journal,
    pub(super) views: BTreeMap<usize, InstanceView>,
    pub(super) copies: BTreeMap<usize, Copy>,
    /// Writes that each node had acknowledged.
    pub(super) served: BTreeMap<usize, u64>,
    /// Something that cannot be, in the log.
    pub(super) wrong: Option<String>,
    next: u64,
    pub(super) closed: bool,
    pub(super) busy: usize,
}

/// What the nodes and the test share.
#[derive(Clone)]
pub(super) struct Lab {
    book: Arc<Mutex<Book>>,
    plan: Arc<Plan>,
}

/// What a node sees of one container: at which version, and its bytes.
type Sight = Box<dyn Fn() -> (Version, Vec<u8>) + Send + Sync>;

fn sight<T: Container>(view: &View<T>) -> Sight {
    let view = view.clone();
    Box::new(move || {
        let snapshot = view.snapshot();
        (snapshot.version(), codec::encode(&*snapshot).expect("it encodes"))
    })
}

/// A call under way.
struct Busy<'a>(&'a Lab);

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.book().busy -= 1;
    }
}

type Opened<T> = CollectionBuilder<T, Everything>;

impl Lab {
    pub(super) fn new(plan: &Plan) -> Self {
        Self { book: Arc::default(), plan: Arc::new(plan.clone()) }
    }

    pub(super) fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().expect("no node panics with the book open")
    }

    pub(super) fn members(&self) -> Nodes {
        self.nodes("member", self.plan.nodes, true)
    }

    pub(super) fn readers(&self, count: usize) -> Nodes {
        self.nodes("reader", count, false)
    }

    fn nodes(&self, name: &'static str, count: usize, is_member: bool) -> Nodes {
        let lab = self.clone();
        let program = move |surroundings: Surroundings| {
            let lab = lab.clone();
            Box::pin(async move { lab.live(surroundings, is_member).await }) as _
        };
        Nodes::program(name, NETWORK, program).times(count)
    }

    async fn live(&self, surroundings: Surroundings, is_member: bool) -> Result<()> {
        let (number, stop) = (surroundings.number, surroundings.stop.clone());
        let rng = surroundings.rng.clone().split("clients");
        let network = surroundings.builder(NETWORK).build().await?;
        tokio::select! { biased;
            () = stop.cancelled() => {
                network.shutdown().await;
                Ok(())
            }
            ended = self.work(number, &network, rng, is_member) => ended,
        }
    }

    fn settings(&self, group: GroupBuilder<Machine<Everything>>) -> GroupBuilder<Machine<Everything>> {
        let storage = if self.plan.durable { Storage::Durable } else { Storage::Memory };
        let group = group.voters(Voters::Count(self.plan.voters)).storage(storage);
        group.evict_after(secs(20)).limits(limits()).keep_log(50)
    }

    fn part<T: Container>(&self, network: &Network, part: usize) -> Opened<T> {
        network.collections().bundle::<Everything>(NAME).part::<T>(PARTS[part])
    }

    async fn writer<T>(&self, network: &Network, part: usize) -> Result<Write<T>>
    where
        T: Container + Collection<Container = T>,
    {
        let open = self.part::<T>(network, part).group(|group| self.settings(group));
        Ok(open.writer().await?.with_deadline(DEADLINE))
    }

    async fn reader<T>(&self, network: &Network, part: usize) -> Result<Reader<T>>
    where
        T: Container + Collection<Container = T>,
    {
        Ok(self.part::<T>(network, part).group(|group| group.limits(limits())).reader().await?)
    }

    async fn work(&self, number: usize, network: &Network, mut rng: NodeRng, is_member: bool) -> Result<()> {
        self.book().copies.remove(&number);
        if !is_member {
            let numbers = self.reader::<Numbers>(network, 0).await?;
            let row = self.reader::<Row>(network, 1).await?;
            let marks = self.reader::<Marks>(network, 2).await?;
            let cell = self.reader::<Cell<u64>>(network, 3).await?;
            let once = self.reader::<Once<u64>>(network, 4).await?;
            let queue = self.reader::<Queue>(network, 5).await?;
            let sights =
                [sight(&numbers), sight(&row), sight(&marks), sight(&cell), sight(&once), sight(&queue)];
            let followed = Followed::of((&numbers, &row, &marks), (&cell, &once, &queue));
            return self.watch(number, &sights, followed, || Ok(())).await;
        }
        let shelf = Shelf {
            numbers: self.writer(network, 0).await?,
            row: self.writer(network, 1).await?,
            marks: self.writer(network, 2).await?,
            cell: self.writer(network, 3).await?,
            once: self.writer(network, 4).await?,
            queue: self.writer(network, 5).await?,
        };
        // The same group once more: what its log says.
        let group = network.groups().machine(Machine::<Everything>::default()).named(NAME);
        let group = self.settings(group).join().await?;
        let _observing = group.observe(Arc::new(Clerk(self.clone())));
        self.book().views.remove(&number);
        let clients = (0..CLIENTS).map(|_| self.client(number, shelf.clone(), rng.split("client")));
        let look = || self.look(number, shelf.numbers.status());
        let Shelf { numbers, row, marks, cell, once, queue } = &shelf;
        let sights = [sight(numbers), sight(row), sight(marks), sight(cell), sight(once), sight(queue)];
        let followed = Followed::of((numbers, row, marks), (cell, once, queue));
        tokio::try_join!(
            futures::future::try_join_all(clients),
            self.watch(number, &sights, followed, look)
        )?;
        Ok(())
    }

    /// Changes something, again and again.
    async fn client(&self, number: usize, shelf: Shelf, mut rng: NodeRng) -> Result<()> {
        loop {
            sleep(millis(5 + rng.below(75) as u64)).await;
            if self.book().closed {
                sleep(secs(1)).await;
                continue;
            }
            let (call, at) = {
                let book = &mut *self.book();
                book.next += 20;
                book.busy += 1;
                let call = shelf.any(&mut rng, book.next);
                let at = book.journal.calls(call.operations.clone());
                (call, at)
            };
            let _busy = Busy(self);
            let (outcome, version) = call.given.await?;
            if matches!(outcome, Outcome::Done(..)) {
                *self.book().served.entry(number).or_default() += 1;
            }
            self.book().journal.came(at, outcome);
            if let Some(version) = version.filter(|_| rng.below(4) == 0) {
                self.reaches(&shelf, version).await?;
            }
        }
    }

    /// C2: what was acknowledged is read where its version is reached.
    async fn reaches(&self, shelf: &Shelf, version: Version) -> Result<()> {
        match timeout(DEADLINE, shelf.numbers.when().reaches(version).into_future()).await {
            Ok(Ok(())) if shelf.numbers.version() < version => {
                Err(broken("C2", format!("{version} is reached and {} is read", shelf.numbers.version())))
            }
            Ok(Err(changed)) => Err(broken("C1", changed.to_string())),
            _ => Ok(()),
        }
    }

    fn look(&self, number: usize, view: InstanceView) -> Result<()> {
        if let Some(why) = &view.failed {
            return Err(broken("R12", format!("the member on node {number} stopped: {why}")));
        }
        if let Some(wrong) = self.book().wrong.take() {
            return Err(broken("C3", wrong));
        }
        self.book().views.insert(number, view);
        Ok(())
    }

    /// Follows all containers by their changes, and looks at them.
    async fn watch(
        &self,
        number: usize,
        sights: &[Sight; PARTS.len()],
        mut followed: Followed,
        look: impl Fn() -> Result<()>,
    ) -> Result<()> {
        let mut before = Version::default();
        loop {
            look()?;
            followed.take_all(number)?;
            let (mut copy, mut seen) = (Copy::default(), before);
            for (part, sight) in sights.iter().enumerate() {
                let (version, bytes) = sight();
                if version.era == seen.era && version < seen {
                    return Err(broken("C1", format!("node {number} went back from {seen} to {version}")));
                }
                if version.index > 0 {
                    self.book().journal.sees(version.index, part, bytes.clone())?;
                }
                seen = version;
                copy.bytes.push(bytes);
            }
            before = seen;
            copy.index = seen.index;
            copy.followed = followed.contents.clone();
            self.book().copies.insert(number, copy);
            sleep(millis(100)).await;
        }
    }
}

/// Writes down what the log says.
struct Clerk(Lab);

impl Observer<Machine<Everything>> for Clerk {
    fn applied(&self, batch: &AppliedBatch<'_, Machine<Everything>>) {
        let book = &mut *self.0.book();
        let requests = batch.commands().collect();
        if let Err(wrong) = book.journal.applied(batch.version(), batch.now().as_millis(), requests) {
            book.wrong.get_or_insert(wrong.to_string());
        }
    }

    fn reset(&self, _: Version, _: &Machine<Everything>) {}
}

impl Stage for Lab {
    fn leader(&self) -> Option<usize> {
        let book = self.book();
        let leading = book.views.iter().filter(|(_, view)| view.is_leader);
        leading.max_by_key(|(_, view)| view.term).map(|(node, _)| *node)
    }

    fn is_down(&self, node: usize) {
        let book = &mut *self.book();
        book.views.remove(&node);
        book.copies.remove(&node);
    }

    fn forgets(&self, node: usize) {
        self.is_down(node);
    }

    fn may_lose_one(&self, nodes: usize) -> bool {
        let book = self.book();
        let voters = usize::from(self.plan.voters);
        let whole = |view: &InstanceView| view.voters.len() == voters && view.is_online();
        let votes = |view: &InstanceView| view.member.is_some_and(|member| view.voters.contains(&member));
        let up = book.views.values().filter(|view| whole(view) && votes(view)).count();
        book.views.len() == nodes && up >= voters
    }
}
