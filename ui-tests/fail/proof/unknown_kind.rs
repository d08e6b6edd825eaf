use mosaik::prelude::*;

#[proof(jtw, keys = file("desk.jwks"))]
pub struct Badge;

fn main() {
    fn is_a_proof<P: mosaik::tickets::Proof>() {}
    is_a_proof::<Badge>();
}
