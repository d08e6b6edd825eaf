//! Tests of machines, and the machine that they share.

mod fences;
mod golden;
mod panics;
mod replay;
mod schemas;
mod sessions;
pub(in crate::groups) mod toy;

fn toy_schema() -> crate::primitives::Fingerprint {
    super::schema::<toy::Toy>().0
}
