//! Names of streams: as written, or by default.
#![deny(warnings)]

use mosaik::{primitives::StreamId, streams::Datum};

#[mosaik::stream]
struct HTTPServer(#[allow(dead_code)] u8);

#[mosaik::stream("host.load")]
enum Load {
    #[allow(dead_code)]
    High,
}

fn main() {
    // The package of a ui test has its own name.
    let package = env!("CARGO_PKG_NAME").replace('_', "-");
    let intent = HTTPServer::DESCRIPTOR.intent;
    assert_eq!(intent.text, format!("{package}.http-server"));
    assert_eq!(HTTPServer::DESCRIPTOR.id(), StreamId::derive(intent.text));
    assert_eq!(Load::DESCRIPTOR.id(), StreamId::derive("host.load"));
}
