//! The exchange of the tutorial.

use std::collections::BTreeSet;

use crate::programs::{LATE, ORDERBOOK, Place, Running};

/// How many orders each of two traders places.
const ORDERS: u64 = 24;

#[test]
fn the_exchange_in_one_process_trades() {
    Place::new().shows(ORDERBOOK, "", &["ticker: fill 1: ", "board: "]);
}

#[test]
fn the_exchange_goes_on_when_the_leading_engine_is_killed() {
    let ended = Place::new().run(ORDERBOOK, "--kill-leader --for 20s");
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.out.contains("the leading engine was killed"), "{ended:?}");
}

/// As processes: the engine that leads is killed with a signal that nobody can catch, with orders on the way, and started again. In the
/// end every order is in the book, once: the clock counts those that were taken in.
#[test]
fn an_engine_is_killed_and_every_order_is_taken_in_once() {
    let place = Place::new();
    let start = |engine: usize| place.start(ORDERBOOK, &format!("engine --data-dir engine-{engine}"));
    let mut engines: Vec<Running> = (0..3).map(start).collect();
    engines.iter_mut().for_each(|engine| drop(engine.says("is ready", LATE)));
    let mut ticker = place.start(ORDERBOOK, "ticker --data-dir ticker");
    let traders = format!("trader=2 --orders {ORDERS} --data-dir traders");
    let mut traders = place.start(ORDERBOOK, &traders);
    ticker.says("fill 4:", LATE);
    // Who led before says "leads no more".
    let leads = |engine: &mut Running| engine.last_said("leads").is_some_and(|line| line.ends_with("leads"));
    let leader = engines.iter_mut().position(leads).expect("one leads: there are fills");
    let killed = engines.remove(leader).killed(LATE);
    assert!(killed.out.contains("leads"), "{killed:?}");
    engines.push(start(leader));
    for _ in 0..2 {
        traders.says(&format!("all {ORDERS} orders were taken in"), LATE);
    }
    let mut board = place.start(ORDERBOOK, "board --data-dir board");
    board.says(&format!("board: {} orders;", 2 * ORDERS), LATE);
    let said = ticker.killed(LATE).out;
    let fills: Vec<u64> = said
        .lines()
        .filter_map(|line| line.strip_prefix("ticker: fill ")?.split_once(':')?.0.parse().ok())
        .collect();
    let all: BTreeSet<u64> = (1..=fills.len() as u64).collect();
    assert_eq!(fills.iter().copied().collect::<BTreeSet<_>>(), all, "every fill is told once: {said}");
}
