use mosaik::prelude::*;

#[stream("greenhouse.temperature")]
pub struct Reading {
    pub celsius: f32,
}

#[mosaik::node]
async fn sensor(mut out: Producer<Reading>) -> mosaik::Result {
    let celsius = std::rc::Rc::new(21.0);
    out.send(Reading { celsius: *celsius }).await?;
    drop(celsius);
    Ok(())
}

fn main() {
    fn is_a_node<N: mosaik::node::NodeItem>() {}
    is_a_node::<sensor>();
}
