use mosaik::prelude::*;

pub struct Reading {
    pub celsius: f32,
}

#[mosaik::node]
async fn sensor(out: Producer<Reading>) -> mosaik::Result {
    drop(out);
    Ok(())
}

fn main() {
    fn is_a_node<N: mosaik::node::NodeItem>() {}
    is_a_node::<sensor>();
}
