//! `#[group]`

use proc_macro2::TokenStream;
use syn::{Attribute, Expr, Type};

use super::{
    Parse,
    args::{Arg, Args, Value},
    data, intent, keys, require, value,
};
use crate::{
    diag::{Diag, Diags, catalog},
    model::{Context, Data, Group, Intent, Key, Place, Policy, Spanned, Voters, shown},
};

const STORAGES: &[(&str, &str)] = &[("memory", "Memory"), ("durable", "Durable")];

impl Parse for Group {
    fn parse(args: TokenStream, item: TokenStream, context: &Context, diags: &mut Diags) -> Option<Self> {
        let mut args = Args::read(args, &keys::GROUP, diags);
        let collections = args.take("collections").map(|arg| Place::of(&arg.word));
        if collections.is_some() {
            for arg in ["from", "schema", "serde"].into_iter().filter_map(|word| args.take(word)) {
                diags.push(catalog::not_of_collections(Place::of(&arg.word), arg.key.name));
            }
        }
        let mut data = data::read(&mut args, item, &keys::GROUP, diags)?;
        let allowed = take_allowed(&mut data);
        let (site, side) = match collections {
            Some(_) => (&keys::REQUIRE_OF_COLLECTION, "writers"),
            None => (&keys::REQUIRE_OF_GROUP, "members"),
        };
        let mut require = require::read(&mut args, site, diags);
        require::readers_alone(require.as_ref(), diags);
        let members = require::side(&mut require, side, diags);
        let readers = require::side(&mut require, "readers", diags);
        let intent = intent::read(&mut args, data.name(), context, diags);
        Some(Self { collections, readers, ..of(&mut args, data, intent, members, allowed, diags) })
    }
}

/// What a group of the state machine `data` says of itself.
pub(super) fn of(
    args: &mut Args,
    data: Data,
    intent: Intent,
    members: Option<Policy>,
    allowed: Vec<bool>,
    diags: &mut Diags,
) -> Group {
    let voters = args.take("voters");
    Group {
        intent,
        state_machine: args.take("state_machine").is_some(),
        collections: None,
        readers: None,
        has_voters: voters.is_some(),
        voters: voters.and_then(|arg| diags.take(self::voters(&arg))),
        storage: args.take("storage").and_then(|arg| diags.take(value::choice(&arg, STORAGES))),
        key: args.take("key").and_then(|arg| diags.take(key(&arg))),
        deadline: duration(args, "deadline", diags),
        evict_after: duration(args, "evict_after", diags),
        round_trip: round_trip(args, diags),
        strict: args.take("strict").is_some(),
        committee: args.take("committee").and_then(|arg| diags.take(value::number(&arg))),
        founder: args.take("founder").and_then(|arg| diags.take(founder(&arg))),
        from: args.take("from").and_then(|arg| diags.take(from(&arg))),
        members,
        allowed,
        data,
    }
}

fn duration(args: &mut Args, name: &str, diags: &mut Diags) -> Option<u64> {
    let arg = args.take(name)?;
    diags.take(value::text(&arg).and_then(|text| value::milliseconds(&text)))
}

fn round_trip(args: &mut Args, diags: &mut Diags) -> Option<Spanned<u64>> {
    let arg = args.take("round_trip")?;
    let text = diags.take(value::text(&arg))?;
    let millis = diags.take(value::milliseconds(&text))?;
    Some(Spanned::new(millis, text.place))
}

/// `3`, `founder` or `["…", "…"]`
fn voters(arg: &Arg) -> Result<Voters, Diag> {
    let given = match &arg.value {
        Value::Is(tokens) => shown(tokens),
        Value::List(tokens) => format!("({})", shown(tokens)),
        Value::Flag => String::new(),
    };
    let wrong = || catalog::not_voters(arg.place(), &given);
    match value::expression(arg).ok_or_else(wrong)? {
        Expr::Path(path) if path.path.is_ident("founder") => Ok(Voters::Founder),
        Expr::Array(list) => {
            let peers: Result<Vec<_>, _> = list.elems.iter().map(peer).collect();
            Ok(Voters::List(peers?, Place::of(&list)))
        }
        number => value::number_of(&number).map(Voters::Count).ok_or_else(wrong),
    }
}

fn peer(expr: &Expr) -> Result<Spanned<[u8; 32]>, Diag> {
    let place = Place::of(expr);
    let bytes = value::text_of(expr).and_then(|text| intent::from_hex(&text.value));
    bytes.map(|bytes| Spanned::new(bytes, place)).ok_or_else(|| catalog::not_a_peer(place))
}

fn founder(arg: &Arg) -> Result<Spanned<[u8; 32]>, Diag> {
    peer(&value::expression(arg).ok_or_else(|| catalog::not_a_peer(arg.place()))?)
}

/// `v1::Ledger`
fn from(arg: &Arg) -> Result<Type, Diag> {
    let given = match &arg.value {
        Value::Is(tokens) | Value::List(tokens) => tokens.clone(),
        Value::Flag => TokenStream::new(),
    };
    match syn::parse2(given.clone()) {
        Ok(ty @ Type::Path(_)) => Ok(ty),
        _ => Err(catalog::from_is_a_type(arg.place(), &shown(&given))),
    }
}

/// `env("…")` or `file("…")`
fn key(arg: &Arg) -> Result<Key, Diag> {
    let given = match &arg.value {
        Value::Is(tokens) | Value::List(tokens) => shown(tokens),
        Value::Flag => String::new(),
    };
    let wrong = || catalog::not_a_key(arg.place(), &given);
    let expr = value::expression(arg).ok_or_else(wrong)?;
    if matches!(expr, Expr::Lit(_) | Expr::Array(_)) {
        return Err(catalog::key_in_source(arg.place()));
    }
    let (name, _) = value::call(&expr).ok_or_else(wrong)?;
    let kind: fn(String) -> Key = match name.as_str() {
        "env" => Key::Env,
        "file" => Key::File,
        "hex" => return Err(catalog::key_in_source(arg.place())),
        _ => return Err(wrong()),
    };
    value::call_with_text(&name, &expr).map(|text| kind(text.value)).map_err(|_| wrong())
}

/// Whether this is `#[allow_nondeterminism]`, which no compiler knows.
pub(super) fn allows(attribute: &Attribute) -> bool {
    attribute.path().segments.last().is_some_and(|last| last.ident == "allow_nondeterminism")
}

/// Removes `#[allow_nondeterminism]` from the type and its fields; for each field, whether it stood there.
fn take_allowed(data: &mut Data) -> Vec<bool> {
    let take = |attributes: &mut Vec<Attribute>| {
        let before = attributes.len();
        attributes.retain(|attribute| !allows(attribute));
        attributes.len() < before
    };
    let all = take(&mut data.item.attrs);
    let fields: Vec<&mut syn::Field> = match &mut data.item.data {
        syn::Data::Struct(data) => data.fields.iter_mut().collect(),
        syn::Data::Enum(data) => data.variants.iter_mut().flat_map(|variant| &mut variant.fields).collect(),
        syn::Data::Union(_) => Vec::new(),
    };
    fields.into_iter().map(|field| take(&mut field.attrs) || all).collect()
}
