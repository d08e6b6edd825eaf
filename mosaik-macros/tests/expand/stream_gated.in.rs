#[stream("dark.orders", require(producers = DeskTicket, consumers = images::MatcherImage & tag("matcher")))]
pub struct Order;
