//! The intent of an item: as written, or by default `<package>.<type-name>`.

use proc_macro2::Ident;
use syn::ext::IdentExt;

use super::{
    args::{Arg, Args},
    value,
};
use crate::{
    diag::{Diag, Diags, catalog},
    model::{Context, Intent, Spanned},
};

/// Reads the intent and `id = hex("…")`.
pub(crate) fn read(args: &mut Args, ty: &Ident, context: &Context, diags: &mut Diags) -> Intent {
    let id = args.take("id").and_then(|arg| diags.take(id(&arg)));
    let written = args.intent.is_some();
    let text = args.intent.take().unwrap_or_else(|| Spanned::new(default(&context.package, ty), ty.span()));
    Intent { text, written, id }
}

fn id(arg: &Arg) -> Result<[u8; 32], Diag> {
    let expr = value::expression(arg).ok_or_else(|| catalog::not_an_id(arg.place()))?;
    let text = value::call_with_text("hex", &expr).map_err(catalog::not_an_id)?;
    from_hex(&text.value).ok_or_else(|| catalog::not_an_id(text.place))
}

/// `<package>.<type-name>`, both in kebab case.
pub(crate) fn default(package: &str, ty: &Ident) -> String {
    format!("{}.{}", kebab(package), kebab(&ty.unraw().to_string()))
}

/// `HTTPServer` is `http-server`, `my_crate` is `my-crate`. A digit stays with the word before it.
pub(crate) fn kebab(text: &str) -> String {
    let letters: Vec<char> = text.chars().collect();
    let mut kebab = String::new();
    for (at, letter) in letters.iter().enumerate() {
        let before = at.checked_sub(1).map(|at| letters[at]);
        let after = letters.get(at + 1);
        let begins_word = letter.is_uppercase()
            && before.is_some_and(|before| {
                !before.is_uppercase() || after.is_some_and(|after| after.is_lowercase())
            });
        match letter {
            '_' | '-' => push_hyphen(&mut kebab),
            _ => {
                if begins_word {
                    push_hyphen(&mut kebab);
                }
                kebab.extend(letter.to_lowercase());
            }
        }
    }
    kebab.trim_end_matches('-').to_owned()
}

fn push_hyphen(kebab: &mut String) {
    if !kebab.is_empty() && !kebab.ends_with('-') {
        kebab.push('-');
    }
}

/// 32 bytes as 64 hex digits.
pub(crate) fn from_hex(text: &str) -> Option<[u8; 32]> {
    if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let mut bytes = [0; 32];
    for (slot, at) in bytes.iter_mut().zip((0..).step_by(2)) {
        *slot = u8::from_str_radix(text.get(at..at + 2)?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use quote::format_ident;

    use super::*;

    #[test]
    fn the_default_intent_is_stable() {
        for (package, ty, intent) in [
            ("greenhouse", "Reading", "greenhouse.reading"),
            ("my_crate", "HTTPServer", "my-crate.http-server"),
            ("my-crate", "HostLoad", "my-crate.host-load"),
            ("a", "V2Order", "a.v2-order"),
            ("a", "Order2", "a.order2"),
            ("a", "IPv4Addr", "a.i-pv4-addr"),
            ("a", "_Hidden__Thing", "a.hidden-thing"),
            ("a", "ABC", "a.abc"),
        ] {
            assert_eq!(default(package, &format_ident!("{ty}")), intent);
        }
        assert_eq!(default("a", &Ident::new_raw("type", proc_macro2::Span::call_site())), "a.type");
    }

    #[test]
    fn hex_is_64_digits() {
        assert_eq!(from_hex(&"0f".repeat(32)), Some([15; 32]));
        for bad in ["", "0f", &"+1".repeat(32), &"0f".repeat(33)] {
            assert_eq!(from_hex(bad), None);
        }
    }
}
