//! How long the members of a group wait for each other. All of it follows from one number that they share: the longest round trip between
//! two of them that the group has to stand.
//!
//! What a wait is for is said where it is used. Here is how the waits relate, in one place: a heartbeat must be answered before the next one is
//! due, several may be lost within a lease, and a leader that lost its majority is silent for longer than others take to elect.

use std::time::Duration;

/// The longest round trip that a group stands unless `round_trip` says otherwise, and the shortest that it may say.
pub const NEAR: Duration = Duration::from_millis(60);
/// The longest round trip that a group can be told to stand.
pub const FARTHEST: Duration = Duration::from_secs(2);

/// The waits of one group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    round_trip: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self { round_trip: NEAR }
    }
}

impl Timing {
    /// The waits of a group whose members may be so far apart, there and back; between [`NEAR`] and [`FARTHEST`].
    pub fn of(round_trip: Duration) -> Self {
        Self { round_trip: round_trip.clamp(NEAR, FARTHEST) }
    }

    /// The longest round trip that the group stands.
    pub const fn round_trip(self) -> Duration {
        self.round_trip
    }

    /// So long among members that are near, and so many round trips more with what they are farther.
    fn grown(self, near_ms: u64, by: f64) -> Duration {
        let farther = self.round_trip.saturating_sub(NEAR).as_secs_f64() * 1000.0;
        Duration::from_millis(near_ms + (farther * by).ceil() as u64)
    }

    /// How often a leader says that it is there. It hears the answer within three quarters of this, or not at all: that is what openraft
    /// gives to a heartbeat.
    pub fn heartbeat(self) -> Duration {
        self.grown(100, 5.0 / 3.0)
    }

    /// A follower that hears nothing waits at least so much longer than a lease, and at most another lease. A vote is waited for within three
    /// quarters of this.
    pub fn wait(self) -> Duration {
        self.grown(150, 2.0)
    }

    /// A member that heard the leader votes for nobody else for so long.
    pub fn lease(self) -> Duration {
        self.grown(450, 5.0)
    }

    /// A leader without a majority is silent for so long, and then tries again for so long: others elect within it.
    pub fn phase(self) -> Duration {
        self.grown(1200, 15.0)
    }

    /// For so long after somebody stood for election nobody is parked.
    pub fn contested(self) -> Duration {
        self.grown(2000, 20.0)
    }

    /// How long a member may take to agree that it is parked.
    pub fn agrees(self) -> Duration {
        self.grown(200, 2.0)
    }

    /// How long a leader may take to hear from a majority that it leads, when a member that it parked asks.
    pub fn doubt(self) -> Duration {
        self.grown(700, 4.0)
    }

    /// How long a leader that was parked asks a majority whether it still leads, before it goes on.
    pub fn wake(self) -> Duration {
        self.grown(1000, 4.0)
    }

    /// How long a node on which parked groups depend may take to say that it is alive.
    pub fn pulse(self) -> Duration {
        self.grown(750, 3.0)
    }

    /// How long the leader may take for one round of strong reads, asked from afar.
    pub fn round(self) -> Duration {
        self.grown(1000, 4.0)
    }

    /// How long a follower that owes answers may be silent.
    pub fn stalled(self) -> Duration {
        self.grown(2000, 5.0)
    }

    /// How long a channel to the leader may take to open.
    pub fn opens(self) -> Duration {
        self.grown(2000, 5.0)
    }

    /// How long a question to a leader may wait for a commit.
    pub fn commit(self) -> Duration {
        self.grown(4000, 5.0)
    }

    /// How long the node that asks may wait for that.
    pub fn answer(self) -> Duration {
        self.grown(5000, 7.0)
    }

    /// By how much each rank of a list waits for those before it, at a birth.
    pub fn rank(self) -> Duration {
        self.grown(500, 3.0)
    }

    /// How long a founder looks for others.
    pub fn looks_around(self) -> Duration {
        self.grown(1000, 5.0)
    }

    /// How long a founder waits for a node that is known and has not answered.
    pub fn hears_of(self) -> Duration {
        self.grown(5000, 10.0)
    }

    /// How long the node with the higher id waits for the other one to dial.
    pub fn turn(self) -> Duration {
        self.grown(2000, 8.0)
    }

    /// How long the other end of a bond may take to show that it lives, before another bond takes its place.
    pub fn alive(self) -> Duration {
        self.grown(2000, 3.0)
    }

    /// How long a command or a query may take unless its handle says otherwise: two elections fit in.
    pub fn deadline(self, near: Duration) -> Duration {
        near.max(self.phase() * 2)
    }

    /// Whether a measured round trip is more than the group stands.
    pub fn is_beyond(self, measured: Duration) -> bool {
        measured > self.round_trip
    }

    /// What to declare where this was measured: a quarter more, in steps of 50 ms. Nothing if no group stands it.
    pub fn to_declare(measured: Duration) -> Option<Duration> {
        let wanted = measured.as_millis().saturating_mul(5).div_ceil(4);
        let stepped = u64::try_from(wanted.div_ceil(50) * 50).ok().map(Duration::from_millis)?;
        (stepped <= FARTHEST).then_some(stepped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    fn all() -> impl Iterator<Item = Timing> {
        (60..=2000).step_by(10).map(|millis| Timing::of(ms(millis)))
    }

    /// What openraft gives to a question, of the time that it waits itself.
    fn asked(of: Duration) -> Duration {
        of * 3 / 4
    }

    #[test]
    fn nearby_groups_wait_as_they_always_did() {
        let near = Timing::default();
        assert_eq!(
            (near.heartbeat(), near.wait(), near.lease(), near.phase()),
            (ms(100), ms(150), ms(450), ms(1200))
        );
        assert_eq!(
            (near.agrees(), near.doubt(), near.pulse(), near.contested()),
            (ms(200), ms(700), ms(750), ms(2000))
        );
        assert_eq!(
            (near.round(), near.wake(), near.stalled(), near.rank()),
            (ms(1000), ms(1000), ms(2000), ms(500))
        );
        assert_eq!(near.deadline(ms(10_000)), ms(10_000));
        assert_eq!((Timing::of(ms(1)), Timing::of(ms(9999)).round_trip()), (near, FARTHEST));
    }

    #[test]
    fn f10_a_heartbeat_and_a_vote_are_answered_in_time() {
        for timing in all() {
            let strays = timing.round_trip() * 5 / 4;
            assert!(asked(timing.heartbeat()) >= strays, "{timing:?}");
            assert!(asked(timing.wait()) >= strays, "{timing:?}");
            assert!(timing.wait() > timing.heartbeat(), "openraft asks for that: {timing:?}");
        }
    }

    #[test]
    fn f10_a_lost_heartbeat_deposes_nobody() {
        for timing in all() {
            // openraft looks at its clock every 13/64 of a heartbeat.
            let apart = timing.heartbeat() * 77 / 64;
            assert!(timing.lease() > apart * 2 + timing.round_trip(), "{timing:?}");
        }
    }

    #[test]
    fn f10_others_elect_while_a_leader_without_a_majority_is_silent() {
        for timing in all() {
            let silence = timing.lease() * 2 + timing.heartbeat() / 4;
            assert!(timing.phase() > silence + timing.round_trip() * 5 / 2, "{timing:?}");
            // Candidates are some round trips apart, or they would split the votes again and again.
            assert!(timing.lease() - timing.wait() >= timing.round_trip() * 3, "{timing:?}");
        }
    }

    #[test]
    fn f10_parking_ends_before_anybody_misses_the_leader() {
        for timing in all() {
            let parks = timing.heartbeat() + timing.agrees();
            assert!(parks < timing.lease() + timing.wait(), "{timing:?}");
            assert!(timing.agrees() > timing.round_trip() * 3 / 2, "{timing:?}");
            // There, to a majority, and back; behind a heartbeat that is under way.
            let asked = timing.round_trip() * 3;
            for limit in [timing.doubt(), timing.wake(), timing.round()] {
                assert!(limit > asked, "{timing:?}");
            }
            // Whoever lost the leader alone asks again within it; with a shorter log it waits two leases more.
            assert!(timing.contested() > timing.lease() * 4, "{timing:?}");
            assert!(timing.pulse() > timing.round_trip() * 5 / 2, "{timing:?}");
        }
    }

    #[test]
    fn f10_questions_outlast_what_they_wait_for() {
        for timing in all() {
            assert!(timing.answer() > timing.commit() + timing.round_trip(), "{timing:?}");
            assert!(timing.commit() > timing.round_trip() * 3, "{timing:?}");
            assert!(timing.rank() > timing.round_trip() * 5 / 2, "{timing:?}");
            assert!(timing.deadline(ms(10_000)) >= timing.phase() * 2, "{timing:?}");
        }
    }

    #[test]
    fn what_to_declare_has_some_room() {
        assert_eq!(Timing::to_declare(ms(61)), Some(ms(100)));
        assert_eq!(Timing::to_declare(ms(80)), Some(ms(100)));
        assert_eq!(Timing::to_declare(ms(640)), Some(ms(800)));
        assert_eq!(Timing::to_declare(ms(1600)), Some(FARTHEST));
        assert_eq!(Timing::to_declare(ms(1601)), None);
        let stands = Timing::of(ms(800));
        assert!(!stands.is_beyond(ms(800)) && stands.is_beyond(ms(801)));
    }
}
