//! Nodes that end in every way there is, for tests of the command line.

use mosaik::prelude::*;

/// What the tests pass along.
#[derive(Args, Debug)]
pub struct Options {
    /// What to say.
    #[arg(long, default_value = "done")]
    word: String,
}

/// Fails at once.
#[mosaik::node(network = "trouble")]
async fn fails() -> mosaik::Result<()> {
    Err(std::io::Error::other("the soup is cold"))?
}

/// Panics at once.
#[mosaik::node(network = "trouble")]
async fn panics() -> mosaik::Result<()> {
    panic!("no spoon")
}

/// Ends at once.
#[mosaik::node(network = "trouble")]
async fn returns(options: Args<Options>) -> mosaik::Result<()> {
    println!("{}", options.word);
    Ok(())
}

/// Waits to be stopped.
#[mosaik::node(network = "trouble")]
async fn waits(shutdown: Shutdown) -> mosaik::Result<()> {
    println!("ready");
    shutdown.requested().await;
    Ok(())
}

/// Hears that it should stop, and does not.
#[mosaik::node(network = "trouble")]
async fn stubborn(shutdown: Shutdown) -> mosaik::Result<()> {
    println!("ready");
    shutdown.requested().await;
    println!("asked to stop");
    std::future::pending().await
}

mosaik::main!(fails, panics, returns, waits, stubborn);
