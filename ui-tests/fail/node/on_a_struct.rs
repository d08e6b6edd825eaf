use mosaik::prelude::*;

#[stream("greenhouse.temperature")]
pub struct Reading {
    pub celsius: f32,
}

#[mosaik::node]
pub struct Sensor {
    pub out: Producer<Reading>,
}

fn main() {
    fn uses(_: Sensor) {}
    let _ = uses;
}
