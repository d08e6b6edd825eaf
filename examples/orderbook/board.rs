//! Shows the book. It reads the collections, and has no part in keeping them: the engines neither count the boards nor wait for
//! them.

use mosaik::{collections::Snapshot, prelude::*};

use crate::{
    market::{Asks, Bids, Clock, Exchange},
    matching::{Place, Waiting},
};

/// How many orders of each side it shows.
const SHOWN: usize = 3;

/// Says once a second how the book looks.
#[mosaik::node(network = "exchange", tags = ["board"])]
pub async fn board(exchange: Reader<Exchange>, shutdown: Shutdown) -> mosaik::Result<()> {
    exchange.when().online().await;
    while !shutdown.is_requested() {
        let book = exchange.snapshot();
        println!(
            "board: {} orders; they buy {}; they sell {}",
            book.of::<Clock>().get().copied().unwrap_or_default(),
            side(&book.of::<Bids>()),
            side(&book.of::<Asks>()),
        );
        sleep(Duration::from_secs(1)).await;
    }
    Ok(())
}

/// The best offers of one side.
fn side(book: &Snapshot<collections::Map<Place, Waiting>>) -> String {
    let best: Vec<_> =
        book.iter().take(SHOWN).map(|(_, one)| format!("{} for {}", one.amount, one.price)).collect();
    if best.is_empty() { "nothing".to_owned() } else { best.join(", ") }
}
