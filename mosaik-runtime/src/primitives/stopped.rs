//! The mark of everything that ended because the node is stopping.

/// The node is stopping. Errors that come from a stop have this as their source, so that a function that ends with one is
/// not counted as failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, thiserror::Error)]
#[error("the node is stopping")]
pub struct Stopped;

impl Stopped {
    /// Whether `error` or one of its sources is a stop.
    pub fn is_in(error: &(dyn std::error::Error + 'static)) -> bool {
        std::iter::successors(Some(error), |error| error.source()).any(|error| error.is::<Self>())
    }
}
