//! What the exchange says and what it keeps: two streams, and five collections in one group.

use mosaik::prelude::*;

use crate::matching::{Place, Side, Waiting};

/// What a trader wants. A trader numbers its orders from 1 on; an order that is sent twice has the same number.
#[stream("exchange.orders")]
#[derive(Debug, Clone)]
pub struct Order {
    pub trader: String,
    pub number: u64,
    pub side: Side,
    pub price: u64,
    pub amount: u64,
}

/// A buyer and a seller met. Fills are numbered from 1 on.
#[stream("exchange.fills", replay = 64)]
#[derive(Debug, Clone)]
pub struct Fill {
    pub number: u64,
    pub buyer: String,
    pub seller: String,
    pub price: u64,
    pub amount: u64,
}

/// All that is kept, on every engine, and on disk: what belongs together changes together.
#[group(collections, "exchange", voters = 3, storage = durable)]
pub struct Exchange {
    pub clock: Clock,
    pub accepted: Accepted,
    pub bids: Bids,
    pub asks: Asks,
    pub fills: Fills,
}

/// How many orders were taken in. Every one of them changes it, so no two are matched with the same book.
#[collection("exchange.clock", group = Exchange)]
pub struct Clock(collections::Cell<u64>);

/// The number of the last order of each trader that was taken in.
#[collection("exchange.accepted", group = Exchange)]
pub struct Accepted(collections::Map<String, u64>);

/// Who waits to buy: the highest price first, and of equal prices the oldest.
#[collection("exchange.bids", group = Exchange)]
pub struct Bids(collections::Map<Place, Waiting>);

/// Who waits to sell: the lowest price first, and of equal prices the oldest.
#[collection("exchange.asks", group = Exchange)]
pub struct Asks(collections::Map<Place, Waiting>);

/// The latest fills.
#[collection("exchange.latest", group = Exchange)]
pub struct Fills(collections::Vec<Fill>);
