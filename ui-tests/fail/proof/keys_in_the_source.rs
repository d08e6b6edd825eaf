use mosaik::prelude::*;

#[proof(jwt, keys = "eyJrdHkiOiJPS1AifQ")]
pub struct Badge;

fn main() {
    fn is_a_proof<P: mosaik::tickets::Proof>() {}
    is_a_proof::<Badge>();
}
