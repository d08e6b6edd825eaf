//! One comparison of catalogs over one link: difference only, in turns, each step under a deadline.
//!
//! Both sides work on a snapshot and verify what they get here, in a task of their own. The driver sees results only.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{sync::mpsc, task::yield_now, time::Instant};

use crate::{
    primitives::{Clock, PeerId, Scope, Version, watch},
    transport::{Code, Link, LinkError, Transport},
};

use super::{
    super::{
        catalog::Catalog,
        core::{BUCKETS, Digest, Plan, Summary, answer, compare, summaries},
        signed::{NotBelieved, Statement},
        verifier::Verifier,
        wire::{
            BATCH, CatalogFrame, CatalogProtocol, MOST_IDS, MOST_LISTED, Opening, Relayed, buckets_are_sound,
        },
    },
    Input,
};

/// Each frame must arrive within this.
const STEP: Duration = Duration::from_secs(5);
/// The whole comparison must end within this.
const WHOLE: Duration = Duration::from_secs(30);
/// Statements that one comparison may bring: as many as a full catalog holds, dead and alive.
const MOST_TOLD: usize = 2 * 65_536;
/// Frames that are written at once: each of the 256 parts of a catalog has one, and most of them are small.
const AT_ONCE: usize = 64;
/// So many statements are verified before other tasks get a turn: each costs some 50 µs.
const TURN: usize = 16;

/// What a comparison needs of the node.
#[derive(Clone)]
pub(super) struct Comparer {
    pub(super) me: PeerId,
    pub(super) transport: Transport,
    pub(super) catalog: watch::Receiver<Arc<Catalog>>,
    pub(super) verifier: Arc<Verifier>,
    pub(super) clock: Clock,
    pub(super) inbox: mpsc::Sender<Input>,
    pub(super) scope: Scope,
    /// The last snapshot: many comparisons are of the same catalog.
    pub(super) last: Arc<Mutex<Option<Snapshot>>>,
}

/// The catalog as it was when the comparison began.
#[derive(Debug, Clone)]
pub(super) struct Snapshot {
    catalog: Arc<Catalog>,
    digest: Arc<Digest>,
}

type CatalogLink = Link<CatalogProtocol>;

impl Comparer {
    /// Compares with a peer, dialling it first.
    pub(super) async fn ask(&self, peer: PeerId) -> Result<(), LinkError> {
        let whole = async {
            let mut link = self.transport.link::<CatalogProtocol>(peer).await?;
            self.dialler(&mut link).await.map(|()| link.close(Code::Done))
        };
        bounded(whole).await
    }

    /// Compares with a peer that asked.
    pub(super) async fn answer(&self, mut link: CatalogLink) -> Result<(), LinkError> {
        let whole = async { self.acceptor(&mut link).await.map(|()| link.close(Code::Done)) };
        bounded(whole).await
    }

    async fn dialler(&self, link: &mut CatalogLink) -> Result<(), LinkError> {
        let snapshot = self.snapshot();
        let opening = self.opening(&snapshot, link.peer())?;
        link.send(&CatalogFrame::Open { opening, buckets: Vec::new() }).await?;
        let CatalogFrame::Open { opening, buckets } = receive(link).await? else { return Err(out_of_turn()) };
        self.opened(link.peer(), opening).await?;
        if buckets.is_empty() {
            return Ok(());
        }
        if !buckets_are_sound(&buckets) {
            return Err(out_of_turn());
        }
        let mut listings = Vec::new();
        for bucket in snapshot.digest.differing(&buckets) {
            let mut summaries = summaries(&snapshot.catalog, bucket);
            summaries.truncate(MOST_LISTED);
            listings.push(CatalogFrame::Listing { bucket, summaries });
        }
        listings.push(CatalogFrame::Over);
        for some in listings.chunks(AT_ONCE) {
            link.send_all(some).await?;
        }
        let wanted = self.take(link, MOST_TOLD).await?;
        let owed = answer(&snapshot.catalog, &wanted, Instant::now());
        self.tell(link, owed).await?;
        link.send(&CatalogFrame::Over).await
    }

    async fn acceptor(&self, link: &mut CatalogLink) -> Result<(), LinkError> {
        let CatalogFrame::Open { opening: theirs, .. } = receive(link).await? else {
            return Err(out_of_turn());
        };
        let snapshot = self.snapshot();
        let same = theirs.root == snapshot.digest.root;
        self.opened(link.peer(), theirs).await?;
        let opening = self.opening(&snapshot, link.peer())?;
        let buckets = if same { Vec::new() } else { snapshot.digest.buckets.clone() };
        link.send(&CatalogFrame::Open { opening, buckets }).await?;
        if same {
            return Ok(());
        }
        let (buckets, theirs) = listings(link).await?;
        let plan = compare(&snapshot.catalog, &buckets, &theirs, Instant::now());
        let wanted = plan.want.len();
        self.answer_plan(link, plan).await?;
        self.take(link, wanted).await.map(|_| ())
    }

    async fn answer_plan(&self, link: &mut CatalogLink, plan: Plan) -> Result<(), LinkError> {
        self.doubt(plan.dead_there).await;
        self.tell(link, plan.send).await?;
        for wanted in plan.want.chunks(MOST_IDS) {
            link.send(&CatalogFrame::Want(wanted.to_vec())).await?;
        }
        for dead in plan.dead_here.chunks(MOST_IDS) {
            link.send(&CatalogFrame::Dead(dead.to_vec())).await?;
        }
        link.send(&CatalogFrame::Over).await
    }

    async fn tell(&self, link: &mut CatalogLink, owed: Vec<Relayed>) -> Result<(), LinkError> {
        let _ = self.inbox.send(Input::Told(owed.len())).await;
        let (mut batch, mut size) = (Vec::new(), 0);
        for relayed in owed {
            size += relayed.signed.bytes().len() + 128;
            batch.push(relayed);
            if size > BATCH {
                link.send(&CatalogFrame::Statements(std::mem::take(&mut batch))).await?;
                size = 0;
            }
        }
        if batch.is_empty() { Ok(()) } else { link.send(&CatalogFrame::Statements(batch)).await }
    }

    /// Takes the other side's turn, of at most so many statements. Returns what it wants.
    async fn take(&self, link: &mut CatalogLink, most: usize) -> Result<Vec<PeerId>, LinkError> {
        let (mut wanted, mut left) = (Vec::new(), most);
        loop {
            match receive(link).await? {
                CatalogFrame::Statements(relayed) => {
                    left = left.checked_sub(relayed.len()).ok_or_else(out_of_turn)?;
                    self.learned(link.peer(), relayed).await?;
                }
                CatalogFrame::Want(ids) if wanted.len() < BUCKETS * MOST_LISTED => wanted.extend(ids),
                CatalogFrame::Dead(dead) => self.doubt(dead).await,
                CatalogFrame::Over => return Ok(wanted),
                _ => return Err(out_of_turn()),
            }
        }
    }

    /// Statements that do not decode are left out, and the rest is taken: a later version may say more than this one reads. One
    /// that nobody should have relayed ends the comparison, so that it costs one verification.
    async fn learned(&self, from: PeerId, relayed: Vec<Relayed>) -> Result<(), LinkError> {
        let mut statements = Vec::new();
        let mut hostile = None;
        for (at, Relayed { signed, age }) in relayed.into_iter().enumerate() {
            if at % TURN == TURN - 1 {
                yield_now().await;
            }
            match self.verifier.verify(&signed) {
                Ok(statement) => statements.push((statement, Duration::from_secs(age.into()))),
                Err(why) if why.is_hostile() => {
                    hostile = Some(self.refuse(from, why).await);
                    break;
                }
                Err(why) => {
                    let _ = self.inbox.send(Input::NotBelieved { by: from, why }).await;
                }
            }
        }
        let _ = self.inbox.send(Input::Learned { from, statements }).await;
        hostile.map_or(Ok(()), Err)
    }

    async fn opened(&self, peer: PeerId, opening: Opening) -> Result<(), LinkError> {
        match self.verifier.verify(&opening.mine) {
            Ok(statement @ Statement::Entry(_)) if statement.about() == peer => {
                let (holds, wall) = (opening.holds_of_you, opening.wall);
                let _ = self.inbox.send(Input::Opened { peer, statement, holds, wall }).await;
                Ok(())
            }
            Ok(_) => Err(self.refuse(peer, NotBelieved::Forged).await),
            Err(why) => Err(self.refuse(peer, why).await),
        }
    }

    async fn refuse(&self, by: PeerId, why: NotBelieved) -> LinkError {
        let error = LinkError::Malformed(why.to_string());
        let _ = self.inbox.send(Input::NotBelieved { by, why }).await;
        error
    }

    async fn doubt(&self, dead: Vec<(PeerId, Version)>) {
        if !dead.is_empty() {
            let _ = self.inbox.send(Input::Doubted(dead)).await;
        }
    }

    fn snapshot(&self) -> Snapshot {
        let catalog = self.catalog.borrow().clone();
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(same) = last.as_ref().filter(|last| Arc::ptr_eq(&last.catalog, &catalog)) {
            return same.clone();
        }
        let snapshot = Snapshot { digest: Arc::new(Digest::of(&catalog)), catalog };
        *last = Some(snapshot.clone());
        snapshot
    }

    fn opening(&self, snapshot: &Snapshot, peer: PeerId) -> Result<Opening, LinkError> {
        let catalog = &snapshot.catalog;
        let mine = catalog.get(&self.me).ok_or(LinkError::Stopping)?.signed.clone();
        let boot = catalog.get(&peer).map(|peer| peer.entry.boot);
        let holds_of_you = catalog.version_of(&peer).map(|version| (version, boot));
        let (root, wall) = (snapshot.digest.root, self.clock.wall());
        Ok(Opening { mine, root, holds_of_you, wall, extensions: Vec::new() })
    }
}

async fn listings(link: &mut CatalogLink) -> Result<(Vec<u8>, Vec<Summary>), LinkError> {
    let (mut buckets, mut all) = (Vec::new(), Vec::new());
    loop {
        match receive(link).await? {
            CatalogFrame::Listing { bucket, summaries } => {
                if buckets.contains(&bucket) || summaries.len() > MOST_LISTED {
                    return Err(out_of_turn());
                }
                buckets.push(bucket);
                all.extend(summaries);
            }
            CatalogFrame::Over => return Ok((buckets, all)),
            _ => return Err(out_of_turn()),
        }
    }
}

async fn receive(link: &mut CatalogLink) -> Result<CatalogFrame, LinkError> {
    link.recv(STEP).await?.ok_or(LinkError::Truncated)
}

async fn bounded(whole: impl Future<Output = Result<(), LinkError>>) -> Result<(), LinkError> {
    let expired = LinkError::Deadline { step: "comparing catalogs", within: WHOLE };
    tokio::time::timeout(WHOLE, whole).await.unwrap_or(Err(expired))
}

fn out_of_turn() -> LinkError {
    LinkError::Malformed("a frame that is out of turn".to_owned())
}
