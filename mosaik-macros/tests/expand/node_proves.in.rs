#[mosaik::node(network = "dark", proves = [DeskTicket, images::MatcherImage])]
async fn matcher(orders: Consumer<Order>) -> mosaik::Result {
    Ok(())
}
