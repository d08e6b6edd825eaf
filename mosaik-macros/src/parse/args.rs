//! The one grammar of arguments: an intent may stand first, then `name`, `name = value` or `name(…)`. A word that stands
//! alone, such as `state_machine`, may stand before the intent.
//!
//! Unknown words, duplicates and missing commas are found here, once for all attributes.

use proc_macro2::{Delimiter, Ident, TokenStream, TokenTree};

use super::keys::{Key, Site};
use crate::{
    diag::{Diags, catalog},
    model::{Place, Spanned, shown},
};

/// One option as it was written.
pub(crate) struct Arg {
    pub(crate) word: Ident,
    pub(crate) key: &'static Key,
    pub(crate) value: Value,
}

/// What follows the word of an option.
pub(crate) enum Value {
    /// Nothing.
    Flag,
    /// `= value`
    Is(TokenStream),
    /// `(…)`
    List(TokenStream),
}

impl Arg {
    /// The place of the value, or of the word when there is none.
    pub(crate) fn place(&self) -> Place {
        match &self.value {
            Value::Is(tokens) => Place::of(tokens),
            Value::Flag | Value::List(_) => Place::of(&self.word),
        }
    }
}

/// All options of one attribute.
pub(crate) struct Args {
    /// The intent that stands first.
    pub(crate) intent: Option<Spanned<String>>,
    found: Vec<Arg>,
}

impl Args {
    /// Reads the arguments of `site`.
    pub(crate) fn read(tokens: TokenStream, site: &Site, diags: &mut Diags) -> Self {
        let mut args = Self { intent: None, found: Vec::new() };
        for (at, segment) in split(tokens).into_iter().enumerate() {
            args.segment(at, segment, site, diags);
        }
        args
    }

    /// Takes the option with this word.
    pub(crate) fn take(&mut self, name: &str) -> Option<Arg> {
        let at = self.found.iter().position(|arg| arg.key.name == name)?;
        Some(self.found.remove(at))
    }

    /// Where the option with this word stands.
    pub(crate) fn place_of(&self, name: &str) -> Option<Place> {
        self.found.iter().find(|arg| arg.key.name == name).map(|arg| Place::of(&arg.word))
    }

    fn segment(&mut self, at: usize, tokens: Vec<TokenTree>, site: &Site, diags: &mut Diags) {
        let Some((first, rest)) = tokens.split_first() else { return };
        if let (Some(text), true) = (text(first), site.has_intent) {
            let only_words = self.found.iter().all(|arg| arg.key.is_flag());
            if self.intent.is_none() && (at == 0 || only_words && !self.found.is_empty()) {
                self.intent = Some(text);
            } else {
                diags.push(catalog::intent_not_first(text.place, site.shown, &text.value));
            }
            return self.after_value(rest, site, diags);
        }
        let TokenTree::Ident(word) = first else {
            let all: TokenStream = tokens.iter().cloned().collect();
            let diag = catalog::not_an_option(Place::of(&all), site.shown, &shown(&all), &site.names());
            return diags.push(diag);
        };
        let (value, rest) = value(rest);
        self.after_value(&rest, site, diags);
        self.option(word, value, site, diags);
    }

    fn option(&mut self, word: &Ident, value: Value, site: &Site, diags: &mut Diags) {
        let place = Place::of(word);
        let name = word.to_string();
        let Some(key) = site.find(&name) else {
            return diags.push(catalog::unknown_option(place, site.shown, &name, &site.names()));
        };
        if let Some(first) = self.found.iter().find(|arg| arg.key.name == name) {
            return diags.push(catalog::option_twice(place, Place::of(&first.word), &name));
        }
        let empty = matches!(&value, Value::Is(tokens) if tokens.is_empty()) || matches!(value, Value::Flag);
        match (key.is_flag(), empty) {
            (false, true) => return diags.push(catalog::option_without_value(place, &name, key.form)),
            (true, false) => diags.push(catalog::flag_with_value(place, &name)),
            _ => {}
        }
        self.found.push(Arg { word: word.clone(), key, value });
    }

    /// What stands behind a complete option begins the next one, and a comma is missing.
    fn after_value(&mut self, rest: &[TokenTree], site: &Site, diags: &mut Diags) {
        let Some(next) = rest.first() else { return };
        diags.push(catalog::comma_missing(Place::of(next), &shown(next)));
        if matches!(next, TokenTree::Ident(word) if site.find(&word.to_string()).is_some()) {
            self.segment(1, rest.to_vec(), site, diags);
        }
    }
}

/// Splits at commas; empty pieces (a trailing comma) are left out.
fn split(tokens: TokenStream) -> Vec<Vec<TokenTree>> {
    let mut segments = vec![Vec::new()];
    for token in tokens {
        match (&token, segments.last_mut()) {
            (TokenTree::Punct(punct), _) if punct.as_char() == ',' => segments.push(Vec::new()),
            (_, Some(segment)) => segment.push(token),
            (_, None) => {}
        }
    }
    segments.retain(|segment| !segment.is_empty());
    segments
}

/// Splits what follows a word into its value and what does not belong to it: the next option, when a comma is missing.
fn value(rest: &[TokenTree]) -> (Value, Vec<TokenTree>) {
    match rest.split_first() {
        Some((TokenTree::Punct(punct), value)) if punct.as_char() == '=' => {
            let next = (1..value.len()).find(|at| begins_option(&value[*at..])).unwrap_or(value.len());
            (Value::Is(value[..next].iter().cloned().collect()), value[next..].to_vec())
        }
        Some((TokenTree::Group(group), rest)) if group.delimiter() == Delimiter::Parenthesis => {
            (Value::List(group.stream()), rest.to_vec())
        }
        _ => (Value::Flag, rest.to_vec()),
    }
}

fn begins_option(tokens: &[TokenTree]) -> bool {
    let [TokenTree::Ident(_), TokenTree::Punct(equals), after @ ..] = tokens else { return false };
    let doubled =
        matches!(after.first(), Some(TokenTree::Punct(next)) if matches!(next.as_char(), '=' | '>'));
    equals.as_char() == '=' && !doubled
}

fn text(token: &TokenTree) -> Option<Spanned<String>> {
    let literal: syn::LitStr = syn::parse2(token.clone().into()).ok()?;
    Some(Spanned::new(literal.value(), literal.span()))
}
