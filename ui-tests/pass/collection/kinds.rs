//! Every container, and both handles.

use mosaik::{collections::Declared, node::NodeItem, prelude::*, topology::graph::Access};

/// What travels as a value.
#[mosaik::data]
#[derive(Clone)]
pub struct Order {
    /// How much.
    pub amount: u64,
}

/// The last price of each symbol.
#[collection("exchange.prices", voters = 1)]
pub struct Prices(collections::Map<String, u64>);

#[collection(voters = 3, storage = durable, require(writers = tag("exchange"), readers = tag("trader")))]
struct Book(collections::PriorityQueue<u64, u128, Order>);

#[collection("exchange.log", voters = founder)]
struct Log(mosaik::collections::Vec<Order>);

#[collection("exchange.halted", voters = 1)]
struct Halted(collections::Set<String>);

#[collection("exchange.mode", voters = 1)]
struct Mode(collections::Cell<u8>);

#[collection("exchange.opened", voters = 1)]
struct Opened(collections::Once<u64>);

#[mosaik::node(network = "exchange")]
async fn oracle(prices: Writer<Prices>, book: Writer<Book>, log: Writer<Log>) -> mosaik::Result {
    let _: Option<u64> = prices.insert("ETH".into(), 3812).await?.into_inner();
    let _ = book.insert(5, 1, Order { amount: 1 }).await?;
    let _ = prices.transaction(|tx| (tx.on(&prices).remove("BTC".into()), tx.on(&prices).clear())).await;
    let _: u64 = log.push(Order { amount: 1 }).await?.into_inner();
    Ok(())
}

#[mosaik::node(network = "exchange")]
async fn trader(
    prices: Reader<Prices>,
    halted: Reader<Halted>,
    mode: Reader<Mode>,
    opened: Reader<Opened>,
) -> mosaik::Result {
    let _: (Option<u64>, bool) = (prices.get("ETH"), halted.contains("ETH"));
    let _: (Option<u8>, Option<u64>) = (mode.get(), opened.wait().await);
    Ok(())
}

/// Who buys.
#[collection("desk.bids", group = Desk)]
pub struct Bids(collections::Map<u64, Order>);

#[collection(group = Desk)]
struct Trades(collections::Vec<Order>);

/// What belongs together.
#[group(collections, "desk", voters = 3, storage = durable, require(writers = tag("desk"), readers = tag("board")))]
pub struct Desk {
    /// Who buys.
    pub bids: Bids,
    trades: Trades,
}

#[mosaik::node(network = "exchange", tags = ["desk"])]
async fn engine(desk: Writer<Desk>, trades: Writer<Trades>) -> mosaik::Result {
    desk.when().online().await;
    let both = desk.transaction(|tx| {
        let taken = tx.on(&desk.bids).remove(1);
        let len = tx.on(&trades).push(Order { amount: 1 });
        (taken, len)
    });
    let (_, _): (Option<Order>, u64) = both.await?.into_inner();
    Ok(())
}

#[mosaik::node(network = "exchange", tags = ["board"])]
async fn board(desk: Reader<Desk>, trades: Reader<Trades>) -> mosaik::Result {
    let _ = (desk.bids.len(), desk.version() == trades.version());
    Ok(())
}

fn desk() {
    assert_eq!(Bids::DESCRIPTOR.group.intent.text, "desk");
    assert_eq!((Bids::DESCRIPTOR.part, Trades::DESCRIPTOR.part), ("bids", "trades"));
    assert_eq!(Trades::DESCRIPTOR.readers.to_string(), "tag(\"board\")");
    let nodes = [<engine as NodeItem>::DESCRIPTOR, <board as NodeItem>::DESCRIPTOR];
    let graph = mosaik::topology::Graph::of(&nodes);
    assert_eq!((graph.groups.len(), graph.memberships.len()), (1, 2));
    assert_eq!(graph.groups[0].contents(), ["bids: Map<u64, Order>", "trades: Vec<Order>"]);
    mosaik::topology::check(&nodes).expect("nothing is wrong");
}

fn main() {
    desk();
    assert_eq!(Prices::DESCRIPTOR.intent.text, "exchange.prices");
    assert_eq!(Prices::DESCRIPTOR.id(), mosaik::primitives::CollectionId::derive("exchange.prices"));
    assert_eq!(Book::DESCRIPTOR.intent.text, "mosaik-ui-tests.book");
    assert_eq!(Book::DESCRIPTOR.readers.to_string(), "tag(\"trader\")");
    let nodes = [<oracle as NodeItem>::DESCRIPTOR, <trader as NodeItem>::DESCRIPTOR];
    let graph = mosaik::topology::Graph::of(&nodes);
    assert_eq!((graph.groups.len(), graph.memberships.len()), (6, 7));
    let prices: Vec<_> =
        graph.memberships.iter().filter(|one| one.group == 0).map(|one| one.access).collect();
    assert_eq!(prices, [Access::Writes, Access::Reads]);
    let picture = graph.render(mosaik::topology::Format::Mermaid);
    assert!(picture.contains("n0 <--> g0") && picture.contains("g0 --> n1"), "{picture}");
}
