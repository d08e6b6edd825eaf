use mosaik::prelude::*;

#[stream("greenhouse.temperature")]
pub struct Reading {
    pub celsius: f32,
}

struct Probe;

impl Probe {
    #[mosaik::node]
    async fn sensor(&self, out: Producer<Reading>) -> mosaik::Result {
        drop(out);
        Ok(())
    }
}

fn main() {
    let _ = Probe::sensor;
}
