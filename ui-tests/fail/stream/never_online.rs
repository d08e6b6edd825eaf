use mosaik::prelude::*;

#[stream("greenhouse.temperature", max_consumers = 1, online_when = subscribed(2))]
pub struct Reading {
    pub celsius: f32,
}

#[mosaik::node]
async fn sensor(mut out: Producer<Reading>) -> mosaik::Result {
    out.send(Reading { celsius: 21.0 }).await?;
    Ok(())
}

fn main() {}
