//! Clocks, dice, hash order and the outside world inside a command: what its spelling shows.
//!
//! It is a lint: a command can call a function that does any of these, and nobody sees it here. What it catches are the usual
//! slips.

use proc_macro2::{TokenStream, TokenTree};

use super::group::UNORDERED;
use crate::{
    diag::{Diag, Diags, catalog},
    model::{Method, Place},
};

const CLOCKS: &[&str] = &["SystemTime", "Instant", "Utc", "Local", "OffsetDateTime", "Timestamp"];
const NOW: &[&str] = &["now", "now_utc", "now_local"];
const DICE: &[&str] = &["thread_rng", "rand", "fastrand", "getrandom", "OsRng", "ThreadRng", "RandomState"];
const OUTSIDE: &[&str] = &["fs", "env", "thread", "File", "TcpStream", "UdpSocket"];

/// Complains about the first of each that the body names.
pub(super) fn check(method: &Method, name: &str, diags: &mut Diags) {
    let mut tokens = Vec::new();
    flatten(&method.body, &mut tokens);
    let found = (0..tokens.len()).filter_map(|at| judge(&tokens, at, name));
    found.take(1).for_each(|diag| diags.push(diag));
}

fn flatten(tokens: &TokenStream, into: &mut Vec<TokenTree>) {
    for token in tokens.clone() {
        match token {
            TokenTree::Group(group) => flatten(&group.stream(), into),
            token => into.push(token),
        }
    }
}

fn judge(tokens: &[TokenTree], at: usize, method: &str) -> Option<Diag> {
    let TokenTree::Ident(word) = &tokens[at] else { return None };
    let word = word.to_string();
    let next = path_after(tokens, at);
    let place = match &next {
        Some((_, end)) => Place { start: tokens[at].span(), end: end.span() },
        None => Place::of(&tokens[at]),
    };
    let next = next.map(|(next, _)| next);
    if CLOCKS.contains(&word.as_str()) && next.as_deref().is_some_and(|next| NOW.contains(&next)) {
        return Some(catalog::reads_the_clock(place, method));
    }
    let uuid = word == "Uuid" && next.as_deref().is_some_and(|next| ["new_v4", "now_v7"].contains(&next));
    let is_call_or_path = next.is_some() || word == "thread_rng" || word.ends_with("Rng");
    if uuid || DICE.contains(&word.as_str()) && is_call_or_path {
        return Some(catalog::rolls_dice(place, method));
    }
    if let Some((given, ordered)) = UNORDERED.iter().find(|(name, _)| word == *name) {
        return Some(catalog::unordered_command(Place::of(&tokens[at]), method, given, ordered));
    }
    let begins_path = at == 0 || !is_colon(&tokens[at - 1]) || is_std(tokens, at);
    match next {
        Some(next) if OUTSIDE.contains(&word.as_str()) && begins_path => {
            Some(catalog::looks_outside(place, method, &format!("{word}::{next}")))
        }
        _ => None,
    }
}

fn is_colon(token: &TokenTree) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == ':')
}

/// Whether `std::` stands before the word.
fn is_std(tokens: &[TokenTree], at: usize) -> bool {
    at.checked_sub(3).is_some_and(|std| matches!(&tokens[std], TokenTree::Ident(word) if word == "std"))
}

/// The word after `::`, with its token.
fn path_after(tokens: &[TokenTree], at: usize) -> Option<(String, &TokenTree)> {
    match tokens.get(at + 1..at + 4)? {
        [a, b, next @ TokenTree::Ident(word)] if is_colon(a) && is_colon(b) => Some((word.to_string(), next)),
        _ => None,
    }
}
