//! `require(producers = policy, consumers = policy)`: of whom what is required.

use super::{
    args::{Args, Value},
    keys::Site,
    policy, value,
};
use crate::{
    diag::{Diags, catalog},
    model::{Place, Policy, shown},
};

/// Reads the option; `None` when it is not there or names nobody.
pub(crate) fn read(args: &mut Args, site: &Site, diags: &mut Diags) -> Option<Args> {
    let arg = args.take("require")?;
    let Value::List(tokens) = &arg.value else {
        diags.push(catalog::require_nobody(arg.place(), &site.names()));
        return None;
    };
    if !tokens.clone().into_iter().any(|token| token.to_string() == "=") {
        diags.push(catalog::require_nobody(Place::of(&arg.word), &site.names()));
        return None;
    }
    Some(Args::read(tokens.clone(), site, diags))
}

/// Who may write a collection has all of it, so a rule for readers alone would keep nothing to them.
pub(crate) fn readers_alone(sides: Option<&Args>, diags: &mut Diags) {
    let place = |name| sides.and_then(|sides| sides.place_of(name));
    if let (Some(readers), None) = (place("readers"), place("writers")) {
        diags.push(catalog::readers_alone(readers));
    }
}

/// The policy for one side.
pub(crate) fn side(sides: &mut Option<Args>, name: &str, diags: &mut Diags) -> Option<Policy> {
    let arg = sides.as_mut()?.take(name)?;
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
}
