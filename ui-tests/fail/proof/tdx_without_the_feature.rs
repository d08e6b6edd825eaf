use mosaik::prelude::*;

#[proof(tdx, measurements = file("matcher.measurements"))]
pub struct Badge;

fn main() {
    fn is_a_proof<P: mosaik::tickets::Proof>() {}
    is_a_proof::<Badge>();
}
