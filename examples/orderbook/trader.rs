//! A trader with an opinion. It keeps an order until it sees that the exchange has taken it in, and sends it again if that takes
//! long: whichever engines are lost meanwhile, no order is, and none is taken in twice. The orders are in memory: a trader that is
//! ended itself knows no more what it had on the way, and an engine that has heard of it may still take it in.

use std::collections::VecDeque;

use mosaik::prelude::*;

use crate::{
    market::{Accepted, Order},
    matching::Side,
};

/// What the traders of this program can be told.
#[derive(Args)]
pub struct Options {
    /// How many orders each trader places; without it they trade until they are stopped.
    #[arg(long, value_name = "N")]
    orders: Option<u64>,
}

/// How many orders a trader has on the way at most.
const OPEN: usize = 8;
/// After how many quarters of a second without news the orders are sent again.
const PATIENCE: u32 = 8;

/// Places four orders a second, until it is stopped or has placed as many as it was told.
#[mosaik::node(network = "exchange", tags = ["trader"])]
pub async fn trader(
    mut orders: Producer<Order>,
    accepted: Reader<Accepted>,
    options: Args<Options>,
    network: Network,
    shutdown: Shutdown,
) -> mosaik::Result<()> {
    let me = network.local().id().short();
    accepted.when().online().await;
    orders.when().subscribed().minimum_of(1).await;
    // A trader that was here before goes on behind its last order.
    let before = accepted.get_strong(&me).await?.unwrap_or_default();
    let (mut taken, mut placed, mut quiet) = (before, before, 0);
    let (mut open, mut mood) = (VecDeque::new(), Mood::of(network.local().id().as_bytes()));
    while !shutdown.is_requested() {
        let now = accepted.get(&me).unwrap_or_default();
        quiet = if now > taken || open.is_empty() { 0 } else { quiet + 1 };
        taken = now;
        open.retain(|order: &Order| order.number > taken);
        if options.orders.is_some_and(|orders| taken - before >= orders) {
            println!("trader {me}: all {} orders were taken in", taken - before);
            return Ok(());
        }
        if open.len() < OPEN && options.orders.is_none_or(|orders| placed - before < orders) {
            placed += 1;
            let order = mood.order(&me, placed);
            orders.send(order.clone()).await?;
            open.push_back(order);
        }
        if quiet == PATIENCE {
            println!("trader {me} hears nothing, and sends {} orders again", open.len());
            for order in &open {
                orders.send(order.clone()).await?;
            }
            quiet = 0;
        }
        sleep(Duration::from_millis(250)).await;
    }
    println!("trader {me}: {} orders were taken in, {} are on the way", taken - before, open.len());
    Ok(())
}

/// Where the trader's opinions come from: a die of its own.
struct Mood(u64);

impl Mood {
    fn of(id: &[u8; 32]) -> Self {
        Self(id.iter().fold(1, |seed, byte| seed * 31 % 1_000_003 + u64::from(*byte)))
    }

    /// A number below `end`.
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }

    fn order(&mut self, me: &str, number: u64) -> Order {
        let side = if self.below(2) == 0 { Side::Buy } else { Side::Sell };
        Order { trader: me.into(), number, side, price: 990 + self.below(21), amount: 1 + self.below(9) }
    }
}
