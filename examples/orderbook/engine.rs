//! Three engines keep the book. All of them hear every order; the one that leads the group matches them.

use std::collections::BTreeMap;

use mosaik::{
    collections::{TransactionError, Write},
    groups::CommandError,
    prelude::*,
};

use crate::{
    market::{Exchange, Fill, Order},
    matching::{self, Place, Side, Waiting},
};

/// What an engine says when it begins to lead.
pub const LEADS: &str = "leads";
/// How many fills the book keeps.
const KEPT: usize = 1000;
/// How many of them a new leader sends again.
const AGAIN: u64 = 32;
/// How many orders an engine holds that are not in the book. Whoever is told nothing sends again.
const HELD: usize = 4096;

/// Hears orders. While it leads, it matches them, and tells the fills.
#[mosaik::node(network = "exchange", tags = ["engine"])]
pub async fn engine(
    exchange: Writer<Exchange>,
    mut orders: Consumer<Order>,
    mut fills: Producer<Fill>,
    network: Network,
) -> mosaik::Result<()> {
    let me = network.local().id().short();
    exchange.when().online().await;
    println!("engine {me} is ready");
    let (mut held, mut leads, mut told) = (Held::default(), false, 0);
    while let Some(order) = orders.next().await {
        held.keep(order);
        if leads != exchange.when().is_leader().holds() {
            leads = !leads;
            println!("engine {me} {}", if leads { LEADS } else { "leads no more" });
            // The one that led before may not have told its last fills.
            told = exchange.fills.last().map_or(0, |fill| fill.number).saturating_sub(AGAIN);
        }
        while let Some(order) = held.next(|trader| exchange.accepted.get(trader), leads) {
            match take(&exchange, &order).await {
                // What comes of an order is told before the next is taken in: an engine that dies leaves less untold.
                Ok(()) => told = tell(&exchange, &mut fills, told).await?,
                Err(error) if error.is_stopped() => return Err(error),
                // It stays where it is, and its turn comes again.
                Err(error) => {
                    println!("engine {me}: {error}");
                    break;
                }
            }
        }
        if leads {
            told = tell(&exchange, &mut fills, told).await?;
        }
    }
    Ok(())
}

/// Takes an order into the book, once, whoever else may be trying the same.
async fn take(exchange: &Writer<Exchange>, order: &Order) -> mosaik::Result<()> {
    while exchange.accepted.get(&order.trader).unwrap_or_default() < order.number {
        match attempt(exchange, order).await {
            // What follows must see it.
            Ok(version) => exchange.when().reaches(version).await?,
            // Somebody was faster. Look at the book as it is now, and match again.
            Err(CommandError::Failed(TransactionError::Aborted { version, .. })) => {
                exchange.when().reaches(version).await?;
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Matches an order with the book as it is here, and commits what comes of it if the book is still that one.
async fn attempt(
    exchange: &Writer<Exchange>,
    order: &Order,
) -> Result<mosaik::groups::Version, CommandError<TransactionError>> {
    // The clock first: a book that is read after it is the same or newer, and if it is newer, nothing is committed.
    let clock = exchange.clock.get();
    let time = clock.unwrap_or_default();
    let before = Some(order.number - 1).filter(|number| *number > 0);
    let Order { trader, number, side, price, amount } = order.clone();
    let wanted = Waiting { trader: trader.clone(), price, amount };
    let (own, other): (&Write<Book>, &Write<Book>) = match side {
        Side::Buy => (&exchange.bids, &exchange.asks),
        Side::Sell => (&exchange.asks, &exchange.bids),
    };
    let outcome = matching::place(side, wanted, time, other.snapshot().iter());
    let known = exchange.fills.snapshot();
    let last = known.last().map_or(0, |fill| fill.number);
    let matches = (last + 1..).zip(outcome.matches);
    let fills: Vec<Fill> = matches
        .map(|(number, one)| Fill {
            number,
            buyer: one.buyer,
            seller: one.seller,
            price: one.price,
            amount: one.amount,
        })
        .collect();
    let surplus = (known.len() + fills.len()).saturating_sub(KEPT);
    let done = exchange.transaction(|tx| {
        tx.on(&exchange.clock).compare_exchange(clock.as_ref(), Some(&(time + 1)));
        tx.on(&exchange.accepted).compare_exchange(&trader, before.as_ref(), Some(&number));
        tx.on(other).remove_many(outcome.filled);
        if let Some((place, rest)) = outcome.reduced {
            tx.on(other).insert(place, rest);
        }
        if let Some((place, rest)) = outcome.rests {
            tx.on(own).insert(place, rest);
        }
        tx.on(&exchange.fills).extend(fills);
        tx.on(&exchange.fills).remove_range(..surplus);
    });
    Ok(done.await?.version)
}

/// One side of the book.
type Book = collections::Map<Place, Waiting>;

/// Sends the fills after this one that are committed. A fill may be told twice, and has its number then too.
async fn tell(exchange: &Writer<Exchange>, stream: &mut Producer<Fill>, after: u64) -> mosaik::Result<u64> {
    let fills = exchange.fills.snapshot();
    for fill in fills.iter().filter(|fill| fill.number > after) {
        stream.send(fill.clone()).await?;
    }
    Ok(fills.last().map_or(after, |fill| fill.number))
}

/// Orders that were heard and are not in the book.
#[derive(Default)]
struct Held(BTreeMap<(String, u64), Order>);

impl Held {
    fn keep(&mut self, order: Order) {
        if self.0.len() < HELD {
            self.0.insert((order.trader.clone(), order.number), order);
        }
    }

    /// Forgets what the book has, and gives an order whose turn it is: a trader's orders are taken in one after another.
    fn next(&mut self, accepted: impl Fn(&str) -> Option<u64>, leads: bool) -> Option<Order> {
        self.0.retain(|(trader, number), _| accepted(trader).unwrap_or_default() < *number);
        let turn =
            self.0.iter().find(|((trader, number), _)| accepted(trader).unwrap_or_default() + 1 == *number);
        turn.filter(|_| leads).map(|(_, order)| order.clone())
    }
}
