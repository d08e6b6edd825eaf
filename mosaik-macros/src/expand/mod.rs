//! From a model with which nothing is wrong to Rust. This stage cannot fail and knows no mistakes.
//!
//! What is generated is a form, filled in: constants and one call. A snapshot of each is in `tests/expand/`.

mod bundle;
mod collection;
mod data;
mod group;
mod methods;
mod node;
pub(crate) mod paths;
mod policy;
mod proof;
mod stream;
mod stub;

use proc_macro2::TokenStream;

use crate::validate::Valid;
use paths::Paths;

/// The last stage of an attribute.
pub(crate) trait Expand: Sized {
    /// The user's item and what belongs to it.
    fn expand(valid: &Valid<Self>, paths: &Paths) -> TokenStream;

    /// The user's item, and the least that keeps later code quiet after a mistake.
    fn stub(&self, paths: &Paths) -> TokenStream;
}
