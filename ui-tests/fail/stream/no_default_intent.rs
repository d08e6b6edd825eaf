use mosaik::prelude::*;

#[stream]
pub struct Größe {
    pub meter: f32,
}

#[mosaik::node]
async fn sensor(mut out: Producer<Größe>) -> mosaik::Result {
    out.send(Größe { meter: 1.0 }).await?;
    Ok(())
}

fn main() {}
