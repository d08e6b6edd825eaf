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

/// A duration in milliseconds.
pub(crate) fn milliseconds(text: &Spanned<String>) -> Result<u64, Diag> {
    duration(&text.value).ok_or_else(|| catalog::not_a_duration(text.place, &text.value))
}

/// A duration of a ticket, in milliseconds.
pub(crate) fn long(text: &Spanned<String>) -> Result<u64, Diag> {
    let wrong = || catalog::not_a_long_duration(text.place, &text.value);
    let mut unit = text.value.clone();
    let millis: u64 = match unit.pop() {
        Some('s') => 1000,
        Some('m') => 60_000,
        Some('h') => 3_600_000,
        Some('d') => 86_400_000,
        _ => return Err(wrong()),
    };
    let number = unit.bytes().all(|byte| byte.is_ascii_digit()).then(|| unit.parse::<u64>().ok()).flatten();
    number.filter(|number| *number > 0).and_then(|number| number.checked_mul(millis)).ok_or_else(wrong)
}

/// `20ms`, `3s`
fn duration(text: &str) -> Option<u64> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().ok().filter(|number| *number > 0)?;
    match unit {
        "ms" => Some(number),
        "s" => number.checked_mul(1000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::duration;

    #[test]
    fn durations_have_a_unit_and_are_not_zero() {
        assert_eq!(duration("20ms"), Some(20));
        assert_eq!(duration("3s"), Some(3000));
        for bad in ["", "20", "ms", "0ms", "-1ms", "1.5s", "20 ms", "99999999999999999999s"] {
            assert_eq!(duration(bad), None, "{bad}");
        }
    }
}
