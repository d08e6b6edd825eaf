use mosaik::prelude::*;

#[stream("greenhouse.temperature")]
pub struct Reading {
    pub label: &'static str,
}

#[mosaik::node]
async fn sensor(mut out: Producer<Reading>) -> mosaik::Result {
    out.send(Reading { label: "north" }).await?;
    Ok(())
}

fn main() {}
