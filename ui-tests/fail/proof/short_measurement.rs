use mosaik::prelude::*;

#[proof(tdx, measurements = file("matcher.measurements"), mrtd = hex("c0ffee"))]
pub struct MatcherImage;

fn main() {
    fn is_a_proof<P: mosaik::tickets::Proof>() {}
    is_a_proof::<MatcherImage>();
}
