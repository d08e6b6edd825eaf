use mosaik::prelude::*;

#[proof(tdx, max_age = "24h")]
pub struct Badge;

fn main() {
    fn is_a_proof<P: mosaik::tickets::Proof>() {}
    is_a_proof::<Badge>();
}
