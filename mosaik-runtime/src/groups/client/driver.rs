//! The task around the pump: what was given, what lanes tell, who leads, and the time.

use std::{collections::BTreeMap, future::poll_fn, pin::Pin, sync::Arc};

use tokio::{
    sync::mpsc,
    time::{Instant, Sleep, sleep_until},
};

use super::{
    Caller, Client, Shared,
    core::{BatchId, Effect, FLIGHTS, Input, LARGE, LaneId, ParcelId, Pump},
    lanes::{Proposer, Remote, proposed},
    lock,
};
use crate::{
    groups::{instance::Instance, status::InstanceView},
    primitives::{PeerId, watch},
};

/// What lanes have told and the pump has not heard; they wait.
const EVENTS: usize = 2 * FLIGHTS;
/// So many results of this node's own Raft are heard before something is sent.
const RESULTS: usize = FLIGHTS;
/// So many turns at most are left to those who were told, to give on.
const TURNS: usize = 4;

struct Driver {
    instance: Instance,
    shared: Arc<Shared>,
    pump: Pump,
    lane: Option<(LaneId, Way)>,
    events: mpsc::Sender<Input>,
    callers: BTreeMap<ParcelId, Caller>,
    leader: Option<PeerId>,
    timer: Pin<Box<Sleep>>,
    /// When the timer goes off, if it is set.
    armed: Option<Instant>,
    effects: Vec<Effect>,
    /// How many commands have no answer, and what was shown of that.
    length: metrics::Gauge,
    shown: usize,
}

enum Way {
    Here(Proposer),
    There(Remote),
}

/// Nobody takes what is given any more, also when the task panics or is dropped: whoever waits is told.
struct Ending(Arc<Shared>);

impl Drop for Ending {
    fn drop(&mut self) {
        Client::close(&self.0);
    }
}

/// Sends what is given, until the group ends on this node.
pub(super) async fn run(instance: Instance, shared: Arc<Shared>) {
    let _ending = Ending(shared.clone());
    let (events, mut inbox) = mpsc::channel(EVENTS);
    let mut view = instance.view();
    let pump = Pump::new(instance.me(), instance.boot());
    let timer = Box::pin(sleep_until(shared.clock.now()));
    let (scope, leader, armed) = (instance.scope().clone(), None, None);
    let (lane, callers, effects) = (None, BTreeMap::new(), Vec::new());
    let group = instance.subject().intent.clone();
    let length = metrics::gauge!("mosaik_groups_commands_waiting", "group" => group);
    let shown = 0;
    let mut driver = Driver {
        instance,
        shared,
        pump,
        lane,
        events,
        callers,
        leader,
        timer,
        armed,
        effects,
        length,
        shown,
    };
    driver.look(&mut view);
    loop {
        driver.tell().await;
        driver.flush();
        let shared = driver.shared.clone();
        tokio::select! { biased;
            () = scope.stopping() => break,
            changed = view.changed() => {
                if changed.is_err() || driver.look(&mut view) {
                    break;
                }
            }
            input = told(&mut driver.lane) => driver.hear(input),
            Some(input) = inbox.recv() => driver.hear(input),
            () = shared.more.notified() => {}
            () = &mut driver.timer, if driver.armed.is_some() => {
                driver.armed = None;
                driver.hear(Input::Tick);
            }
        }
        driver.hear_more(&mut inbox);
    }
    driver.stop();
}

/// What this node's own Raft says of a batch.
async fn told(lane: &mut Option<(LaneId, Way)>) -> Input {
    match lane {
        Some((lane, Way::Here(proposer))) => {
            let (batch, result) = poll_fn(|context| proposer.poll_next(context)).await;
            proposed(*lane, BatchId(batch), result)
        }
        _ => std::future::pending().await,
    }
}

impl Driver {
    fn hear(&mut self, input: Input) {
        let now = self.shared.clock.now();
        self.pump.step(now, input, &mut self.effects);
    }

    /// What else was told meanwhile, so that it is one turn.
    fn hear_more(&mut self, inbox: &mut mpsc::Receiver<Input>) {
        for _ in 0..RESULTS {
            match inbox.try_recv() {
                Ok(input) => self.hear(input),
                Err(_) => break,
            }
        }
    }

    /// Looks at who leads; says whether the group has ended here.
    fn look(&mut self, view: &mut watch::Receiver<InstanceView>) -> bool {
        let (leader, stopped, failed) = {
            let view = view.borrow_and_update();
            (view.leader.map(|leader| leader.peer), view.stopped, view.failed.clone())
        };
        if leader != self.leader {
            self.leader = leader;
            self.hear(Input::Leader(leader));
        }
        if let Some(why) = failed {
            self.hear(Input::Failed(why));
            return true;
        }
        stopped
    }

    /// Tells whoever has an answer. Where that is several, and not so many that they make a large batch anyway, they get turns to give on,
    /// as long as one after the other does: then what they give is one batch, and not a small one and the rest behind it.
    async fn tell(&mut self) {
        let effects = std::mem::take(&mut self.effects);
        let told = effects.iter().filter(|effect| matches!(effect, Effect::Done(..))).count();
        effects.into_iter().for_each(|effect| self.perform(effect));
        let mut given = if (2..LARGE).contains(&told) { self.given() } else { told };
        for _ in 0..TURNS {
            if given >= told {
                break;
            }
            tokio::task::yield_now().await;
            if std::mem::replace(&mut given, self.given()) == given {
                break;
            }
        }
    }

    /// How many parcels were given and not looked at.
    fn given(&self) -> usize {
        lock(&self.shared.given).entries.len()
    }

    /// Takes what was given, sends what can be sent, and tells whoever waits.
    fn flush(&mut self) {
        let given = std::mem::take(&mut lock(&self.shared.given).entries);
        for given in given {
            self.callers.insert(self.pump.next_parcel(), given.caller);
            self.hear(Input::Give(given.parcel));
        }
        loop {
            let now = self.shared.clock.now();
            self.pump.send(now, &mut self.effects);
            if self.effects.is_empty() {
                break;
            }
            let effects = std::mem::take(&mut self.effects);
            effects.into_iter().for_each(|effect| self.perform(effect));
        }
        let given = super::ROOM.saturating_sub(self.shared.room.available_permits());
        if self.shown != given {
            self.shown = given;
            self.length.set(given as f64);
        }
        if let Some(wake) = self.pump.wake()
            && self.armed.is_none_or(|armed| armed > wake)
        {
            self.timer.as_mut().reset(wake);
            self.armed = Some(wake);
        }
    }

    fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::Open(lane, to) if to == self.instance.me() => {
                self.lane = Some((lane, Way::Here(Proposer::new(self.instance.clone()))));
                self.hear(Input::Ready(lane));
            }
            Effect::Open(lane, to) => {
                let remote = Remote::open(&self.instance, lane, to, self.events.clone());
                self.lane = Some((lane, Way::There(remote)));
            }
            Effect::Close(lane) => {
                self.lane.take_if(|(open, _)| *open == lane);
            }
            Effect::Send(lane, batch, items) => match &mut self.lane {
                Some((open, Way::Here(proposer))) if *open == lane => proposer.push(batch.0, items),
                Some((open, Way::There(remote))) if *open == lane => remote.push(batch, items),
                _ => {}
            },
            Effect::Done(parcel, done) => {
                if let Some(caller) = self.callers.remove(&parcel) {
                    // Who does not wait any more is not told.
                    let _ = caller.done.send(done);
                }
            }
        }
    }

    /// Tells everybody that it is over.
    fn stop(&mut self) {
        self.shared.room.close();
        lock(&self.shared.given).closed = true;
        self.hear(Input::Stop);
        self.flush();
    }
}
