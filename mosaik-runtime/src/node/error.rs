//! The error of programs: a report for people.
//!
//! Libraries match on each subsystem's enum; a program passes everything up with `?`.

use std::{error::Error as StdError, fmt};

use crate::primitives::Stopped;

/// The result of a node's function.
pub type Result<T = (), E = Error> = std::result::Result<T, E>;

/// An opaque report that takes any error by `?`. It does not implement [`std::error::Error`] itself; that is what lets `?` take
/// every type that does.
pub struct Error(Box<dyn StdError + Send + Sync>);

impl Error {
    /// A report with this text.
    pub fn msg(text: impl fmt::Display) -> Self {
        Self(text.to_string().into())
    }

    /// The error inside, if it is an `E`.
    pub fn downcast_ref<E: StdError + 'static>(&self) -> Option<&E> {
        self.0.downcast_ref()
    }

    /// Whether this comes from the node's own stop.
    pub fn is_stopped(&self) -> bool {
        Stopped::is_in(&*self.0)
    }
}

impl<E: StdError + Send + Sync + 'static> From<E> for Error {
    fn from(error: E) -> Self {
        Self(Box::new(error))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut last = self.0.to_string();
        f.write_str(&last)?;
        let mut next = self.0.source();
        while let Some(cause) = next {
            // Many errors already say what their source says.
            let text = cause.to_string();
            if !last.contains(&text) {
                write!(f, ": {text}")?;
            }
            last = text;
            next = cause.source();
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("cannot read the file")]
    struct Outer(#[source] std::io::Error);

    #[test]
    fn a_report_tells_the_causes_once() {
        let error = Error::from(Outer(std::io::Error::other("disk full")));
        assert_eq!(error.to_string(), "cannot read the file: disk full");
        assert!(error.downcast_ref::<Outer>().is_some() && !error.is_stopped());
    }

    #[test]
    fn a_stop_is_recognised_through_its_wrapping() {
        #[derive(Debug, thiserror::Error)]
        #[error("not sent")]
        struct NotSent(#[source] Stopped);
        assert!(Error::from(NotSent(Stopped)).is_stopped());
    }
}
