//! A platform that there is not.

use mosaik::prelude::*;

#[proof(tdx, measurements = file("matcher.measurements"), platform = amd)]
pub struct MatcherImage;

fn main() {}
