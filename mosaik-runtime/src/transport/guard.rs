//! Whether frames may pass over a link now: asked by whoever admitted the peer, at each frame.

use futures::future::BoxFuture;

/// Holds the frames of a link back while it is not known whether the peer may still send and get them.
pub trait Guard: Send + Sync + 'static {
    /// Whether frames may pass now.
    fn is_sound(&self) -> bool;

    /// Waits until it is known whether frames may pass, and says it: false for never again. Cancel-safe.
    fn sound(&self) -> BoxFuture<'_, bool>;
}
