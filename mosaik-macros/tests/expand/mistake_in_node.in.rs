#[mosaik::node(tags = sensor)]
fn sensor(mut out: Producer<Reading>) {}
