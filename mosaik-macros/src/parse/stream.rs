//! `#[stream]`

use proc_macro2::TokenStream;
use syn::{Expr, Token, Type, parse::Parser, punctuated::Punctuated};

use super::{
    Parse,
    args::{Arg, Args, Value},
    data, intent, keys, policy, require, value,
};
use crate::{
    diag::{Diag, Diags, catalog},
    model::{Context, OnlineWhen, Overflow, Place, Spanned, Stream, shown},
};

impl Parse for Stream {
    fn parse(args: TokenStream, item: TokenStream, context: &Context, diags: &mut Diags) -> Option<Self> {
        let mut args = Args::read(args, &keys::STREAM, diags);
        let data = data::read(&mut args, item, &keys::STREAM, diags)?;
        let mut require = require::read(&mut args, &keys::REQUIRE, diags);
        let (producers, consumers) = (
            require::side(&mut require, "producers", diags),
            require::side(&mut require, "consumers", diags),
        );
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
