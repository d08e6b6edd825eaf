//! Revocations that nodes share: a replicated set with the names of tickets.
//!
//! ```text
//! let revoked = network.collections().set::<TicketId>("house.revoked").reader().await?;
//! network.tickets().revoke_by(revoked);
//! ```
//!
//! Who may write the set may put anybody out: say who with `require_of_writers`. A node that has not read the set yet takes nothing for
//! revoked; wait for `when().online()` where that matters. One that loses it goes on with what it had.

use crate::{
    collections::{Handles, Read, Reader, Set, Write, Writer},
    tickets::{Revocations, TicketId},
};

impl<C> Revocations for Reader<C>
where
    C: Handles<Read = Read<Set<TicketId>>> + 'static,
{
    fn contains(&self, id: &TicketId) -> bool {
        (**self).contains(id)
    }
}

impl<C> Revocations for Writer<C>
where
    C: Handles<Write = Write<Set<TicketId>>> + 'static,
{
    fn contains(&self, id: &TicketId) -> bool {
        (**self).contains(id)
    }
}

#[cfg(all(test, feature = "sim"))]
mod tests {
    use std::time::Duration;

    use tokio::time::{Instant, timeout};

    use super::super::proven::{LONG, network, revoked, show, until};
    use crate::{groups::Voters, primitives::policy::proof, tickets::TicketId, transport::sim::Net};

    #[tokio::test(start_paused = true)]
    async fn t2_what_one_node_puts_into_the_shared_set_is_revoked_at_all_of_them() {
        let net = Net::new(5);
        let (office, gate, desk) = (network(&net, 1).await, network(&net, 2).await, network(&net, 3).await);
        let set = |node: &crate::node::Network| node.collections().set::<TicketId>("house.revoked");
        let taken = set(&office).voters(Voters::Count(1)).writer().await.expect("opens");
        let read = set(&gate).reader().await.expect("opens");
        office.tickets().revoke_by(taken.clone());
        gate.tickets().revoke_by(read.clone());
        timeout(LONG, taken.when().online()).await.expect("online");
        timeout(LONG, read.when().online()).await.expect("online");
        let (id, _) = show(&desk, Duration::from_secs(86_400));
        let producer = gate.streams().producer::<u64>().named("gated").require(proof("Badge"));
        let producer = producer.build().expect("a producer");
        let consumer = desk.streams().consumer::<u64>().named("gated").build().expect("a consumer");
        until(|| (producer.subscribers() == [desk.local().id()]).then_some(())).await;
        let (mut events, begun) = (gate.admission().events(), Instant::now());
        let version = taken.insert(id).await.expect("written").version;
        timeout(LONG, read.when().reaches(version)).await.expect("in time").expect("it is there");
        let (_, why) = revoked(&gate, &mut events, desk.local().id()).await;
        assert!(begun.elapsed() <= Duration::from_millis(1100), "{:?}", begun.elapsed());
        assert!(why.to_string().contains("revoked"), "{why}");
        // A new badge is another ticket.
        assert!(desk.tickets().remove(&id));
        show(&desk, Duration::from_secs(3600));
        until(|| (producer.subscribers() == [desk.local().id()]).then_some(())).await;
        drop(consumer);
    }
}
