/// A program with one node.
#[mosaik::node]
#[cfg(unix)]
async fn main(loads: Consumer<Load>) -> mosaik::Result {
    drop(loads);
    Ok(())
}
