use mosaik::prelude::*;

#[stream("greenhouse.temperature")]
async fn readings() {}

fn main() {
    drop(readings());
}
