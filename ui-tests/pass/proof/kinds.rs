//! Proofs by a validator of the user's, from the declaration to a link that ends.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use mosaik::{
    node::{Extensions, NodeEntry, TicketSources, Wanted},
    prelude::*,
    primitives::Wall,
    sim::{Nodes, World, secs, sim_node},
    tickets::{Class, Denial, Proof, Shown, Ticket, Valid, Validation, Validator},
};

/// When the clocks of a world begin, in milliseconds.
const EPOCH: u64 = 1_800_000_000_000;
/// Whether the office still stands by its badges.
static OPEN: AtomicBool = AtomicBool::new(true);

/// Decides about badges: a text with the peer's id, and the millisecond in which it ends.
#[derive(Default)]
pub struct Office;

impl Validator for Office {
    fn name(&self) -> &str {
        "Office"
    }

    fn class(&self) -> Class {
        badge()
    }

    fn generation(&self) -> u64 {
        OPEN.load(Ordering::Relaxed).into()
    }

    fn validate<'a>(&'a self, shown: Shown<'a>) -> Validation<'a> {
        Box::pin(async move {
            let text = std::str::from_utf8(shown.ticket.bytes()).unwrap_or_default();
            let (peer, until) = text.split_once(' ').ok_or(Denial::OtherPeer)?;
            if !OPEN.load(Ordering::Relaxed) {
                return Err(Denial::Revoked);
            }
            if peer != shown.peer.to_string() {
                return Err(Denial::OtherPeer);
            }
            Ok(Valid { until: Wall(until.parse().map_err(|_| Denial::OtherPeer)?) })
        })
    }
}

fn badge() -> Class {
    Class::new("badge").expect("a word")
}

/// Somebody with a badge.
#[proof(Office)]
pub struct Badge;

/// A sealed bid.
#[stream("dark.bids", require(producers = Badge, consumers = Badge & tag("matcher")))]
pub struct Bid {
    /// What is offered.
    pub price: u64,
}

/// What everybody may see who is a guest or has a badge.
#[stream("dark.news", require(consumers = Badge | tag("guest")))]
pub struct News(String);

/// What was paid.
#[group(state_machine, "dark.ledger", voters = 1, require(members = Badge))]
#[derive(Default)]
pub struct Ledger {
    total: u64,
}

#[methods]
impl Ledger {
    /// Adds an amount.
    pub fn add(&mut self, amount: u64) -> u64 {
        self.total += amount;
        self.total
    }
}

/// The last prices.
#[collection("dark.prices", voters = 1, require(writers = Badge, readers = Badge))]
pub struct Prices(collections::Map<String, u64>);

/// Sends bids.
#[mosaik::node(network = "dark", tags = ["desk"], proves = Badge)]
async fn desk(mut bids: Producer<Bid>) -> mosaik::Result {
    for price in 0.. {
        bids.send(Bid { price }).await?;
        sleep(Duration::from_secs(1)).await;
    }
    Ok(())
}

/// Reads bids.
#[mosaik::node(network = "dark", tags = ["matcher"], proves = [Badge])]
async fn matcher(mut bids: Consumer<Bid>) -> mosaik::Result {
    while bids.next().await.is_some() {}
    Ok(())
}

/// Needs no badge: a tag will do.
#[mosaik::node(network = "dark", tags = ["guest"])]
async fn guest(mut news: Consumer<News>) -> mosaik::Result {
    while news.next().await.is_some() {}
    Ok(())
}

/// Neither of the two: it compiles, and does not start.
#[mosaik::node(network = "dark", tags = ["stranger"])]
async fn stranger(mut news: Consumer<News>) -> mosaik::Result {
    while news.next().await.is_some() {}
    Ok(())
}

/// Takes part everywhere.
#[mosaik::node(network = "dark", proves = Badge)]
async fn clerk(ledger: Group<Ledger>, prices: Writer<Prices>) -> mosaik::Result {
    ledger.add(5).await?;
    prices.when().online().await;
    Ok(())
}

fn with(entry: NodeEntry, ticket: impl Fn(&Wanted) -> Vec<u8> + Send + Sync + 'static) -> Nodes {
    let make = move |wanted: &Wanted| Ticket::new(badge(), ticket(wanted)).map_err(|error| error.to_string());
    let sources = TicketSources::default().provider(Badge::DESCRIPTOR.name, make);
    Nodes::of_entry(entry, Extensions::default().with(sources))
}

/// A badge for a minute.
fn its_own(wanted: &Wanted) -> Vec<u8> {
    format!("{} {}", wanted.peer, wanted.now.0 + 60_000).into_bytes()
}

fn a_renewed_ticket_keeps_the_link_and_one_that_ends_does_not() {
    static MADE: AtomicU64 = AtomicU64::new(0);
    let renewed = |wanted: &Wanted| {
        MADE.fetch_add(1, Ordering::Relaxed);
        its_own(wanted)
    };
    let mut world = World::new(7)
        .add(with(NodeEntry::of::<desk>(), renewed))
        .add(with(NodeEntry::of::<matcher>(), its_own));
    world.run_until(|world| world.trace::<Bid>().received_by("matcher") >= 1);
    world.run_for(secs(600));
    let received = world.trace::<Bid>().received_by("matcher");
    assert!(received >= 595, "a bid a second, and none is missing: {received}");
    assert!((10..=20).contains(&MADE.load(Ordering::Relaxed)), "{MADE:?} badges of a minute in ten");
    let once = |wanted: &Wanted| format!("{} {}", wanted.peer, 60_000 + EPOCH).into_bytes();
    let mut world =
        World::new(7).add(with(NodeEntry::of::<desk>(), its_own)).add(with(NodeEntry::of::<matcher>(), once));
    world.run_for(secs(600));
    let received = world.trace::<Bid>().received_by("matcher");
    assert!((40..=62).contains(&received), "the badge ended after a minute: {received}");
}

fn what_is_proven_flows_until_it_is_revoked() {
    let mut world = World::new(7)
        .add(with(NodeEntry::of::<desk>(), its_own))
        .add(with(NodeEntry::of::<matcher>(), its_own))
        .add(sim_node!(guest));
    world.run_until(|world| world.trace::<Bid>().received_by("matcher") >= 10);
    OPEN.store(false, Ordering::Relaxed);
    world.run_for(secs(3));
    let before = world.trace::<Bid>().received_by("matcher");
    world.run_for(secs(30));
    assert_eq!(world.trace::<Bid>().received_by("matcher"), before, "nothing flows without the proof");
    OPEN.store(true, Ordering::Relaxed);
    world.run_until(|world| world.trace::<Bid>().received_by("matcher") > before);
}

fn refused(nodes: Nodes) -> String {
    let mut world = World::new(7).failures_pass().add(nodes);
    world.run_for(secs(5));
    world.failure(0).expect("it does not start")
}

fn what_cannot_be_proven_does_not_start() {
    let without = refused(sim_node!(desk));
    assert!(without.contains("must prove `Badge`") && without.contains("--ticket Badge=FILE"), "{without}");
    let forged = refused(with(NodeEntry::of::<desk>(), |_| b"somebody else".to_vec()));
    assert!(forged.contains("another peer"), "{forged}");
    let undeclared = refused(sim_node!(stranger));
    assert!(undeclared.contains("requires (Badge | tag(\"guest\"))"), "{undeclared}");
}

fn a_member_with_a_badge_takes_part() {
    let mut world = World::new(7).add(with(NodeEntry::of::<clerk>(), its_own));
    world.run_until(|world| !world.is_running(0));
}

fn main() {
    a_renewed_ticket_keeps_the_link_and_one_that_ends_does_not();
    what_is_proven_flows_until_it_is_revoked();
    what_cannot_be_proven_does_not_start();
    a_member_with_a_badge_takes_part();
}
