//! The nodes of a story in its `World`: producers and consumers of one stream, and what they share with the test.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use futures::StreamExt;
use mosaik::stream;
use mosaik_runtime::{
    discovery::Discovery,
    node::{
        Error, Network, Result,
        world::{Nodes, Surroundings, millis, secs},
    },
    primitives::{BootId, PeerId, Policy, Tag, policy},
    topology::Overflow,
};
use tokio::{
    sync::Notify,
    time::{Instant, sleep},
};

use super::{
    items::Items,
    members::Members,
    plan::{Fault, Plan},
};

/// The network of all stories.
pub(super) const NETWORK: &str = "lab";
/// The tag that consumers need where a policy is on.
pub(super) const READER: &str = "reader";
/// The bytes that a subscription may lag behind.
pub(super) const BUFFER: usize = 64 * 1024;
/// How long a producer waits for one consumer under `block`.
const PATIENCE: Duration = secs(5);

/// What travels: a number that must be the item's own, and some weight.
#[derive(Debug)]
#[stream("lab.lesson")]
pub(super) struct Lesson {
    pub(super) number: u64,
    pub(super) weight: String,
}

/// How a consumer reads.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Temper {
    #[default]
    Brisk,
    Slow,
    Stalled,
}

/// What the test wants of one node.
#[derive(Debug, Default)]
struct Wish {
    tags: BTreeSet<String>,
    temper: Temper,
    changed: Arc<Notify>,
}

/// All that is known of a story's nodes.
#[derive(Debug, Default)]
pub(super) struct Book {
    pub(super) items: Items,
    pub(super) members: Members,
    wishes: BTreeMap<usize, Wish>,
    paused: bool,
}

/// What the nodes and the test share.
#[derive(Debug, Clone)]
pub(super) struct Lab {
    book: Arc<Mutex<Book>>,
    plan: Arc<Plan>,
}

/// A promise that was broken: the label of what must hold, and what happened.
pub(super) fn broken(label: &str, what: String) -> Error {
    Error::msg(format!("{label}: {what}"))
}

impl Lab {
    pub(super) fn new(plan: &Plan) -> Self {
        let lab = Self { book: Arc::default(), plan: Arc::new(plan.clone()) };
        lab.book().members.calm = plan.is_calm();
        lab.book().items.lossless = plan.loses_nothing();
        lab.book().items.selective = plan.has(Fault::Revoke);
        lab
    }

    pub(super) fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().expect("no node panics with the book open")
    }

    pub(super) fn producers(&self, count: usize) -> Nodes {
        let lab = self.clone();
        let program = move |surroundings| {
            let lab = lab.clone();
            Box::pin(async move { lab.live(surroundings, true).await }) as _
        };
        Nodes::program("producer", NETWORK, program).times(count)
    }

    pub(super) fn consumers(&self, count: usize) -> Nodes {
        let lab = self.clone();
        let program = move |surroundings| {
            let lab = lab.clone();
            Box::pin(async move { lab.live(surroundings, false).await }) as _
        };
        Nodes::program("consumer", NETWORK, program).times(count)
    }

    /// One life of a node.
    async fn live(&self, surroundings: Surroundings, produces: bool) -> Result<()> {
        let (number, stop) = (surroundings.number, surroundings.stop.clone());
        let network = surroundings.builder(NETWORK).tags(self.tags(number)).build().await?;
        let (me, discovery) = (network.local().id(), network.discovery());
        let boot = discovery.catalog().get(&me).map(|known| known.entry.boot);
        let boot = boot.ok_or_else(|| Error::msg("a node is in its own catalog"))?;
        self.book().members.born(number, me, boot);
        let ended = tokio::select! { biased;
            () = stop.cancelled() => Ok(()),
            ended = self.watch(number, discovery) => ended,
            ended = self.obey(number, discovery) => ended,
            ended = self.work(number, (me, boot), &network, produces) => ended,
        };
        if ended.is_ok() {
            self.book().members.departs(me, boot);
            network.shutdown().await;
        }
        ended
    }

    async fn work(
        &self,
        number: usize,
        me: (PeerId, BootId),
        network: &Network,
        produces: bool,
    ) -> Result<()> {
        if produces { self.produce(me, network).await } else { self.consume(number, me.0, network).await }
    }

    async fn watch(&self, number: usize, discovery: &Discovery) -> Result<()> {
        let mut changes = discovery.changes();
        self.book().members.begin(number);
        while let Some(change) = changes.next().await {
            let mut book = self.book();
            let Book { items, members, .. } = &mut *book;
            let me = discovery.me();
            items.noticed(me, &change, Instant::now());
            members.changed(number, change)?;
            let known = discovery.catalog().len();
            members.count(number, known)?;
        }
        Ok(())
    }

    /// Says of itself what the test wants.
    async fn obey(&self, number: usize, discovery: &Discovery) -> Result<()> {
        let changed = self.book().wishes.entry(number).or_default().changed.clone();
        loop {
            let wanted = self.tags(number);
            let tags = discovery.tags();
            for tag in tags.list().into_iter().filter(|tag| !wanted.contains(tag.as_str())) {
                tags.remove(&tag);
            }
            for tag in &wanted {
                tags.insert(Tag::new(tag).map_err(Error::msg)?).map_err(Error::msg)?;
            }
            changed.notified().await;
        }
    }

    async fn produce(&self, me: (PeerId, BootId), network: &Network) -> Result<()> {
        let plan = &self.plan;
        let policy = if plan.has(Fault::Revoke) { policy::tag(READER) } else { Policy::anyone() };
        let lessons = network.streams().producer::<Lesson>().require(policy).overflow(plan.overflow);
        let lessons = lessons.buffer(64).buffer_bytes(BUFFER).max_item(BUFFER / 2).patience(PATIENCE);
        let mut lessons = lessons.replay(plan.replay).build()?;
        self.book().items.opened(me);
        for number in 0_u64.. {
            while self.book().paused {
                sleep(secs(1)).await;
            }
            let began = Instant::now();
            lessons.send(Lesson { number, weight: "w".repeat(plan.size()) }).await?;
            let (took, waits) = (began.elapsed(), plan.overflow == Overflow::Block);
            let most = if waits { PATIENCE + millis(10) } else { Duration::ZERO };
            if took > most {
                return Err(broken("S5", format!("an item waited {took:?} under {:?}", plan.overflow)));
            }
            self.book().items.sent(me, Instant::now());
            sleep(plan.pace()).await;
        }
        Ok(())
    }

    async fn consume(&self, number: usize, me: PeerId, network: &Network) -> Result<()> {
        let mut lessons = network.streams().consumer::<Lesson>().build()?;
        self.book().items.listens(number, me);
        let mut events = lessons.events();
        while let Some(event) = events.next().await {
            self.book().items.heard(number, event)?;
            if self.temper(number) == Temper::Slow {
                sleep(self.plan.pace().mul_f64(0.8)).await;
            }
            while self.temper(number) == Temper::Stalled {
                sleep(secs(1)).await;
            }
        }
        Ok(())
    }

    fn temper(&self, node: usize) -> Temper {
        self.book().wishes.get(&node).map(|wish| wish.temper).unwrap_or_default()
    }

    pub(super) fn set_temper(&self, node: usize, temper: Temper) {
        self.book().wishes.entry(node).or_default().temper = temper;
    }

    /// Whether the node reads at all.
    pub(super) fn is_stalled(&self, node: usize) -> bool {
        self.temper(node) == Temper::Stalled
    }

    fn tags(&self, node: usize) -> BTreeSet<String> {
        self.book().wishes.get(&node).map(|wish| wish.tags.clone()).unwrap_or_default()
    }

    /// Changes the tags of a node, now and in its later lives.
    pub(super) fn retag(&self, node: usize, change: impl FnOnce(&mut BTreeSet<String>)) {
        let mut book = self.book();
        let wish = book.wishes.entry(node).or_default();
        change(&mut wish.tags);
        wish.changed.notify_one();
    }

    /// Lets the producers pause, so that the consumers can catch up.
    pub(super) fn pause(&self) {
        self.book().paused = true;
    }
}
