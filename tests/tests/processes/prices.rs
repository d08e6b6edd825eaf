//! The example of collections, as a reader of the README starts it.

use crate::programs::{LATE, PRICES, Place};

#[test]
fn the_trader_follows_what_the_oracle_writes() {
    let words = [
        "oracle: ETH was None; 3812 became 3900: true",
        "oracle: ETH is 3901 in version ",
        "trader: begins with ",
        "trader: Inserted",
    ];
    Place::new().shows(PRICES, "", &words);
}

/// As processes: a trader that comes late begins with the price as it is, and both of them follow every change from there on.
#[test]
fn a_trader_that_comes_late_begins_with_the_price_as_it_is() {
    let place = Place::new();
    let mut oracle = place.start(PRICES, "oracle");
    oracle.says("oracle: ETH is 3901 ", LATE);
    let mut traders = [place.start(PRICES, "trader"), place.start(PRICES, "trader")];
    for trader in &mut traders {
        let price = |line: &str| line.split("3").nth(1).and_then(|rest| rest.get(..3)?.parse::<u32>().ok());
        let begins = trader.says("trader: begins with ", LATE);
        let first = price(&begins).unwrap_or_else(|| panic!("no price in {begins}"));
        assert!(first >= 901, "{begins}");
        for next in first + 1..first + 4 {
            trader.says(&format!("value: 3{next}, old: Some(3{})", next - 1), LATE);
        }
    }
}
