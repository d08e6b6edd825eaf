//! `policy := Path | tag("…") | rtt_below("20ms") | peer(f) | policy & policy | policy "|" policy | !policy | (policy)`
//!
//! It is parsed, not evaluated: operators cannot run in a constant, and a constant is what the descriptor needs.

use syn::{BinOp, Expr, UnOp};

use super::{proof::is_type, value};
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
        Expr::Path(path) if is_type(&path.path) => Ok(Policy::Proof(path.path.clone())),
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
            value::milliseconds(&text).map(Policy::RttBelow)
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
