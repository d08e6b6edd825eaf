//! Intel TDX quotes as tickets: a peer proves which image runs in its trust domain.
//!
//! [`Tdx`] is a [`Validator`](super::Validator). It verifies a quote in full (certificates up to Intel's root, revocation lists,
//! the platform's and the quoting enclave's status with their dates), then that the quote was made for this peer on this network,
//! not too long ago, by an image with the measurements that are required. A [`Prover`] makes such tickets from a [`Quoter`]: the
//! kernel's interface ([`Tsm`]), or a [`simulated`] platform for development, whose root of trust no verifier accepts unless it
//! was told to.
//!
//! It fetches nothing from the internet: what Intel publishes about platforms ([`Collateral`]) is given to it, or comes with a ticket.

mod collateral;
mod file;
#[cfg(feature = "sim")]
pub(crate) mod fuzz;
mod measurements;
mod prover;
mod report_data;
mod required;
pub mod simulated;
#[cfg(test)]
mod tests;
mod tsm;
mod validator;
mod verify;

pub use collateral::{Collateral, CollateralDirectory, CollateralError, CollateralSource};
pub use dcap_qvl::TcbStatus;
pub use file::{MeasurementsFile, MeasurementsFileError};
pub use measurements::{Measurement, MeasurementsError, Variant, Variants};
pub use prover::{ProveError, Prover, Quoter};
pub use report_data::{ReportData, answer_data, report_data};
pub use required::{Required, Root};
pub use tsm::{Files, SystemFiles, Tsm, TsmError};
pub use validator::{Tdx, quote_of};
pub use verify::{Verified, measure, verify};
