//! Values of options: numbers, texts, words, calls.

use syn::{Expr, ExprCall, ExprLit, Lit};

use super::args::{Arg, Value};
use crate::{
    diag::{Diag, catalog},
    model::{Place, Spanned, shown},
};

/// `64`
pub(crate) fn number(arg: &Arg) -> Result<Spanned<usize>, Diag> {
    expression(arg)
        .and_then(|expr| number_of(&expr))
        .ok_or_else(|| catalog::number_expected(arg.place(), arg.key.name, arg.key.form))
}

/// `"text"`
pub(crate) fn text(arg: &Arg) -> Result<Spanned<String>, Diag> {
    expression(arg)
        .and_then(|expr| text_of(&expr))
        .ok_or_else(|| catalog::text_expected(arg.place(), arg.key.name, arg.key.form))
}

/// One word of several.
pub(crate) fn choice<T: Copy>(arg: &Arg, choices: &[(&str, T)]) -> Result<T, Diag> {
    let given = match &arg.value {
        Value::Is(tokens) => shown(tokens),
        _ => arg.word.to_string(),
    };
    match choices.iter().find(|(word, _)| *word == given) {
        Some((_, value)) => Ok(*value),
        None => {
            let words: Vec<_> = choices.iter().map(|(word, _)| *word).collect();
            Err(catalog::unknown_choice(arg.place(), arg.key.name, &given, &words))
        }
    }
}

/// The value as an expression, if it is one.
pub(crate) fn expression(arg: &Arg) -> Option<Expr> {
    match &arg.value {
        Value::Is(tokens) => syn::parse2(tokens.clone()).ok(),
        _ => None,
    }
}

/// A whole number.
pub(crate) fn number_of(expr: &Expr) -> Option<Spanned<usize>> {
    match expr {
        Expr::Lit(ExprLit { lit: Lit::Int(number), .. }) if number.suffix().is_empty() => {
            Some(Spanned::new(number.base10_parse().ok()?, number.span()))
        }
        _ => None,
    }
}

/// A text in quotes.
pub(crate) fn text_of(expr: &Expr) -> Option<Spanned<String>> {
    match expr {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(Spanned::new(text.value(), text.span())),
        _ => None,
    }
}

/// `name(a, b)` as its name and arguments.
pub(crate) fn call(expr: &Expr) -> Option<(String, Vec<&Expr>)> {
    let Expr::Call(ExprCall { func, args, .. }) = expr else { return None };
    let Expr::Path(path) = &**func else { return None };
    Some((path.path.get_ident()?.to_string(), args.iter().collect()))
}

/// `name("text")` as its text, or the place of what is not one.
pub(crate) fn call_with_text(name: &str, expr: &Expr) -> Result<Spanned<String>, Place> {
    match call(expr) {
        Some((called, args)) if called == name => match args.as_slice() {
            [only] => text_of(only).ok_or_else(|| Place::of(only)),
            _ => Err(Place::of(expr)),
        },
        _ => Err(Place::of(expr)),
    }
}
