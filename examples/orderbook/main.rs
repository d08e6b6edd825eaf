//! A small exchange: traders send orders, three engines keep one book and match them, a ticker and a board show what happens.
//!
//! `cargo run --example orderbook` runs all of it in one process. `README.md` beside this file has the other ways to start it,
//! and the book's tutorial goes through it file by file.

mod board;
mod engine;
mod kill;
mod market;
mod matching;
mod ticker;
mod trader;

use std::process::ExitCode;

fn main() -> ExitCode {
    if let Some(arguments) = kill::asked() {
        return kill::run(&arguments);
    }
    mosaik::main!([engine::engine; 3], [trader::trader; 2], ticker::ticker, board::board);
    main()
}
