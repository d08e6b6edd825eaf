use mosaik::prelude::*;

#[proof(jwt, issuer = "desk")]
pub struct Badge;

fn main() {
    fn is_a_proof<P: mosaik::tickets::Proof>() {}
    is_a_proof::<Badge>();
}
