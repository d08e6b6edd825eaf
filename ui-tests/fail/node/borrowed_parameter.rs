use mosaik::prelude::*;

#[stream("greenhouse.temperature")]
pub struct Reading {
    pub celsius: f32,
}

#[mosaik::node]
async fn sensor(out: &mut Producer<Reading>) -> mosaik::Result {
    out.send(Reading { celsius: 21.0 }).await?;
    Ok(())
}

fn main() {
    fn is_a_node<N: mosaik::node::NodeItem>() {}
    is_a_node::<sensor>();
}
