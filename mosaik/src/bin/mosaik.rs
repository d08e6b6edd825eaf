//! The command `mosaik`: `cargo install --path mosaik --features cli`.

use std::process::ExitCode;

fn main() -> ExitCode {
    mosaik::__private::tool()
}
