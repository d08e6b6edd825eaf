#[group(collections, "exchange", voters = 3)]
pub struct Exchange {
    bids: Bids,
    asks: Bids,
}
