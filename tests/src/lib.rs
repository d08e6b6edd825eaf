//! Tests over several crates and processes, and the benches.
//!
//! The code blocks of the book are compiled here, as doc tests.

pub mod input;
pub mod own;
pub mod programs;
pub mod scratch;

/// The chapters of the book.
#[cfg(doctest)]
mod book {
    #[doc = include_str!("../../docs/getting-started.md")]
    mod getting_started {}
    #[doc = include_str!("../../docs/simulator.md")]
    mod simulator {}
    #[doc = include_str!("../../docs/streams.md")]
    mod streams {}
    #[doc = include_str!("../../docs/groups.md")]
    mod groups {}
    #[doc = include_str!("../../docs/collections.md")]
    mod collections {}
    #[doc = include_str!("../../docs/discovery.md")]
    mod discovery {}
    #[doc = include_str!("../../docs/networks.md")]
    mod networks {}
    #[doc = include_str!("../../README.md")]
    mod readme {}
}
