//! `policy := Path | tag("…") | rtt_below("20ms") | peer(f) | policy & policy | policy "|" policy | !policy | (policy)`
//!
//! It is parsed, not evaluated: operators cannot run in a constant, and a constant is what the descriptor needs.

use syn::{BinOp, Expr, UnOp};

use super::value;
use crate::{
    diag::{Diag, catalog},
    model::{Place, Policy, Spanned, shown},
};

/// Reads one policy.
pub(crate) fn read(expr: &Expr) -> Result<Policy, Diag> {
    let both = |a: &Expr, b: &Expr| Ok((Box::new(read(a)?), Box::new(read(b)?)));
    match expr {
        Expr::Paren(paren) => read(&paren.expr),
        Expr::Group(group) => read(&group.expr),
        Expr::Path(path) => Ok(Policy::Proof(path.path.clone())),
        Expr::Unary(unary) if matches!(unary.op, UnOp::Not(_)) => {
            Ok(Policy::Not(Box::new(read(&unary.expr)?)))
        }
        Expr::Binary(binary) => match &binary.op {
            BinOp::BitAnd(_) => both(&binary.left, &binary.right).map(|(a, b)| Policy::Both(a, b)),
            BinOp::BitOr(_) => both(&binary.left, &binary.right).map(|(a, b)| Policy::Either(a, b)),
            BinOp::And(op) => Err(catalog::doubled_operator(Place::of(op), "&")),
            BinOp::Or(op) => Err(catalog::doubled_operator(Place::of(op), "|")),
            _ => Err(catalog::unknown_policy(Place::of(expr), &shown(expr))),
        },
        _ => call(expr),
    }
}

fn call(expr: &Expr) -> Result<Policy, Diag> {
    let unknown = || catalog::unknown_policy(Place::of(expr), &shown(expr));
    let (name, args) = value::call(expr).ok_or_else(unknown)?;
    match name.as_str() {
        "tag" => tag(expr).map(Policy::Tag),
        "rtt_below" => {
            let text = value::call_with_text("rtt_below", expr)
                .map_err(|place| catalog::text_expected(place, "rtt_below", "rtt_below(\"20ms\")"))?;
            milliseconds(&text.value)
                .map(Policy::RttBelow)
                .ok_or_else(|| catalog::not_a_duration(text.place, &text.value))
        }
        "peer" => match args.as_slice() {
            [function @ (Expr::Closure(_) | Expr::Path(_))] => {
                Ok(Policy::Peer(Box::new((*function).clone())))
            }
            [other] => Err(catalog::not_a_peer_function(Place::of(other))),
            _ => Err(catalog::not_a_peer_function(Place::of(expr))),
        },
        _ => Err(unknown()),
    }
}

/// `tag("x")`
pub(crate) fn tag(expr: &Expr) -> Result<Spanned<String>, Diag> {
    value::call_with_text("tag", expr)
        .map_err(|place| catalog::text_expected(place, "tag", "tag(\"display\")"))
}

/// `20ms`, `3s`
fn milliseconds(text: &str) -> Option<u64> {
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
    use super::milliseconds;

    #[test]
    fn durations_have_a_unit_and_are_not_zero() {
        assert_eq!(milliseconds("20ms"), Some(20));
        assert_eq!(milliseconds("3s"), Some(3000));
        for bad in ["", "20", "ms", "0ms", "-1ms", "1.5s", "20 ms", "99999999999999999999s"] {
            assert_eq!(milliseconds(bad), None, "{bad}");
        }
    }
}
