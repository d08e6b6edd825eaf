//! "Did you mean", and lists of choices.

/// The choice that is closest to `word`, if one is close enough to be what was meant.
pub(crate) fn closest<'a>(word: &str, choices: &[&'a str]) -> Option<&'a str> {
    let ranked = choices.iter().map(|choice| (distance(&word.to_lowercase(), choice), *choice));
    let (far, best) = ranked.min_by_key(|(far, _)| *far)?;
    (far <= 1 + best.len() / 4).then_some(best)
}

/// `` `a`, `b`, `c` ``
pub(crate) fn list(choices: &[&str]) -> String {
    choices.iter().map(|choice| format!("`{choice}`")).collect::<Vec<_>>().join(", ")
}

/// `` `a`, `b` or `c` ``
pub(crate) fn either(choices: &[&str]) -> String {
    match choices {
        [] => String::new(),
        [only] => format!("`{only}`"),
        [rest @ .., last] => format!("{} or `{last}`", list(rest)),
    }
}

/// Edits between two words: insert, remove, replace, swap neighbours.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows: Vec<Vec<usize>> = vec![(0..=b.len()).collect()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let replaced = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut least = replaced.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                least = least.min(rows[i - 2][j - 2] + 1);
            }
            row.push(least);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_recognised_and_other_words_are_not() {
        let options = ["buffer", "max_consumers", "online_when", "overflow", "replay", "require"];
        for (typed, meant) in [
            ("bufer", "buffer"),
            ("repaly", "replay"),
            ("maxconsumers", "max_consumers"),
            ("Buffer", "buffer"),
        ] {
            assert_eq!(closest(typed, &options), Some(meant));
        }
        assert_eq!(closest("compression", &options), None);
    }

    #[test]
    fn lists_read_like_sentences() {
        assert_eq!(either(&["a", "b", "c"]), "`a`, `b` or `c`");
        assert_eq!(either(&["a"]), "`a`");
        assert_eq!(list(&["a", "b"]), "`a`, `b`");
    }
}
