//! A platform that exists in software alone, with a root of trust of its own: for development and tests.
//!
//! Its quotes and collateral have the form of real ones and go through the same verifier. They prove nothing: whoever knows the
//! seed can make them. So its certificates say SIMULATED, and a verifier takes them only if it was told to trust
//! [`Root::Simulated`](super::Root::Simulated).

mod der;
mod pki;
mod platform;

pub use platform::{Platform, Td};

/// The root certificate of the platform of this seed, in DER.
pub(super) fn root_certificate(seed: u64) -> Vec<u8> {
    pki::Pki::new(seed).map(|pki| pki.root().to_vec()).unwrap_or_default()
}
