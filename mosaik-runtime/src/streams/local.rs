//! A subscription of a node to itself: its consumers hear its own producers through the ring, without a socket.

use std::time::Duration;

use tokio::time::sleep;

use super::{
    core::{
        cursor::{Cut, Parting},
        inbox::{Batch, Left},
        source::Source,
        subscribe::{AttachError, Take},
    },
    hub::Hub,
    inlet::Inlet,
    line::Line,
    outlet::{Outlet, Seat, Wake},
    subscribe::Outcome,
    wire::End,
};
use crate::primitives::{Decision, PeerId, PeerView, Policy};

/// How often this node looks whether what it proves to itself still stands.
const LOOK: Duration = Duration::from_secs(1);

/// One attempt at this node's own producer.
pub(super) async fn local(hub: &Hub, inlet: &Inlet, me: PeerId, line: &Line, source: &mut Source) -> Outcome {
    let outlet = hub.outlet(&inlet.subject.item).filter(|outlet| outlet.serves(&me));
    let Some(outlet) = outlet else { return Outcome::NotBegun("the stream has ended here".to_owned()) };
    let Some(schema) = inlet.schemas.iter().position(|known| *known == outlet.subject.schema) else {
        return Outcome::NotBegun("this node's producer has another type".to_owned());
    };
    if let Err(why) = admit(hub, inlet, &outlet, me).await {
        return Outcome::NotBegun(why);
    }
    let wake = Wake::default();
    let attached = match outlet.attach(me, source.had(), wake.clone()) {
        Ok(attached) => attached,
        Err(AttachError::Full { limit }) => {
            return Outcome::NotBegun(format!("the limit of {limit} is reached (`max_consumers`)"));
        }
        Err(AttachError::Closed) => return Outcome::NotBegun("the stream has ended here".to_owned()),
    };
    let mut seat = Seat::new(&outlet, me, &attached);
    inlet.begin(me, line, source, &outlet.terms(attached.next));
    let pump =
        Pump { inlet, outlet: &outlet, line, me, attachment: attached.attachment, schema, wake: &wake };
    let left = tokio::select! {
        biased;
        () = inlet.scope.stopping() => None,
        () = line.leave.cancelled() => None,
        why = revoked(hub, inlet, &outlet, me) => Some(Left::Refused(why)),
        why = line.spoils() => Some(Left::Malformed(why)),
        () = wake.cut.cancelled() => Some(pump.cut()),
        left = pump.run(source) => Some(left),
    };
    seat.parting = match left {
        Some(Left::Malformed(_) | Left::Lost(_)) => Parting::Lost,
        // What a cut took is told at the return.
        Some(Left::Ended(End::Dropped)) => Parting::Ended,
        Some(Left::Ended(_)) => Parting::Lost,
        Some(Left::Refused(_)) => Parting::Refused,
        Some(Left::Unwanted) | None => Parting::Left,
    };
    drop(seat);
    inlet.end_of_line(me, line, outlet.epoch, left)
}

async fn admit(hub: &Hub, inlet: &Inlet, outlet: &Outlet, me: PeerId) -> Result<(), String> {
    let both = outlet.options().require & inlet.options.require.clone();
    let view = PeerView { rtt: Some(Duration::ZERO), ..hub.admission.view(&both, &me).await };
    let judge = |policy: &Policy, role: &str| match policy.evaluate(&view) {
        Decision::Yes => Ok(()),
        Decision::No | Decision::Unknown => {
            Err(format!("this node itself does not meet the {role}'s policy `{policy}`"))
        }
    };
    judge(&outlet.options().require, "producer")?;
    judge(&inlet.options.require, "consumer")
}

/// Waits until this node no longer admits itself.
async fn revoked(hub: &Hub, inlet: &Inlet, outlet: &Outlet, me: PeerId) -> String {
    let mut catalog = hub.discovery.watch();
    loop {
        if let Err(why) = admit(hub, inlet, outlet, me).await {
            return why;
        }
        let proofs = outlet.options().require.needs_proofs() || inlet.options.require.needs_proofs();
        tokio::select! {
            biased;
            changed = catalog.changed() => if changed.is_err() { return std::future::pending().await },
            // A proof may end while the catalog stays as it is.
            () = sleep(LOOK), if proofs => {}
        }
    }
}

/// Carries runs from the ring to the inbox.
struct Pump<'a> {
    inlet: &'a Inlet,
    outlet: &'a Outlet,
    line: &'a Line,
    me: PeerId,
    attachment: u64,
    schema: usize,
    wake: &'a Wake,
}

impl Pump<'_> {
    async fn run(&self, source: &mut Source) -> Left {
        loop {
            let taken = self.outlet.ring().take(&self.me, self.attachment);
            match taken {
                Take::Run(run) => {
                    self.outlet.after_take();
                    for chunk in run.chunks {
                        let (first, count) = (chunk.first.seq, chunk.end.seq - chunk.first.seq);
                        let (from, epoch, schema) = (self.me, self.outlet.epoch, self.schema);
                        let batch = Batch { from, epoch, schema, first, count, bytes: chunk.whole() };
                        self.inlet.put(self.line, source, batch).await;
                    }
                    self.outlet.wrote(&self.me, self.attachment);
                    self.acknowledge(source);
                }
                Take::Gap { first, count } => {
                    let (_, lost) = source.accept(first.saturating_add(count), 0);
                    self.inlet.lose(self.me, self.line, self.outlet.epoch, lost);
                }
                Take::Wait => tokio::select! {
                    biased;
                    () = self.wake.items.notified() => {}
                    () = self.line.news.notified() => self.acknowledge(source),
                },
                Take::End => return Left::Ended(End::Dropped),
                Take::Cut(_) | Take::Superseded => return self.cut(),
            }
        }
    }

    /// Why the ring ended it.
    fn cut(&self) -> Left {
        Left::Ended(match self.outlet.ring().take(&self.me, self.attachment) {
            Take::Cut(Cut::OutOfPatience) => End::OutOfPatience,
            _ => End::TooSlow,
        })
    }

    fn acknowledge(&self, source: &Source) {
        let consumed = self.inlet.inbox().consumed(&self.me, self.outlet.epoch);
        let received = source.had().map_or(0, |(_, next)| next);
        self.outlet.acknowledge(&self.me, self.attachment, (u64::MAX, received, consumed));
    }
}
