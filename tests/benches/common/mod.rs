//! What the benches share: their command line, repeats and medians, use of the processor, the table and the JSON file.
//!
//! It measures nothing itself.

pub(crate) mod options;
pub(crate) mod repeat;
pub(crate) mod report;
pub(crate) mod usage;

/// The result of a step of a bench; an error is text for the person who runs it.
pub(crate) type Fallible<T = ()> = Result<T, Box<dyn std::error::Error + Send + Sync>>;
