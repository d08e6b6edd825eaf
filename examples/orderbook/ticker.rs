//! Says each fill that it is told of, once.

use mosaik::prelude::*;

use crate::market::Fill;

/// What the ticker says of each fill.
pub const FILL: &str = "fill";

/// Follows the stream of fills.
#[mosaik::node(network = "exchange", tags = ["ticker"])]
pub async fn ticker(mut fills: Consumer<Fill>) -> mosaik::Result<()> {
    let mut last = 0;
    while let Some(fill) = fills.next().await {
        let Fill { number, buyer, seller, price, amount } = fill;
        // A new leader tells the latest fills again, in case the one before it could not.
        if number > last {
            println!("ticker: {FILL} {number}: {amount} for {price} each, {buyer} from {seller}");
            last = number;
        }
    }
    Ok(())
}
