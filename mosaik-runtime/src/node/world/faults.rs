//! What a test does to its world: cuts, crashes, slow and lossy links, clocks that jump.

use std::time::Duration;

use super::World;
use crate::{primitives::PeerId, transport::sim::LinkSettings};

impl World {
    /// Cuts all links between the two sides, both ways. What is sent is held; connections end when it lasts longer than the
    /// idle time-out.
    pub fn partition(
        &mut self,
        one: impl IntoIterator<Item = usize>,
        other: impl IntoIterator<Item = usize>,
    ) -> &mut Self {
        let (one, other) = (self.peers(one), self.peers(other));
        let _inside = self.runtime.enter();
        self.net.partition(&one, &other);
        self
    }

    /// Cuts one direction.
    pub fn cut(&mut self, from: usize, to: usize) -> &mut Self {
        let _inside = self.runtime.enter();
        self.net.cut(self.peer(from), self.peer(to));
        self
    }

    /// Ends all connections between two nodes at once. They come back and go on where they were.
    pub fn sever(&mut self, one: usize, other: usize) -> &mut Self {
        let _inside = self.runtime.enter();
        self.net.sever(self.peer(one), self.peer(other));
        self
    }

    /// Heals all cuts.
    pub fn heal(&mut self) -> &mut Self {
        let _inside = self.runtime.enter();
        self.net.heal();
        self
    }

    /// Ends a node without a word: nothing that it was about to send leaves, and the others have to notice.
    pub fn crash(&mut self, node: usize) -> &mut Self {
        let peer = self.peer(node);
        {
            let _inside = self.runtime.enter();
            self.net.crash(peer);
            self.seats[node].kill();
        }
        self.settle();
        self
    }

    /// Starts a node again under its key; one that runs is crashed first.
    pub fn restart(&mut self, node: usize) -> &mut Self {
        self.crash(node);
        let _inside = self.runtime.enter();
        self.seats[node].start(&self.net, &self.records);
        drop(_inside);
        self
    }

    /// Makes each flush of a node's disk take so much longer, from now on.
    #[cfg(feature = "durable")]
    pub fn slow_disk(&mut self, node: usize, by: Duration) -> &mut Self {
        self.at(node).slow_disk(by);
        self
    }

    /// Takes away what a node has on disk; it is crashed first if it runs. Start it again with [`restart`](Self::restart).
    #[cfg(feature = "durable")]
    pub fn lose_disk(&mut self, node: usize) -> &mut Self {
        self.crash(node);
        self.seats[node].replace_disk();
        self
    }

    /// The `number`th change of a node's disk from now on fails, the first being 0: it cannot be written, or not be flushed, or there is
    /// no room. The ones after it work again.
    #[cfg(feature = "durable")]
    pub fn fail_disk(&mut self, node: usize, number: u64, how: std::io::ErrorKind) -> &mut Self {
        self.at(node).disk().fail_at(number, how);
        self
    }

    /// A node's disk works again, and a failure that was still to come does not.
    #[cfg(feature = "durable")]
    pub fn mend_disk(&mut self, node: usize) -> &mut Self {
        self.at(node).disk().mend();
        self
    }

    /// Whether a node's disk has failed in this life of the node, and how many changes were tried since.
    #[cfg(feature = "durable")]
    #[track_caller]
    pub fn disk_failure(&self, node: usize) -> Option<u64> {
        let disk = self.at(node).disk();
        disk.has_failed().then(|| disk.tried_after_failure())
    }

    /// Crashes a node, turns one bit on its disk, and starts it again; says where the bit is.
    #[cfg(feature = "durable")]
    pub fn flip_bit(&mut self, node: usize) -> String {
        self.crash(node);
        let place = self.seats[node].flip_bit();
        self.restart(node);
        place
    }

    /// Asks a node to stop, as Ctrl-C does.
    pub fn stop(&mut self, node: usize) -> &mut Self {
        self.at(node).ask_to_stop();
        self
    }

    /// Sets the travel time of all frames from now on, one way.
    pub fn set_latency(&mut self, latency: Duration) -> &mut Self {
        self.net.adjust_links(|link| link.latency = latency);
        self
    }

    /// Sets the chance that a frame is lost once, 0 to 0.95, on all links. A lost frame is sent again and arrives later.
    pub fn set_loss(&mut self, loss: f64) -> &mut Self {
        self.net.adjust_links(|link| link.loss = loss);
        self
    }

    /// Sets the behaviour of one direction.
    pub fn set_link(&mut self, from: usize, to: usize, settings: LinkSettings) -> &mut Self {
        self.net.set_link(self.peer(from), self.peer(to), settings);
        self
    }

    /// Lets so much time pass in which nobody does anything, as if all machines slept: whatever was due meanwhile is due at once when they
    /// wake.
    pub fn suspend(&mut self, time: Duration) -> &mut Self {
        self.block_on(tokio::time::advance(time));
        self
    }

    /// Makes the wall clock of a node jump, forward or back.
    pub fn clock_jump(&mut self, node: usize, by_ms: i64) -> &mut Self {
        self.at(node).clock().jump(by_ms);
        self
    }

    fn peers(&self, nodes: impl IntoIterator<Item = usize>) -> Vec<PeerId> {
        nodes.into_iter().map(|node| self.peer(node)).collect()
    }
}
