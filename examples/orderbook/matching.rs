//! The rule of the market: price-time priority. No network, no clock, no state of its own: the same input always gives the
//! same result, and that is what its tests hold it to.

/// Who buys and who sells.
#[mosaik::data]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    Buy,
    Sell,
}

/// Where an order stands in its queue. The lowest is served first: the best price, and of equal prices the oldest.
#[mosaik::data]
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The price of who sells; of who buys, how far the price is from the highest there is.
    rank: u64,
    /// The number of the order among all of them.
    time: u64,
}

/// An order that waits in the book.
#[mosaik::data]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    pub trader: String,
    pub price: u64,
    pub amount: u64,
}

/// A buyer and a seller met, at the price of the one who had waited.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Match {
    pub buyer: String,
    pub seller: String,
    pub price: u64,
    pub amount: u64,
}

/// What an order changes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Who met whom, in order.
    pub matches: Vec<Match>,
    /// Those of the other side that have all they wanted.
    pub filled: Vec<Place>,
    /// The one of the other side that still wants this much.
    pub reduced: Option<(Place, Waiting)>,
    /// What is left of the order waits.
    pub rests: Option<(Place, Waiting)>,
}

impl Side {
    /// The place of an order of this side.
    pub fn place(self, price: u64, time: u64) -> Place {
        let rank = match self {
            Self::Sell => price,
            Self::Buy => u64::MAX - price,
        };
        Place { rank, time }
    }

    /// Whether an order of this side at `price` takes what the other side offers at `offered`.
    fn accepts(self, price: u64, offered: u64) -> bool {
        match self {
            Self::Buy => offered <= price,
            Self::Sell => offered >= price,
        }
    }
}

/// Matches an order, the `time`-th of all, with those that wait on the other side, which come in the order of their places.
pub fn place<'b>(
    side: Side,
    order: Waiting,
    time: u64,
    other_side: impl Iterator<Item = (&'b Place, &'b Waiting)>,
) -> Outcome {
    let mut outcome = Outcome::default();
    let mut order = order;
    for (place, waiting) in other_side {
        if order.amount == 0 || !side.accepts(order.price, waiting.price) {
            break;
        }
        let amount = order.amount.min(waiting.amount);
        let (buyer, seller) = match side {
            Side::Buy => (&order.trader, &waiting.trader),
            Side::Sell => (&waiting.trader, &order.trader),
        };
        outcome.matches.push(Match {
            buyer: buyer.clone(),
            seller: seller.clone(),
            price: waiting.price,
            amount,
        });
        order.amount -= amount;
        match waiting.amount - amount {
            0 => outcome.filled.push(*place),
            rest => outcome.reduced = Some((*place, Waiting { amount: rest, ..waiting.clone() })),
        }
    }
    if order.amount > 0 {
        outcome.rests = Some((side.place(order.price, time), order));
    }
    outcome
}

#[cfg(test)]
#[path = "matching_tests.rs"]
mod tests;
