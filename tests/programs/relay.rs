//! A relay for tests of hosts: serves at the address in its first argument, without TLS, until it is killed.

use std::net::SocketAddr;

use iroh_relay::server::{RelayConfig, Server, ServerConfig};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let at: SocketAddr = std::env::args().nth(1).ok_or("where to serve: <ip>:<port>")?.parse()?;
    let mut config = ServerConfig::default();
    config.relay = Some(RelayConfig::new(at));
    let mut server = Server::spawn(config).await?;
    println!("serving");
    server.join().await??;
    Ok(())
}
