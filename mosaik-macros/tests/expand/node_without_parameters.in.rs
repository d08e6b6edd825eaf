#[mosaik::node(tags = "idle", name = "nobody", reach = internet)]
pub async fn idle() -> mosaik::Result {
    Ok(())
}
