//! Lengths of time as people write them: `10s`, `500ms`, `1m30s`, `2h`.

use std::time::Duration;

/// The text is not a length of time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a length of time: write `10s`, `500ms`, `1m30s` or `2h`")]
pub(crate) struct NotADuration(String);

/// Reads numbers with units, which add up.
pub(crate) fn parse(text: &str) -> Result<Duration, NotADuration> {
    let bad = || NotADuration(text.to_owned());
    let mut total = Duration::ZERO;
    let mut rest = text;
    if rest.is_empty() {
        return Err(bad());
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(bad)?;
        let (number, after) = rest.split_at(digits);
        let letters = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        let (unit, next) = after.split_at(letters);
        let number: u32 = number.parse().map_err(|_| bad())?;
        let unit = match unit {
            "ms" => Duration::from_millis(1),
            "s" => Duration::from_secs(1),
            "m" | "min" => Duration::from_secs(60),
            "h" => Duration::from_secs(3600),
            _ => return Err(bad()),
        };
        total = unit.checked_mul(number).and_then(|part| total.checked_add(part)).ok_or_else(bad)?;
        rest = next;
    }
    Ok(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_are_numbers_with_units() {
        assert_eq!(parse("10s"), Ok(Duration::from_secs(10)));
        assert_eq!(parse("1m30s"), Ok(Duration::from_secs(90)));
        assert_eq!(parse("250ms"), Ok(Duration::from_millis(250)));
        for bad in ["", "10", "s", "10 s", "-1s", "1d", "99999999999s", "1.5s", "é"] {
            assert_eq!(parse(bad), Err(NotADuration(bad.to_owned())), "{bad}");
        }
    }
}
