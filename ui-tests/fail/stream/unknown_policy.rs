use mosaik::prelude::*;

#[stream("greenhouse.temperature", require(consumers = tags("display")))]
pub struct Reading {
    pub celsius: f32,
}

#[mosaik::node]
async fn sensor(mut out: Producer<Reading>) -> mosaik::Result {
    out.send(Reading { celsius: 21.0 }).await?;
    Ok(())
}

fn main() {}
