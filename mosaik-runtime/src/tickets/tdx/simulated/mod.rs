//! A platform that exists in software alone, with a root of trust of its own: for development and tests.
//!
//! Its quotes and collateral have the form of real ones and go through the same verifier. They prove nothing: whoever knows the
//! seed can make them. So its certificates say SIMULATED, and a verifier takes them only if it was told to trust
//! [`Root::Simulated`](super::Root::Simulated).

mod der;
mod pki;
mod platform;

use std::time::Duration;

pub use platform::{Platform, Td};

use super::{ProveError, Prover};
use crate::primitives::{NetworkId, PeerId, Wall};

/// The seed of the platform that declared proofs trust with `platform = simulated`, and that makes their quotes.
pub const DEVELOPMENT: u64 = 0;

/// How long the collateral that a prover of the development platform sends along is good for.
const COLLATERAL: Duration = Duration::from_secs(30 * 24 * 3600);

/// The variable that names the image of this program instead of its file.
const IMAGE: &str = "MOSAIK_SIMULATED_IMAGE";

/// What this program is called as a simulated image: by the variable `MOSAIK_SIMULATED_IMAGE`, else by its file.
pub fn image() -> String {
    let file = || std::env::current_exe().ok()?.file_stem().map(|stem| stem.to_string_lossy().into_owned());
    let said = std::env::var(IMAGE).ok().filter(|said| !said.is_empty());
    said.or_else(file).unwrap_or_else(|| "program".to_owned())
}

/// Makes tickets of the [`DEVELOPMENT`] platform on which `td` runs, for one peer on one network, with collateral of `now` that is good for
/// 30 days.
///
/// # Errors
///
/// When the platform's certificates cannot be made.
pub fn prover(td: Td, network: NetworkId, peer: PeerId, now: Wall) -> Result<Prover, ProveError> {
    let platform = Platform::new(DEVELOPMENT, td)?;
    let collateral = platform.collateral(now, COLLATERAL)?;
    Ok(Prover::new(platform, network, peer).with_collateral(collateral))
}

/// The root certificate of the platform of this seed, in DER.
pub(super) fn root_certificate(seed: u64) -> Vec<u8> {
    pki::Pki::new(seed).map(|pki| pki.root().to_vec()).unwrap_or_default()
}
