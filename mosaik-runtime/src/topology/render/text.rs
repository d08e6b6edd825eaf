//! Text for pictures: the first sentence of a doc comment, broken into short lines, escaped.

use super::super::graph::{Graph, Membership};

/// The first sentence of a doc comment, on one line.
pub(crate) fn summary(docs: &str) -> String {
    let paragraph: Vec<&str> =
        docs.trim().lines().map(str::trim).take_while(|line| !line.is_empty()).collect();
    let text = paragraph.join(" ");
    match text.find(". ") {
        Some(end) => text[..=end].to_owned(),
        None => text,
    }
}

/// What stands at the line between a node and a group: the collections, where it is not about all of them, and the rule.
pub(crate) fn said_of(graph: &Graph, member: &Membership) -> Option<String> {
    let rule = graph.rule_of_member(member).map(|rule| format!("🔒 {rule}"));
    let said: Vec<String> = graph.some_of_group(member).into_iter().chain(rule).collect();
    (!said.is_empty()).then(|| said.join(" "))
}

/// Breaks a text into lines of at most `width` characters, between words; a longer word stays whole.
pub(crate) fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// Escapes what XML gives a meaning to.
pub(crate) fn escape_xml(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            // XML 1.0 has no way to write the other control characters.
            c if c.is_control() && c != '\n' && c != '\t' => {}
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_is_one_sentence_on_one_line() {
        assert_eq!(summary(" First\n line. And more.\n\nElse."), "First line.");
        assert_eq!(summary("No full stop\n\nElse."), "No full stop");
        assert_eq!(summary(""), "");
    }

    #[test]
    fn lines_break_between_words() {
        assert_eq!(wrap("one two three incomprehensible", 8), ["one two", "three", "incomprehensible"]);
        assert!(wrap("", 8).is_empty());
    }
}
