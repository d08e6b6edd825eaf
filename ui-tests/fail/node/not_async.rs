use mosaik::prelude::*;

#[stream("greenhouse.temperature")]
pub struct Reading {
    pub celsius: f32,
}

#[mosaik::node(tags = ["sensor"])]
fn sensor(out: Producer<Reading>) {
    drop(out);
}

fn main() {
    fn is_a_node<N: mosaik::node::NodeItem>() {}
    is_a_node::<sensor>();
}
