//! A DHT for tests of hosts: a few Mainline nodes on one address, which know nobody else. Serves until it is killed.
//!
//! The arguments are the address and the port of the first node, which is the one to bootstrap from. Each request to store or to
//! find something is told, with the first words of how it looks: `stores <peer id>` where it is a record under a key.

use std::net::{Ipv4Addr, SocketAddrV4};

use mosaik::primitives::PeerId;
use n0_mainline::{Dht, DhtBuilder, RequestFilter, RequestSpecific, ServerSettings};

/// Refuses nothing, and tells what it was asked.
#[derive(Debug, Clone)]
struct Tells;

impl RequestFilter for Tells {
    fn allow_request(&self, request: &RequestSpecific, _: SocketAddrV4) -> bool {
        // The library does not give this type a name that others may use.
        let asked = format!("{:?}", request.request_type);
        let kind: String = asked.chars().take_while(|letter| letter.is_alphanumeric()).collect();
        if kind == "Put" {
            match key(&asked) {
                Some(key) => println!("stores {key}"),
                None => println!("stores something else: {asked}"),
            }
        } else if kind != "Ping" && kind != "FindNode" {
            println!("asks {kind} {asked}");
        }
        true
    }
}

/// The key that a record is stored under, if it is one.
fn key(asked: &str) -> Option<PeerId> {
    let (_, after) = asked.split_once("PutMutable(")?.1.split_once("k: [")?;
    let numbers = after.split_once(']')?.0.split(", ").map(str::parse::<u8>);
    let bytes: Vec<u8> = numbers.collect::<Result<_, _>>().ok()?;
    let key = PeerId::from_bytes(bytes.try_into().ok()?);
    after.contains("salt: None").then_some(key)
}

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
        let settings = ServerSettings { filter: Box::new(Tells), ..ServerSettings::default() };
        builder.server_mode().server_settings(settings).public_ip(ip).port(port + number);
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
