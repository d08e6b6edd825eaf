//! Points and lengths of time in words.

use std::time::Duration;

use mosaik_runtime::primitives::Wall;

/// `2026-11-22 04:55:01 UTC`
pub(super) fn date(seconds: u64) -> String {
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    let (mut year, mut left) = (1970, days);
    while left >= length_of(year) {
        left -= length_of(year);
        year += 1;
        if year > 9999 {
            return format!("{seconds} s after 1970");
        }
    }
    let mut month = 0;
    let february = if length_of(year) == 366 { 29 } else { 28 };
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        month += 1;
        if left < length {
            break;
        }
        left -= length;
    }
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    format!("{year:04}-{month:02}-{:02} {hour:02}:{minute:02}:{second:02} UTC", left + 1)
}

const fn length_of(year: u64) -> u64 {
    if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) { 366 } else { 365 }
}

/// `2 h 5 min`: the two largest units.
pub(super) fn length(time: Duration) -> String {
    let seconds = time.as_secs();
    let units = [(86_400, "d"), (3600, "h"), (60, "min"), (1, "s")];
    let (mut left, mut parts) = (seconds, Vec::new());
    for (size, name) in units {
        if left >= size && parts.len() < 2 {
            parts.push(format!("{} {name}", left / size));
            left %= size;
        }
    }
    if parts.is_empty() { "0 s".to_owned() } else { parts.join(" ") }
}

/// `2026-11-22 04:55:01 UTC, in 5 min` or `…, 5 min ago`
pub(super) fn when(seconds: u64, now: Wall) -> String {
    let at = Wall(seconds.saturating_mul(1000));
    let far = length(at.distance(now));
    if at > now { format!("{}, in {far}", date(seconds)) } else { format!("{}, {far} ago", date(seconds)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_in_words() {
        assert_eq!(date(0), "1970-01-01 00:00:00 UTC");
        assert_eq!(date(951_827_696), "2000-02-29 12:34:56 UTC");
        assert_eq!(date(1_767_225_599), "2025-12-31 23:59:59 UTC");
        assert_eq!(date(u64::MAX / 1000), "18446744073709551 s after 1970");
        assert_eq!(length(Duration::from_secs(7500)), "2 h 5 min");
        assert_eq!(length(Duration::ZERO), "0 s");
        assert_eq!(when(60, Wall(0)), "1970-01-01 00:01:00 UTC, in 1 min");
        assert_eq!(when(0, Wall(90_000)), "1970-01-01 00:00:00 UTC, 1 min 30 s ago");
    }
}
