use mosaik::prelude::*;

#[proof(jwt, keys = file("desk.jwks"), algorithm = RS256)]
pub struct Badge;

fn main() {
    fn is_a_proof<P: mosaik::tickets::Proof>() {}
    is_a_proof::<Badge>();
}
