//! Mistakes: collected, then turned into one compiler error each.

pub(crate) mod catalog;
pub(crate) mod suggest;

use proc_macro2::{Delimiter, Group, Ident, Literal, Punct, Spacing, TokenStream, TokenTree};

use crate::model::Place;

/// One mistake of the user, and what to do about it.
pub(crate) struct Diag {
    place: Place,
    message: String,
    also: Option<(Place, String)>,
}

impl Diag {
    /// A mistake at a place. The message is lower case and has no full stop.
    pub(crate) fn new(place: impl Into<Place>, message: impl Into<String>) -> Self {
        Self { place: place.into(), message: message.into(), also: None }
    }

    /// Adds what to type.
    pub(crate) fn help(mut self, help: impl AsRef<str>) -> Self {
        self.message.extend(["\nhelp: ", help.as_ref()]);
        self
    }

    /// Adds why the rule exists.
    pub(crate) fn note(mut self, note: impl AsRef<str>) -> Self {
        self.message.extend(["\nnote: ", note.as_ref()]);
        self
    }

    /// Adds a second place, which becomes a second error: stable macros have no notes with a place.
    pub(crate) fn also(mut self, place: Place, message: impl Into<String>) -> Self {
        self.also = Some((place, message.into()));
        self
    }
}

/// An item that is half typed. The compiler says more about it than we could, in words of its own.
impl From<syn::Error> for Diag {
    fn from(error: syn::Error) -> Self {
        Self::new(error.span(), "this item cannot be read: something is missing here")
    }
}

/// All mistakes of one item.
#[derive(Default)]
pub(crate) struct Diags(Vec<Diag>);

impl Diags {
    /// Adds a mistake.
    pub(crate) fn push(&mut self, diag: Diag) {
        self.0.push(diag);
    }

    /// Adds the mistake, if this is one.
    pub(crate) fn take<T>(&mut self, result: Result<T, Diag>) -> Option<T> {
        result.map_err(|diag| self.push(diag)).ok()
    }

    /// Whether nothing is wrong so far.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// One compiler error per mistake and place.
    pub(crate) fn into_tokens(self) -> TokenStream {
        let errors = self.0.into_iter().flat_map(|diag| {
            let second = diag.also.map(|(place, message)| compile_error(place, &message));
            std::iter::once(compile_error(diag.place, &diag.message)).chain(second)
        });
        errors.collect()
    }
}

/// `::core::compile_error! { "message" }`, spanned so that the compiler underlines the whole place.
fn compile_error(place: Place, message: &str) -> TokenStream {
    let ident = |name| TokenTree::from(Ident::new(name, place.start));
    let punct = |mark, spacing| {
        let mut punct = Punct::new(mark, spacing);
        punct.set_span(place.start);
        TokenTree::from(punct)
    };
    let mut text = Literal::string(message);
    text.set_span(place.end);
    let mut braces = Group::new(Delimiter::Brace, TokenTree::from(text).into());
    braces.set_span(place.end);
    let colons = || [punct(':', Spacing::Joint), punct(':', Spacing::Alone)];
    let mut tokens = TokenStream::new();
    tokens.extend(colons());
    tokens.extend([ident("core")]);
    tokens.extend(colons());
    tokens.extend([ident("compile_error"), punct('!', Spacing::Alone), braces.into()]);
    tokens
}
