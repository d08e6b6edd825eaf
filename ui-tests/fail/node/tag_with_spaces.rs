use mosaik::prelude::*;

#[stream("greenhouse.temperature")]
pub struct Reading {
    pub celsius: f32,
}

#[mosaik::node(tags = ["green house"])]
async fn sensor(out: Producer<Reading>) -> mosaik::Result {
    drop(out);
    Ok(())
}

fn main() {
    fn is_a_node<N: mosaik::node::NodeItem>() {}
    is_a_node::<sensor>();
}
