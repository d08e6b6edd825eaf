use mosaik::prelude::*;

#[proof(jwt, keys = file("desk.jwks"))]
pub enum Badge {
    Gold,
}

fn main() {
    let _ = Badge::Gold;
}
