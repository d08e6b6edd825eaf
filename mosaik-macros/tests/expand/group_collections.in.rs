/// Orders that wait.
#[group(collections, "exchange", voters = 3, storage = durable)]
pub struct Exchange {
    /// Who buys.
    pub bids: Bids,
    pub asks: Asks,
}
