//! Prices that one node writes and another one follows.
//!
//! `cargo run --example prices` runs both in one process. In two terminals, `-- oracle` and `-- trader` run one each; start as many
//! traders as you like: they read, and the oracle neither counts them nor waits for them.

use mosaik::{collections::Change, prelude::*};

/// The last price of each symbol.
#[collection("exchange.prices", voters = 1)]
pub struct Prices(collections::Map<String, u64>);

/// Knows what things cost. Every change says what it did.
#[mosaik::node(network = "exchange", tags = ["oracle"])]
async fn oracle(prices: Writer<Prices>, shutdown: Shutdown) -> mosaik::Result<()> {
    prices.when().online().await;
    let old: Option<u64> = prices.insert("ETH".into(), 3812).await?.into_inner();
    let swapped: bool = prices.compare_exchange(&"ETH".into(), Some(&3812), Some(&3900)).await?.into_inner();
    println!("oracle: ETH was {old:?}; 3812 became 3900: {swapped}");
    while !shutdown.is_requested() {
        let applied = prices.increment("ETH".into(), 1).await?;
        println!("oracle: ETH is {} in version {}", applied.result, applied.version);
        sleep(Duration::from_secs(1)).await;
    }
    Ok(())
}

/// Follows the prices: as they are first, then every change.
#[mosaik::node(network = "exchange", tags = ["trader"])]
async fn trader(prices: Reader<Prices>) -> mosaik::Result<()> {
    prices.when().online().await;
    println!("trader: ETH is {:?}", prices.get("ETH"));
    let mut changes = prices.changes();
    while let Some(change) = changes.next().await {
        match change {
            Change::Snapshot(prices) => println!("trader: begins with {prices:?}"),
            Change::Changed { change, .. } => println!("trader: {change:?}"),
        }
    }
    Ok(())
}

mosaik::main!(oracle, trader);
