//! A DHT for tests of hosts: a few Mainline nodes on one address, which know nobody else. Serves until it is killed.
//!
//! The arguments are the address and the port of the first node, which is the one to bootstrap from.

use std::net::Ipv4Addr;

use n0_mainline::{Dht, DhtBuilder};

/// Enough that a value has more than one home.
const NODES: u16 = 4;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let ip: Ipv4Addr = arguments.next().ok_or("which address")?.parse()?;
    let port: u16 = arguments.next().ok_or("which port")?.parse()?;
    let first = format!("{ip}:{port}");
    let mut nodes: Vec<Dht> = Vec::new();
    for number in 0..NODES {
        let mut builder = DhtBuilder::default();
        builder.server_mode().public_ip(ip).port(port + number);
        let node = match number {
            0 => builder.no_bootstrap().build()?,
            _ => builder.bootstrap(std::slice::from_ref(&first)).build()?,
        };
        nodes.push(node);
    }
    for node in &nodes {
        node.bootstrapped().await?;
    }
    println!("serving");
    std::future::pending().await
}
