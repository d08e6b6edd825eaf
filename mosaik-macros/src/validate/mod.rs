//! Judges a model: all complaints at once.
//!
//! Only this stage makes a [`Valid`], and only a [`Valid`] can be expanded: that generated code never sees unchecked
//! input is a matter of types.

mod bundle;
mod collection;
mod data;
mod determinism;
mod fields;
mod group;
mod intent;
mod methods;
mod node;
mod policy;
mod proof;
mod stream;

use std::ops::Deref;

use crate::diag::Diags;

/// The second stage of an attribute.
pub(crate) trait Check {
    /// Complains about all that is wrong.
    fn check(&self, diags: &mut Diags);
}

/// A model with which nothing is wrong.
pub(crate) struct Valid<M>(M);

impl<M> Deref for Valid<M> {
    type Target = M;

    fn deref(&self) -> &M {
        &self.0
    }
}

/// Checks a model; gives it back when anything is wrong with it, or was already.
pub(crate) fn run<M: Check>(model: M, diags: &mut Diags) -> Result<Valid<M>, M> {
    model.check(diags);
    if diags.is_empty() { Ok(Valid(model)) } else { Err(model) }
}

/// Whether the text can be a tag or a label: 1 to 64 bytes of printable text without white space.
fn is_plain(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.chars().all(|c| !c.is_whitespace() && !c.is_control())
}
