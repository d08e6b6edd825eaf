use mosaik::prelude::*;

#[derive(Default)]
pub struct Office;

#[proof(Office)]
pub struct Badge;

fn main() {
    fn is_a_proof<P: mosaik::tickets::Proof>() {}
    is_a_proof::<Badge>();
}
