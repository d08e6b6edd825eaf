#[collection("exchange.prices", voters = 0)]
pub struct Prices(HashMap<String, u64>);
