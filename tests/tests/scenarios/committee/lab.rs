//! The nodes of a story in its `World`: each is a member of one group, with clients and an onlooker.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use mosaik_runtime::{
    groups::{Group, InstanceView, MemberId, Storage, Voters, machine::MachineSettings},
    node::{
        Network, Result,
        world::{Nodes, Surroundings, millis, secs},
    },
    primitives::{NodeRng, Stopped},
};
use tokio::time::sleep;

use super::{
    desk::{Desk, Look, REGISTERS, Seen, Write},
    history::{History, broken},
    linear::Act,
};
use crate::faults::{
    plan::{Fault, Plan},
    storm::Stage,
};

/// The network of all stories.
const NETWORK: &str = "court";
/// Clients on each node.
const CLIENTS: usize = 2;
/// How long a client waits for an answer.
const DEADLINE: Duration = secs(4);

/// All that is known of a story.
#[derive(Debug, Default)]
pub(super) struct Book {
    pub(super) history: History,
    /// What each running node sees of the group.
    pub(super) views: BTreeMap<usize, InstanceView>,
    /// When each node last had a write acknowledged, in numbers of writes.
    pub(super) served: BTreeMap<usize, u64>,
    /// The last term that a durable node saw in all its lives; and in this life how far it knew the log to be committed, as which member. R4.
    seen: BTreeMap<usize, (u64, u64, Option<MemberId>)>,
    /// No more writes.
    pub(super) closed: bool,
    /// Clients that are in the middle of an operation.
    pub(super) busy: usize,
    /// The members that stopped because of their disks, in this life of their nodes, and why.
    stopped: BTreeMap<usize, String>,
}

/// What the nodes and the test share.
#[derive(Debug, Clone)]
pub(super) struct Lab {
    book: Arc<Mutex<Book>>,
    plan: Arc<Plan>,
}

/// An operation under way: if the node crashes, nobody knows what became of it.
struct UnderWay<'a> {
    lab: &'a Lab,
    /// A write, until it is answered.
    write: Option<(u8, u64, Act)>,
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        let mut book = self.lab.book();
        book.busy -= 1;
        if let Some((register, call, act)) = self.write.take() {
            book.history.cut_off(register, call, act);
        }
    }
}

impl Lab {
    pub(super) fn new(plan: &Plan) -> Self {
        Self { book: Arc::default(), plan: Arc::new(plan.clone()) }
    }

    pub(super) fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().expect("no node panics with the book open")
    }

    pub(super) fn members(&self) -> Nodes {
        let lab = self.clone();
        let program = move |surroundings| {
            let lab = lab.clone();
            Box::pin(async move { lab.live(surroundings).await }) as _
        };
        Nodes::program("member", NETWORK, program).times(self.plan.nodes)
    }

    /// One life of a node.
    async fn live(&self, surroundings: Surroundings) -> Result<()> {
        let (number, stop) = (surroundings.number, surroundings.stop.clone());
        let mut rng = surroundings.rng.clone().split("clients");
        let network = surroundings.builder(NETWORK).build().await?;
        let ended = tokio::select! { biased;
            () = stop.cancelled() => Ok(()),
            ended = self.work(number, &network, &mut rng) => ended,
        };
        if ended.is_ok() {
            network.shutdown().await;
        }
        ended
    }

    async fn work(&self, number: usize, network: &Network, rng: &mut NodeRng) -> Result<()> {
        let storage = if self.plan.durable { Storage::Durable } else { Storage::Memory };
        let desk = network.groups().machine(Desk::default()).named("court.desk");
        let desk = desk.voters(Voters::Count(self.plan.voters)).storage(storage).evict_after(secs(20));
        // Snapshots are made often, and have several chunks.
        let limits = MachineSettings {
            snapshot_entries: 60,
            snapshot_bytes: 4096,
            chunk: 512,
            ..MachineSettings::default()
        };
        let desk = match self.plan.round_trip {
            Some(round_trip) => desk.round_trip(round_trip),
            None => desk,
        };
        let desk = if self.plan.rests { desk.rest_after(millis(100)) } else { desk };
        let desk = match desk.limits(limits).join().await {
            Err(error) if self.plan.has(Fault::Sick) => return self.stops(number, &error.to_string()).await,
            joined => joined?,
        };
        self.book().views.remove(&number);
        let clients = (0..CLIENTS).map(|_| self.client(number, desk.clone(), rng.split("client")));
        tokio::try_join!(futures::future::try_join_all(clients), self.onlooker(number, &desk))?;
        Ok(())
    }

    /// Writes and reads, again and again.
    async fn client(&self, number: usize, desk: Group<Desk>, mut rng: NodeRng) -> Result<()> {
        let desk = desk.with_deadline(DEADLINE * self.plan.slower());
        loop {
            sleep(millis(20 + rng.below(400) as u64) * if self.plan.rests { 6 } else { 1 }).await;
            if self.book().closed {
                sleep(secs(1)).await;
                continue;
            }
            let register = rng.below(usize::from(REGISTERS)) as u8;
            match rng.below(20) {
                0 if self.plan.has(Fault::Panic) => self.trip(&desk).await?,
                0..9 => self.write(number, &desk, register, None).await?,
                9..13 => {
                    let newest = self.book().history.value();
                    let from = newest.saturating_sub(1 + rng.below(6) as u64);
                    self.write(number, &desk, register, Some(from)).await?;
                }
                _ => self.read(&desk, register).await?,
            }
        }
    }

    /// Puts, or swaps if the register holds `from`.
    async fn write(&self, number: usize, desk: &Group<Desk>, register: u8, from: Option<u64>) -> Result<()> {
        let (call, new, act, write) = {
            let book = &mut *self.book();
            let new = book.history.value();
            let (act, write) = match from {
                None => (Act::Put { new, old: None }, Write::Put { register, new }),
                Some(from) => {
                    let from = Some(from);
                    (Act::Swap { from, new, old: None }, Write::Swap { register, from, new })
                }
            };
            book.history.will_write(new);
            book.busy += 1;
            (book.history.moment(), new, act, write)
        };
        let mut under_way = UnderWay { lab: self, write: Some((register, call, act)) };
        let outcome = desk.execute(write).await;
        let stopped = outcome.as_ref().is_err_and(|error| Stopped::is_in(error));
        under_way.write = None;
        self.book().history.wrote((register, call, act), new, &outcome)?;
        if outcome.is_ok() {
            *self.book().served.entry(number).or_default() += 1;
        }
        if stopped { std::future::pending().await } else { Ok(()) }
    }

    async fn trip(&self, desk: &Group<Desk>) -> Result<()> {
        let new = {
            let book = &mut *self.book();
            let new = book.history.value();
            book.history.will_write(new);
            book.busy += 1;
            new
        };
        let _under_way = UnderWay { lab: self, write: None };
        let outcome = desk.execute(Write::Trip { new }).await;
        self.book().history.tripped(new, &outcome)
    }

    async fn read(&self, desk: &Group<Desk>, register: u8) -> Result<()> {
        let call = {
            let book = &mut *self.book();
            book.busy += 1;
            book.history.moment()
        };
        let _under_way = UnderWay { lab: self, write: None };
        if let Ok(Seen::Register(got)) = desk.query(Look::At(register)).await {
            self.book().history.read(register, call, got);
        }
        Ok(())
    }

    /// Looks at the member on this node, and compares with what all onlookers saw.
    async fn onlooker(&self, number: usize, desk: &Group<Desk>) -> Result<()> {
        let (mut index, weak) = (0, desk.weak());
        loop {
            let view = desk.status();
            if let Some(why) = view.failed.as_ref().filter(|_| self.plan.has(Fault::Sick)) {
                return self.stops(number, why).await;
            }
            if let Some(why) = &view.failed {
                return Err(broken("R12", format!("the member on node {number} stopped: {why}")));
            }
            // R11: what was acknowledged to a leader counts for its majority, and stays. A bit that turned in the last commit takes it back.
            if let Some(member) = view.reverted.first().filter(|_| !self.plan.has(Fault::Sick)) {
                return Err(broken("R11", format!("{member} lost what it had acknowledged")));
            }
            if let Some(conflict) = &view.conflict {
                return Err(broken("R1", format!("the group was born twice: {conflict:?}")));
            }
            if let (true, Some(member)) = (view.is_leader, view.member) {
                self.book().history.leads(view.term, member)?;
            }
            self.only_forward(number, &view)?;
            if let Ok((at, Seen::Journal(journal))) = weak.query_at(Look::Everything).await {
                if at < index {
                    return Err(broken("R7", format!("a weak read went back from index {index} to {at}")));
                }
                index = at;
                self.book().history.looks(at, journal)?;
            }
            self.book().views.insert(number, view);
            sleep(millis(250)).await;
        }
    }

    /// R12: a member stops because of its disk, says so, and does nothing more.
    async fn stops(&self, number: usize, why: &str) -> Result<()> {
        let reasons = ["the disk failed", "the disk is full", "damaged"];
        if !reasons.iter().any(|reason| why.contains(reason)) {
            return Err(broken("R12", format!("the member on node {number} stopped: {why}")));
        }
        self.book().views.remove(&number);
        self.book().stopped.insert(number, why.to_owned());
        std::future::pending().await
    }

    /// R4: a durable member's term never goes back, whatever happens to its process. Nor does what it knows to be committed while
    /// it lives; after a crash it may know of less at first.
    fn only_forward(&self, number: usize, view: &InstanceView) -> Result<()> {
        if !self.plan.durable {
            return Ok(());
        }
        let mut book = self.book();
        let (term, committed, member) = book.seen.entry(number).or_default();
        // Until it has read its log again a member knows of no term.
        if view.term != 0 && view.term < *term {
            return Err(broken("R4", format!("node {number}: term {} after {term}", view.term)));
        }
        if view.member.is_some() && *member == view.member && view.committed < *committed {
            let told = format!("node {number}: committed up to {} after {committed}", view.committed);
            return Err(broken("R4", told));
        }
        *term = (*term).max(view.term);
        (*committed, *member) = (view.committed, view.member);
        Ok(())
    }
}

impl Stage for Lab {
    /// A node is down: it sees nothing.
    fn is_down(&self, node: usize) {
        let mut book = self.book();
        book.stopped.remove(&node);
        book.views.remove(&node);
        if let Some((_, committed, _)) = book.seen.get_mut(&node) {
            *committed = 0;
        }
    }

    /// A node loses all that it knew.
    fn forgets(&self, node: usize) {
        self.is_down(node);
        self.book().seen.remove(&node);
    }

    /// Why the member on a node stopped.
    fn stopped(&self, node: usize) -> Option<String> {
        self.book().stopped.get(&node).cloned()
    }

    /// The node that leads, as those that are up see it.
    fn leader(&self) -> Option<usize> {
        let book = self.book();
        let leading = book.views.iter().filter(|(_, view)| view.is_leader);
        leading.max_by_key(|(_, view)| view.term).map(|(node, _)| *node)
    }

    /// Whether a group in memory survives the loss of one more node: all its voters are up, and know each other.
    fn may_lose_one(&self, nodes: usize) -> bool {
        let book = self.book();
        let whole =
            |view: &InstanceView| view.voters.len() == usize::from(self.plan.voters) && view.is_online();
        let member = |view: &InstanceView| view.member.is_some_and(|member| view.voters.contains(&member));
        let voters = book.views.values().filter(|view| whole(view) && member(view)).count();
        book.views.len() == nodes && voters >= usize::from(self.plan.voters)
    }
}
