//! Tokens as a person would write them: `Vec<Reading>`, not `Vec < Reading >`.

use proc_macro2::{Delimiter, Spacing, TokenStream, TokenTree};
use quote::ToTokens;

/// The tokens of a type, a path or a short expression as text.
pub(crate) fn shown(tokens: &impl ToTokens) -> String {
    let mut text = String::new();
    write(tokens.to_token_stream(), &mut text);
    text
}

fn write(tokens: TokenStream, text: &mut String) {
    let mut word_before = false;
    for token in tokens {
        let word = matches!(token, TokenTree::Ident(_) | TokenTree::Literal(_));
        if word && word_before {
            text.push(' ');
        }
        match &token {
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    Delimiter::Parenthesis => ("(", ")"),
                    Delimiter::Bracket => ("[", "]"),
                    Delimiter::Brace => (" { ", " }"),
                    Delimiter::None => ("", ""),
                };
                text.push_str(open);
                write(group.stream(), text);
                text.push_str(close);
            }
            TokenTree::Punct(punct) => write_punct(punct.as_char(), punct.spacing(), text),
            other => text.push_str(&other.to_string()),
        }
        word_before = word;
    }
}

fn write_punct(mark: char, spacing: Spacing, text: &mut String) {
    match mark {
        ',' | ';' => text.extend([mark, ' ']),
        ':' if spacing == Spacing::Alone && !text.ends_with(':') => text.push_str(": "),
        '=' | '+' | '-' if spacing == Spacing::Alone => text.extend([' ', mark, ' ']),
        '-' => text.extend([' ', mark]),
        '>' if text.ends_with('-') => text.push_str("> "),
        _ => text.push(mark),
    }
}

#[cfg(test)]
mod tests {
    use super::shown;

    #[test]
    fn types_and_calls_look_hand_written() {
        for text in [
            "Vec<Reading>",
            "a::B<C, [u8; 4]>",
            "&'static str",
            "fn(p: &PeerView) -> bool",
            "Box<dyn Fn() -> u8>",
        ] {
            let tokens: proc_macro2::TokenStream = text.parse().expect("tokens");
            assert_eq!(shown(&tokens), text);
        }
    }
}
