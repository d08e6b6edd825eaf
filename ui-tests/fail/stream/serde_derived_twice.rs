use mosaik::prelude::*;

use mosaik::__private::{Deserialize, Serialize};

#[stream("greenhouse.temperature")]
#[derive(Debug, Serialize, Deserialize)]
#[serde(crate = "mosaik::__private::serde")]
pub struct Reading {
    pub celsius: f32,
}

#[mosaik::node]
async fn sensor(mut out: Producer<Reading>) -> mosaik::Result {
    out.send(Reading { celsius: 21.0 }).await?;
    Ok(())
}

fn main() {}
