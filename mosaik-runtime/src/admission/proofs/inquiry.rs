//! One question about one ticket, answered in the background: it is fetched and checked while whoever asked waits as long as it may.
//!
//! So a peer that answers slowly holds up nothing but this question, and a check that takes longer than one look is there at the next.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::time::{Instant, timeout_at};

use crate::{
    primitives::{PeerId, watch},
    tickets::{Denial, MAX_HELD, Ticket, TicketId, Trusted, Valid, Verdict},
};

use super::{exchange, found::unanswered, handle::Tickets};

/// Questions about one peer at a time.
const OF_ONE_PEER: usize = 4 * MAX_HELD;
/// Questions at a time.
const MOST: usize = 4096;

/// What is asked: about which ticket of whom, by which validator in which state.
type Question = (PeerId, TicketId, Arc<str>, u64);
type Answer = watch::Receiver<Option<Verdict>>;

/// Questions that are being answered.
#[derive(Debug, Clone, Default)]
pub(super) struct Inquiries(Arc<Mutex<BTreeMap<Question, Answer>>>);

/// A question whose answer somebody works on. It is over when this is dropped.
struct Asking {
    inquiries: Inquiries,
    question: Question,
    answer: watch::Sender<Option<Verdict>>,
}

impl Drop for Asking {
    fn drop(&mut self) {
        self.inquiries.lock().remove(&self.question);
    }
}

impl Inquiries {
    /// The answer to come; whoever asks first gets the work as well. `None`: there is no room.
    fn begin(&self, question: &Question) -> Option<(Answer, Option<Asking>)> {
        let mut all = self.lock();
        if let Some(answer) = all.get(question) {
            return Some((answer.clone(), None));
        }
        let first = (question.0, TicketId::from_bytes([0; 32]), Arc::from(""), 0);
        let of_peer = all.range(first..).take_while(|((peer, ..), _)| *peer == question.0).count();
        if of_peer >= OF_ONE_PEER || all.len() >= MOST {
            return None;
        }
        let (sender, answer) = watch::channel(None);
        all.insert(question.clone(), answer.clone());
        drop(all);
        let asking = Asking { inquiries: self.clone(), question: question.clone(), answer: sender };
        Some((answer, Some(asking)))
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Question, Answer>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tickets {
    /// What `trusted` says of a ticket of `peer`, and of its last answer to a challenge if it wants one; what is not known by `until` is
    /// told as unavailable.
    pub(super) async fn look_at(
        &self,
        trusted: &Trusted,
        peer: PeerId,
        id: TicketId,
        until: Instant,
    ) -> Verdict {
        let shown = self.look_at_ticket(trusted, peer, id, until).await?;
        // A node knows itself.
        if peer == self.transport().id() || trusted.challenge()?.is_none() {
            return Ok(shown);
        }
        let fresh = self.fresh(trusted, peer, until).await?;
        Ok(Valid { until: shown.until.min(fresh) })
    }

    async fn look_at_ticket(&self, trusted: &Trusted, peer: PeerId, id: TicketId, until: Instant) -> Verdict {
        if let Some(verdict) = self.checker().recall(trusted, id, peer, self.now().0) {
            return verdict;
        }
        let question = (peer, id, trusted.name().clone(), trusted.generation()?);
        let (mut answer, asking) = self.inquiries().begin(&question).ok_or(Denial::Busy)?;
        if let Some(asking) = asking {
            let (tickets, trusted) = (self.clone(), trusted.clone());
            self.scope().spawn("ticket inquiry", async move {
                let verdict = tickets.inquire(&trusted, peer, id).await;
                asking.answer.send_replace(Some(verdict));
            });
        }
        match timeout_at(until, answer.wait_for(Option::is_some)).await {
            Ok(Ok(verdict)) => verdict.clone().unwrap_or_else(|| Err(unanswered())),
            _ => Err(unanswered()),
        }
    }

    async fn inquire(&self, trusted: &Trusted, peer: PeerId, id: TicketId) -> Verdict {
        let ticket = self.ticket(peer, id).await.map_err(|why| Denial::Unavailable { why })?;
        self.checker().check(trusted, &ticket, peer, self.now().0).await
    }

    async fn ticket(&self, peer: PeerId, id: TicketId) -> Result<Ticket, String> {
        if peer == self.transport().id() {
            return self.shown(&id).ok_or_else(|| "it is not shown any more".to_owned());
        }
        let cell = self.contents().cell((peer, id), self.now().1)?;
        let fetched = cell.get_or_try_init(|| async {
            let fetched = exchange::fetch(self.transport(), peer, id).await;
            let result = if fetched.is_ok() { "fetched" } else { "failed" };
            metrics::counter!("mosaik_tickets_fetched_total", "result" => result).increment(1);
            fetched
        });
        let fetched = fetched.await.cloned();
        if fetched.is_ok() {
            self.contents().filled((peer, id));
        }
        fetched.map_err(|why| {
            let why = format!("the ticket could not be fetched: {why}");
            self.contents().failed((peer, id), self.now().1, &why);
            why
        })
    }
}
