//! How a ticket is asked for: one question, one answer, on a link of its own.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tokio::time::timeout;

use crate::{
    primitives::{PeerId, Scope},
    tickets::{Class, MAX_HELD, MAX_TICKET, Nonce, Ticket, TicketId, Unanswered},
    transport::{Code, Link, LinkError, Protocol, Transport},
};

use super::Tickets;

/// How long one step may take.
const STEP: Duration = Duration::from_secs(3);
/// How long an answer to a challenge may take: quotes are made by the host.
const ANSWER: Duration = Duration::from_secs(10);
/// Questions that wait; more are refused as busy.
const BACKLOG: usize = 64;
/// Questions of one peer at once: for all tickets that this node shows, and for answers to challenges beside them.
const OF_ONE_PEER: usize = 2 * MAX_HELD;
/// Questions at once.
const MOST: usize = 256;

/// Tickets by their content.
#[derive(Debug)]
pub(super) struct TicketsProtocol;

impl Protocol for TicketsProtocol {
    const NAME: &'static str = "tickets";
    const MAJOR: u16 = 1;
    const MAX_FRAME: usize = MAX_TICKET + 256;
    const LINGER: Duration = Duration::from_secs(10);
}

/// The question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum AskFrame {
    /// For a ticket.
    V1 { id: TicketId, extensions: Vec<(u16, Bytes)> },
    /// For a proof of this class that is made now and holds the nonce.
    Challenge { class: Class, nonce: Nonce, extensions: Vec<(u16, Bytes)> },
}

/// The answer. Of a challenge it is [`Here`](Self::Here), too.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum AnswerFrame {
    /// The ticket.
    Here { class: Class, bytes: Bytes, extensions: Vec<(u16, Bytes)> },
    /// This node shows no such ticket.
    NotMine { extensions: Vec<(u16, Bytes)> },
    /// This node does not answer the challenge.
    Unanswered { why: Unanswered, extensions: Vec<(u16, Bytes)> },
}

impl fmt::Debug for AnswerFrame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Here { class, bytes, .. } => write!(f, "Here({class}, {} bytes)", bytes.len()),
            Self::NotMine { .. } => f.write_str("NotMine"),
            Self::Unanswered { why, .. } => write!(f, "Unanswered({why:?})"),
        }
    }
}

/// Asks `peer` for one of its tickets. What comes is the ticket of that name, or an error.
pub(super) async fn fetch(transport: &Transport, peer: PeerId, id: TicketId) -> Result<Ticket, String> {
    let asked = async {
        let mut link = transport.link::<TicketsProtocol>(peer).await?;
        link.send(&AskFrame::V1 { id, extensions: Vec::new() }).await?;
        link.recv::<AnswerFrame>(STEP).await
    };
    let answer = timeout(STEP, asked).await.map_err(|_| "the peer does not answer".to_owned())?;
    let code = match answer {
        Ok(Some(AnswerFrame::Here { class, bytes, .. })) => {
            let ticket = Ticket::new(class, bytes).map_err(|error| error.to_string())?;
            let same = ticket.id() == id;
            return same.then_some(ticket).ok_or_else(|| "the peer sent another ticket".to_owned());
        }
        Ok(Some(AnswerFrame::NotMine { .. })) => "the peer does not show it any more".to_owned(),
        Ok(Some(AnswerFrame::Unanswered { .. })) => "the peer answers something else".to_owned(),
        Ok(None) => "the peer gave no answer".to_owned(),
        Err(error) => error.to_string(),
    };
    Err(code)
}

/// There is no answer to a challenge.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NoAnswer {
    /// None came, or none that is one.
    Broken(String),
    /// The peer says why.
    Said(Unanswered),
}

/// Asks `peer` for a proof over a nonce.
pub(super) async fn challenge(
    transport: &Transport,
    peer: PeerId,
    class: Class,
    nonce: Nonce,
) -> Result<Ticket, NoAnswer> {
    let asked = async {
        let mut link = transport.link::<TicketsProtocol>(peer).await?;
        link.send(&AskFrame::Challenge { class: class.clone(), nonce, extensions: Vec::new() }).await?;
        link.recv::<AnswerFrame>(ANSWER).await
    };
    let broken = |why: &str| NoAnswer::Broken(why.to_owned());
    match timeout(ANSWER, asked).await.map_err(|_| broken("it does not answer"))? {
        Ok(Some(AnswerFrame::Here { class: of, bytes, .. })) if of == class => {
            Ticket::new(of, bytes).map_err(|error| NoAnswer::Broken(error.to_string()))
        }
        Ok(Some(AnswerFrame::Unanswered { why, .. })) => Err(NoAnswer::Said(why)),
        Ok(Some(_)) => Err(broken("it answers something else")),
        Ok(None) => Err(broken("it ends the link: it may be older")),
        Err(error) => Err(NoAnswer::Broken(error.to_string())),
    }
}

/// Who is being answered. A peer that asks and does not read takes its own places alone.
#[derive(Debug, Clone, Default)]
struct Places(Arc<Mutex<BTreeMap<PeerId, usize>>>);

/// A place of a peer; it is free when this is dropped.
struct Place(Places, PeerId);

impl Places {
    fn take(&self, peer: PeerId) -> Option<Place> {
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (all, its) = (taken.values().sum::<usize>(), taken.entry(peer).or_default());
        let free = all < MOST && *its < OF_ONE_PEER;
        if free {
            *its += 1;
        } else if *its == 0 {
            taken.remove(&peer);
        }
        free.then(|| Place(self.clone(), peer))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(its) = taken.get_mut(&self.1) {
            *its -= 1;
            if *its == 0 {
                taken.remove(&self.1);
            }
        }
    }
}

/// Answers questions until the node stops.
pub(super) fn serve(tickets: &Tickets, transport: &Transport, scope: &Scope) {
    let mut listener = transport.listen::<TicketsProtocol>(BACKLOG);
    let (tickets, scope, places) = (tickets.clone(), scope.clone(), Places::default());
    scope.clone().spawn("tickets", async move {
        loop {
            let link = tokio::select! {
                biased;
                () = scope.stopping() => return,
                link = listener.accept() => link,
            };
            let Some(link) = link else { return };
            let Some(place) = places.take(link.peer()) else {
                link.close(Code::Busy);
                continue;
            };
            let tickets = tickets.clone();
            scope.spawn("ticket", async move {
                // Who asks too slowly gets no answer.
                let _ = timeout(ANSWER, answer(&tickets, link)).await;
                drop(place);
            });
        }
    });
}

async fn answer(tickets: &Tickets, mut link: Link<TicketsProtocol>) -> Result<(), LinkError> {
    let answer = match link.recv::<AskFrame>(STEP).await? {
        Some(AskFrame::V1 { id, .. }) => match tickets.shown(&id) {
            Some(ticket) => here(&ticket),
            None => AnswerFrame::NotMine { extensions: Vec::new() },
        },
        Some(AskFrame::Challenge { class, nonce, .. }) => {
            match tickets.answered(link.peer(), &class, nonce).await {
                Ok(answer) => here(&answer),
                Err(why) => AnswerFrame::Unanswered { why, extensions: Vec::new() },
            }
        }
        None => return Ok(()),
    };
    link.send(&answer).await?;
    link.close(Code::Done);
    Ok(())
}

fn here(ticket: &Ticket) -> AnswerFrame {
    let (class, bytes) = (ticket.class().clone(), ticket.bytes().clone());
    AnswerFrame::Here { class, bytes, extensions: Vec::new() }
}

/// The frames, for the fuzz target of admission.
#[cfg(feature = "sim")]
pub(in crate::admission) fn fuzzed(bytes: &[u8]) {
    use crate::primitives::fuzz::round_trip;
    let _ = round_trip::<AskFrame>(bytes);
    if let Some(AnswerFrame::Here { class, bytes, .. }) = round_trip::<AnswerFrame>(bytes) {
        let _ = Ticket::new(class, bytes);
    }
}

/// Frames to begin with, for the same target.
#[cfg(feature = "sim")]
pub(in crate::admission) fn seeds() -> Vec<Vec<u8>> {
    use crate::primitives::fuzz::bytes;
    let (class, nonce, id) = (Class::tdx(), Nonce::from_bytes([7; 32]), TicketId::from_bytes([7; 32]));
    let none = Vec::new;
    let said = |why| bytes(&AnswerFrame::Unanswered { why, extensions: none() });
    vec![
        bytes(&AskFrame::V1 { id, extensions: none() }),
        bytes(&AskFrame::Challenge {
            class: class.clone(),
            nonce,
            extensions: vec![(1, Bytes::from_static(b"x"))],
        }),
        bytes(&AnswerFrame::Here { class, bytes: Bytes::from_static(b"a.b.c"), extensions: none() }),
        bytes(&AnswerFrame::NotMine { extensions: none() }),
        said(Unanswered::TooOften { after_ms: 9000 }),
        said(Unanswered::Failed),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::primitives::{codec, ids::hex};

    #[test]
    fn a_peer_takes_its_own_places_alone() {
        let places = Places::default();
        let (one, two) = (PeerId::from_bytes([1; 32]), PeerId::from_bytes([2; 32]));
        let taken: Vec<_> = (0..2 * OF_ONE_PEER).filter_map(|_| places.take(one)).collect();
        assert_eq!(taken.len(), OF_ONE_PEER);
        assert!(places.take(two).is_some());
        drop(taken);
        assert!(places.take(one).is_some() && places.0.lock().expect("whole").is_empty());
        let peer = |n: usize| PeerId::from_bytes([u8::try_from(n).expect("small"); 32]);
        let all: Vec<_> =
            (0..200).flat_map(|n| [places.take(peer(n)), places.take(peer(n))]).flatten().collect();
        assert_eq!(all.len(), MOST);
    }

    #[test]
    fn question_and_answers_have_golden_bytes() {
        let golden = |frame: Vec<u8>| hex(&frame);
        let ask = AskFrame::V1 { id: TicketId::from_bytes([7; 32]), extensions: Vec::new() };
        assert_eq!(golden(codec::encode(&ask).expect("encodes")), format!("00{}00", "07".repeat(32)));
        let here = AnswerFrame::Here {
            class: Class::jwt(),
            bytes: Bytes::from_static(b"a"),
            extensions: Vec::new(),
        };
        assert_eq!(golden(codec::encode(&here).expect("encodes")), "00036a7774016100");
        let not_mine = AnswerFrame::NotMine { extensions: Vec::new() };
        assert_eq!(golden(codec::encode(&not_mine).expect("encodes")), "0100");
        let (class, nonce) = (Class::tdx(), Nonce::from_bytes([7; 32]));
        let challenge = AskFrame::Challenge { class, nonce, extensions: Vec::new() };
        let expected = format!("0103746478{}00", "07".repeat(32));
        assert_eq!(golden(codec::encode(&challenge).expect("encodes")), expected);
        let why = Unanswered::TooOften { after_ms: 5 };
        let unanswered = AnswerFrame::Unanswered { why, extensions: Vec::new() };
        assert_eq!(golden(codec::encode(&unanswered).expect("encodes")), "02010500");
    }
}
