//! Makes TDX tickets for this node.

use std::sync::Arc;

use bytes::Bytes;

use super::{
    Collateral, ReportData, TsmError, answer_data, report_data,
    validator::{AnswerV1, TicketFrame, TicketV1},
};
use crate::{
    primitives::{NetworkId, PeerId, Wall, codec},
    tickets::{Class, Nonce, Ticket, TicketError},
};

/// Makes quotes.
pub trait Quoter: Send + Sync {
    /// A quote over these bytes. It may wait for the host.
    fn quote(&self, data: &ReportData) -> Result<Vec<u8>, ProveError>;
}

/// A TDX ticket cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum ProveError {
    /// The kernel gives no quote.
    #[error(transparent)]
    Tsm(#[from] TsmError),
    /// The simulated platform gives none.
    #[error("the simulated platform cannot make a quote: {0}")]
    Simulated(String),
    /// The quote and its collateral are no ticket.
    #[error(transparent)]
    Ticket(#[from] TicketError),
    /// They cannot be encoded.
    #[error(transparent)]
    Encode(#[from] codec::EncodeError),
}

/// Makes TDX tickets for one peer on one network.
#[derive(Clone)]
pub struct Prover {
    quoter: Arc<dyn Quoter>,
    network: NetworkId,
    peer: PeerId,
    collateral: Option<Collateral>,
}

impl Prover {
    /// Makes tickets from the quotes of `quoter`.
    pub fn new(quoter: impl Quoter + 'static, network: NetworkId, peer: PeerId) -> Self {
        Self { quoter: Arc::new(quoter), network, peer, collateral: None }
    }

    /// Sends this collateral along, for verifiers that have none.
    #[must_use]
    pub fn with_collateral(mut self, collateral: Collateral) -> Self {
        self.collateral = Some(collateral);
        self
    }

    /// A fresh ticket.
    pub fn prove(&self, now: Wall) -> Result<Ticket, ProveError> {
        let epoch = now.0 / 1000;
        let (quote, collateral) = self.quote(&report_data(&self.network, &self.peer, epoch))?;
        made(&TicketFrame::V1(TicketV1 { epoch, quote, collateral }))
    }

    /// An answer to a challenge. As a ticket it proves nothing.
    pub fn answer(&self, nonce: &Nonce) -> Result<Ticket, ProveError> {
        let (quote, collateral) = self.quote(&answer_data(&self.network, &self.peer, nonce))?;
        made(&TicketFrame::Answer(AnswerV1 { quote, collateral }))
    }

    /// A quote over these bytes, and the collateral that goes with it.
    fn quote(&self, data: &ReportData) -> Result<(Bytes, Bytes), ProveError> {
        let mut quote = self.quoter.quote(data)?;
        trim(&mut quote);
        let collateral = self.collateral.as_ref().map(Collateral::to_json).unwrap_or_default();
        Ok((quote.into(), collateral))
    }
}

fn made(frame: &TicketFrame) -> Result<Ticket, ProveError> {
    Ok(Ticket::new(Class::tdx(), codec::encode(frame)?)?)
}

/// Takes away what some hosts append to a quote: verifiers refuse bytes that mean nothing.
pub(super) fn trim(quote: &mut Vec<u8>) {
    use parity_scale_codec::{Decode, Encode};
    if let Ok(parsed) = dcap_qvl::quote::Quote::decode(&mut &quote[..]) {
        let exact = parsed.encode();
        if quote.starts_with(&exact) {
            quote.truncate(exact.len());
        }
    }
}
