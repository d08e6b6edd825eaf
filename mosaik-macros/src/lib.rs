//! The attributes of mosaik.
//!
//! An attribute takes four steps, and each is a folder: `parse` reads the arguments and the item into a plain `model`,
//! `validate` complains about all that is wrong with it at once, `expand` turns what is left into Rust. Generated
//! code is a form filled in: constants and one call. What it does lives in the runtime.

mod diag;
mod expand;
mod model;
mod parse;
mod pipeline;
mod validate;

#[cfg(test)]
mod tests;

use proc_macro::TokenStream;

/// Declares that a struct or enum travels on a stream.
#[doc = include_str!("../doc/stream.md")]
#[proc_macro_attribute]
pub fn stream(args: TokenStream, item: TokenStream) -> TokenStream {
    pipeline::attribute::<model::Stream>(args, item)
}

/// Makes a struct or enum able to travel inside another.
#[doc = include_str!("../doc/data.md")]
#[proc_macro_attribute]
pub fn data(args: TokenStream, item: TokenStream) -> TokenStream {
    pipeline::attribute::<model::Data>(args, item)
}

/// Declares that a struct or enum is the state of a replicated group.
#[doc = include_str!("../doc/group.md")]
#[proc_macro_attribute]
pub fn group(args: TokenStream, item: TokenStream) -> TokenStream {
    pipeline::attribute::<model::Group>(args, item)
}

/// Declares a replicated collection: a struct around one container of `collections`.
#[doc = include_str!("../doc/collection.md")]
#[proc_macro_attribute]
pub fn collection(args: TokenStream, item: TokenStream) -> TokenStream {
    pipeline::attribute::<model::Collection>(args, item)
}

/// Makes the methods of a group's state commands and queries of the group.
#[doc = include_str!("../doc/methods.md")]
#[proc_macro_attribute]
pub fn methods(args: TokenStream, item: TokenStream) -> TokenStream {
    pipeline::attribute::<model::Methods>(args, item)
}

/// Declares a proof: a named type that `require(..)` asks for, and that nodes prove.
#[doc = include_str!("../doc/proof.md")]
#[proc_macro_attribute]
pub fn proof(args: TokenStream, item: TokenStream) -> TokenStream {
    pipeline::attribute::<model::Proof>(args, item)
}

/// Makes an async function a node: its parameters are its wiring.
#[doc = include_str!("../doc/node.md")]
#[proc_macro_attribute]
pub fn node(args: TokenStream, item: TokenStream) -> TokenStream {
    pipeline::attribute::<model::Node>(args, item)
}
