use mosaik::prelude::*;

#[stream("lab.sample")]
pub struct Sample<T> {
    pub value: T,
}

#[mosaik::node]
async fn sensor(mut out: Producer<Sample<f32>>) -> mosaik::Result {
    out.send(Sample { value: 1.0 }).await?;
    Ok(())
}

fn main() {}
