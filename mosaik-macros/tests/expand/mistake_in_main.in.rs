#[mosaik::node]
async fn main(out: &Producer<Reading>) -> mosaik::Result {
    Ok(())
}
