/// Publishes this machine's load.
#[mosaik::node(network = "fleet", tags = ["sensor", "linux"])]
async fn sensor(mut loads: Producer<Load>, #[cfg(unix)] stop: Shutdown) -> mosaik::Result<()> {
    loads.send(measure()).await?;
    Ok(())
}
