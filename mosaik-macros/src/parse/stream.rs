//! `#[stream]`

use proc_macro2::TokenStream;
use syn::{Expr, Token, Type, parse::Parser, punctuated::Punctuated};

use super::{
    Parse,
    args::{Arg, Args, Value},
    data, intent, keys, policy, value,
};
use crate::{
    diag::{Diag, Diags, catalog},
    model::{Context, OnlineWhen, Overflow, Place, Policy, Spanned, Stream, shown},
};

impl Parse for Stream {
    fn parse(args: TokenStream, item: TokenStream, context: &Context, diags: &mut Diags) -> Option<Self> {
        let mut args = Args::read(args, &keys::STREAM, diags);
        let data = data::read(&mut args, item, &keys::STREAM, diags)?;
        let (producers, consumers) = args.take("require").map(|arg| require(arg, diags)).unwrap_or_default();
        let intent = intent::read(&mut args, data.name(), context, diags);
        Some(Self {
            intent,
            overflow: args.take("overflow").and_then(|arg| diags.take(value::choice(&arg, Overflow::ALL))),
            buffer: number(&mut args, "buffer", diags),
            replay: number(&mut args, "replay", diags),
            max_consumers: number(&mut args, "max_consumers", diags),
            online_when: args.take("online_when").and_then(|arg| diags.take(online_when(&arg))),
            accepts: args.take("accepts").and_then(|arg| diags.take(accepts(&arg))).unwrap_or_default(),
            producers,
            consumers,
            data,
        })
    }
}

fn number(args: &mut Args, name: &str, diags: &mut Diags) -> Option<Spanned<usize>> {
    args.take(name).and_then(|arg| diags.take(value::number(&arg)))
}

/// `subscribed(n)` or `subscribed(n, tag("x"))`
fn online_when(arg: &Arg) -> Result<OnlineWhen, Diag> {
    let wrong = || catalog::not_a_condition(arg.place());
    let expr = value::expression(arg).ok_or_else(wrong)?;
    let (name, args) = value::call(&expr).ok_or_else(wrong)?;
    let (number, tag): (&Expr, Option<&Expr>) = match args.as_slice() {
        [number] => (number, None),
        [number, tag] => (number, Some(tag)),
        _ => return Err(wrong()),
    };
    if name != "subscribed" {
        return Err(wrong());
    }
    let subscribers = value::number_of(number).ok_or_else(wrong)?;
    Ok(OnlineWhen { subscribers, tag: tag.map(policy::tag).transpose()? })
}

/// `[OrderV1, OrderV0]`
fn accepts(arg: &Arg) -> Result<Vec<Type>, Diag> {
    let Value::Is(tokens) = &arg.value else {
        return Err(catalog::accepts_is_a_list(arg.place(), "OrderV1"));
    };
    let wrong = || catalog::accepts_is_a_list(Place::of(tokens), &shown(tokens));
    let list: proc_macro2::Group = syn::parse2(tokens.clone()).map_err(|_| wrong())?;
    if list.delimiter() != proc_macro2::Delimiter::Bracket {
        return Err(wrong());
    }
    let types = Punctuated::<Type, Token![,]>::parse_terminated.parse2(list.stream()).map_err(|_| wrong())?;
    Ok(types.into_iter().collect())
}

/// `require(producers = policy, consumers = policy)`
fn require(arg: Arg, diags: &mut Diags) -> (Option<Policy>, Option<Policy>) {
    let Value::List(tokens) = &arg.value else {
        diags.push(catalog::require_nobody(arg.place(), &keys::REQUIRE.names()));
        return (None, None);
    };
    let has_sides = tokens.clone().into_iter().any(|token| token.to_string() == "=");
    if !has_sides {
        diags.push(catalog::require_nobody(Place::of(&arg.word), &keys::REQUIRE.names()));
        return (None, None);
    }
    let mut sides = Args::read(tokens.clone(), &keys::REQUIRE, diags);
    let mut side = |name: &str| {
        let arg = sides.take(name)?;
        match value::expression(&arg) {
            Some(expr) => diags.take(policy::read(&expr)),
            None => {
                let given = match &arg.value {
                    Value::Is(tokens) | Value::List(tokens) => shown(tokens),
                    Value::Flag => String::new(),
                };
                diags.push(catalog::unknown_policy(arg.place(), &given));
                None
            }
        }
    };
    (side("producers"), side("consumers"))
}
