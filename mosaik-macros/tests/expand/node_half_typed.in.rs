#[mosaik::node]
async fn sensor(mut loads: Producer<Load>) -> mosaik::Result {
    let x = loads.
}
