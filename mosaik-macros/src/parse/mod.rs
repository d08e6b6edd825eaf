//! From tokens to a model. Nothing is judged here but what cannot be read.

mod args;
mod collection;
mod data;
mod group;
mod intent;
mod item;
mod keys;
mod methods;
mod node;
mod policy;
mod proof;
mod require;
mod stream;
mod value;

use proc_macro2::TokenStream;

use crate::{diag::Diags, model::Context};

/// The first stage of an attribute.
pub(crate) trait Parse: Sized {
    /// Reads the arguments and the item. `None` when there is no item to make a model of; what is wrong is in `diags`.
    fn parse(args: TokenStream, item: TokenStream, context: &Context, diags: &mut Diags) -> Option<Self>;
}
