//! The simulated fabric. Its types are filled in by the fabric itself; see `backend`.

use std::{convert::Infallible, time::Duration};

use bytes::{Bytes, BytesMut};
use futures::future::BoxFuture;
use tokio::sync::watch;

use crate::primitives::PeerId;

use super::{
    address::Address,
    backend::{ConnLost, ConnectFailure, Options, ReadLost, WriteLost},
    error::BindError,
};

macro_rules! absent {
    ($($name:ident)*) => {
        $(
            /// Not here yet.
            #[derive(Debug, Clone)]
            pub struct $name(Infallible);
        )*
    };
}

absent!(Port Endpoint Incoming Conn SendHalf RecvHalf);

#[allow(missing_docs, clippy::unused_async)]
impl Endpoint {
    pub async fn open(port: Port, _: Options) -> Result<Self, BindError> {
        match port.0 {}
    }
    pub async fn connect(&self, _: PeerId, _: &[Address], _: &[u8]) -> Result<Conn, ConnectFailure> {
        match self.0 {}
    }
    pub async fn accept(&self) -> Option<Incoming> {
        match self.0 {}
    }
    pub fn addresses(&self) -> watch::Receiver<Vec<Address>> {
        match self.0 {}
    }
    pub fn set_alpns(&self, _: Vec<Vec<u8>>) {
        match self.0 {}
    }
    pub async fn close(&self, _: u32, _: &[u8]) {
        match self.0 {}
    }
}

#[allow(missing_docs, clippy::unused_async)]
impl Incoming {
    pub async fn finish(self) -> Result<(Conn, Vec<u8>), String> {
        match self.0 {}
    }
    pub fn refuse(self) {
        match self.0 {}
    }
}

#[allow(missing_docs, clippy::unused_async)]
impl Conn {
    pub fn remote(&self) -> PeerId {
        match self.0 {}
    }
    pub fn alpn(&self) -> &[u8] {
        match self.0 {}
    }
    pub async fn open_bi(&self) -> Result<(SendHalf, RecvHalf), ConnLost> {
        match self.0 {}
    }
    pub async fn accept_bi(&self) -> Result<(SendHalf, RecvHalf), ConnLost> {
        match self.0 {}
    }
    pub fn close(&self, _: u32, _: &[u8]) {
        match self.0 {}
    }
    pub async fn closed(&self) -> ConnLost {
        match self.0 {}
    }
    pub fn export(&self, _: &[u8], _: &[u8]) -> Option<[u8; 32]> {
        match self.0 {}
    }
    pub fn rtt(&self) -> Option<Duration> {
        match self.0 {}
    }
}

#[allow(missing_docs, clippy::unused_async)]
impl SendHalf {
    pub async fn write_chunks(&mut self, _: &mut [Bytes]) -> Result<(), WriteLost> {
        match self.0 {}
    }
    pub async fn write_all(&mut self, _: &[u8]) -> Result<(), WriteLost> {
        match self.0 {}
    }
    pub fn finish(&mut self) {
        match self.0 {}
    }
    pub fn reset(&mut self, _: u32) {
        match self.0 {}
    }
    pub fn stopped(&self) -> BoxFuture<'static, Result<Option<u32>, ConnLost>> {
        match self.0 {}
    }
    pub fn set_priority(&self, _: i32) {
        match self.0 {}
    }
}

#[allow(missing_docs, clippy::unused_async)]
impl RecvHalf {
    pub async fn read(&mut self, _: &mut BytesMut, _: usize) -> Result<usize, ReadLost> {
        match self.0 {}
    }
    pub fn stop(&mut self, _: u32) {
        match self.0 {}
    }
}
