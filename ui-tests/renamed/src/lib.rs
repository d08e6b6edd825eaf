//! A user who calls the crate by another name, and has no other dependency.
