//! The rule beside a slow model that says the same in other words.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

/// The book as two maps, kept as the engine keeps them.
#[derive(Default)]
struct Book {
    bids: BTreeMap<Place, Waiting>,
    asks: BTreeMap<Place, Waiting>,
    time: u64,
}

impl Book {
    fn take(&mut self, side: Side, order: Waiting) -> Vec<Match> {
        let time = self.time;
        self.time += 1;
        let (own, other) = match side {
            Side::Buy => (&mut self.bids, &mut self.asks),
            Side::Sell => (&mut self.asks, &mut self.bids),
        };
        let outcome = place(side, order, time, other.iter());
        for place in &outcome.filled {
            assert!(other.remove(place).is_some(), "it waited");
        }
        if let Some((place, rest)) = outcome.reduced {
            assert!(other.insert(place, rest).is_some(), "it waited");
        }
        if let Some((place, rest)) = outcome.rests {
            assert!(own.insert(place, rest).is_none(), "no place is given twice");
        }
        outcome.matches
    }
}

/// One line of the model's book: side, order, time.
type Line = (Side, Waiting, u64);

/// Looks through the whole list for the best partner, again and again.
fn naive(book: &mut Vec<Line>, side: Side, mut order: Waiting, time: u64) -> Vec<Match> {
    let mut matches = Vec::new();
    while order.amount > 0 {
        let mut best: Option<usize> = None;
        for (at, (other, line, since)) in book.iter().enumerate() {
            let fits = match side {
                Side::Buy => line.price <= order.price,
                Side::Sell => line.price >= order.price,
            };
            let better = best.is_none_or(|best| {
                let (_, known, known_since) = &book[best];
                let cheaper = match side {
                    Side::Buy => line.price < known.price,
                    Side::Sell => line.price > known.price,
                };
                cheaper || (line.price == known.price && since < known_since)
            });
            if *other != side && fits && better {
                best = Some(at);
            }
        }
        let Some(best) = best else { break };
        let line = &mut book[best].1;
        let amount = order.amount.min(line.amount);
        let (buyer, seller) = match side {
            Side::Buy => (order.trader.clone(), line.trader.clone()),
            Side::Sell => (line.trader.clone(), order.trader.clone()),
        };
        matches.push(Match { buyer, seller, price: line.price, amount });
        order.amount -= amount;
        line.amount -= amount;
        book.retain(|(_, line, _)| line.amount > 0);
    }
    if order.amount > 0 {
        book.push((side, order, time));
    }
    matches
}

fn orders() -> impl Strategy<Value = Vec<(bool, u64, u64, u8)>> {
    prop::collection::vec((any::<bool>(), 0..12_u64, 1..10_u64, 0..4_u8), 0..150)
}

proptest! {
    #[test]
    fn it_does_what_the_model_does(orders in orders()) {
        let (mut book, mut model) = (Book::default(), Vec::new());
        let mut ordered = 0;
        let mut traded = 0;
        for (time, (buys, price, amount, trader)) in (0..).zip(orders) {
            let side = if buys { Side::Buy } else { Side::Sell };
            let order = Waiting { trader: format!("t{trader}"), price, amount };
            let matches = book.take(side, order.clone());
            prop_assert_eq!(&matches, &naive(&mut model, side, order, time));
            ordered += amount;
            traded += matches.iter().map(|one| one.amount).sum::<u64>();
        }
        // Nothing comes from nowhere and nothing is lost: a trade takes its amount from both sides.
        let waits = |side: &BTreeMap<Place, Waiting>| side.values().map(|one| one.amount).sum::<u64>();
        prop_assert_eq!(ordered, 2 * traded + waits(&book.bids) + waits(&book.asks));
        // And nobody waits who could trade.
        if let (Some(bid), Some(ask)) = (book.bids.values().next(), book.asks.values().next()) {
            prop_assert!(bid.price < ask.price);
        }
    }
}

fn order(trader: &str, price: u64, amount: u64) -> Waiting {
    Waiting { trader: trader.into(), price, amount }
}

#[test]
fn the_best_price_comes_first_and_the_oldest_of_equal_ones() {
    let mut book = Book::default();
    for (trader, price) in [("late", 102), ("first", 101), ("second", 101)] {
        assert_eq!(book.take(Side::Sell, order(trader, price, 5)), []);
    }
    let matches = book.take(Side::Buy, order("buyer", 103, 12));
    let met: Vec<_> = matches.iter().map(|one| (&*one.seller, one.price, one.amount)).collect();
    assert_eq!(met, [("first", 101, 5), ("second", 101, 5), ("late", 102, 2)], "at the price of who waited");
    assert_eq!(book.asks.values().cloned().collect::<Vec<_>>(), [order("late", 102, 3)]);
}

#[test]
fn who_finds_no_partner_waits_with_what_is_left() {
    let mut book = Book::default();
    book.take(Side::Buy, order("a", 100, 4));
    assert_eq!(book.take(Side::Sell, order("b", 101, 4)), []);
    assert_eq!(book.take(Side::Sell, order("c", 90, 6)).len(), 1);
    assert!(book.bids.is_empty());
    let asks: Vec<_> = book.asks.values().map(|one| (one.price, one.amount)).collect();
    assert_eq!(asks, [(90, 2), (101, 4)]);
}
