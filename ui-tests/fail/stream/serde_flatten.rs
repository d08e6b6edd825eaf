use mosaik::prelude::*;

#[stream("greenhouse.temperature")]
pub struct Reading {
    pub celsius: f32,
    #[serde(flatten)]
    pub place: Place,
}

#[mosaik::data]
pub struct Place(u32);

#[mosaik::node]
async fn sensor(mut out: Producer<Reading>) -> mosaik::Result {
    out.send(Reading { celsius: 21.0, place: Place(7) }).await?;
    Ok(())
}

fn main() {}
