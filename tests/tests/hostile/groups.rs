//! H7, H14: whoever is admitted to a group and lies: garbage, what only leaders may say, sessions of others, commands without end.

#![allow(dead_code, reason = "what nobody reads has its place on the wire all the same")]

use std::time::Duration;

use mosaik::{
    groups::{Group, GroupKey, Voters},
    primitives::{Fingerprint, GroupId, PeerId, WireId, codec},
};
use serde::{Deserialize, Serialize};
use tokio::time::timeout;

use super::{
    attacker::{Attacker, Mark, Member, Talk},
    scene::{Scene, Sum},
    wire::{Ask, framed},
};

const NAME: &str = "hostile.tally";
const LONG: Duration = Duration::from_secs(20);
/// The method of a state machine that is written by hand.
const COMMAND: u64 = 0xab66_b9ab_0192_0467;

type Extensions = Vec<(u16, Vec<u8>)>;
type MemberId = (PeerId, u64);

#[derive(Serialize, Deserialize)]
enum Answer {
    Admitted { schema: Fingerprint, extensions: Extensions },
}

#[derive(Serialize, Deserialize, Clone)]
enum KeyProof {
    NoKey,
    Key([u8; 32]),
}

#[derive(Serialize, Deserialize)]
enum Prove {
    V1 { proof: KeyProof, extensions: Extensions },
}

#[derive(Debug, Serialize, Deserialize)]
struct Hello {
    store: u64,
    boot: u128,
    eligible: bool,
    member: Option<MemberId>,
    cluster: Option<[u8; 32]>,
    committed: u64,
    leads: u8,
}

#[derive(Serialize, Deserialize)]
enum Proved {
    V1 { proof: KeyProof, hello: Hello, extensions: Extensions },
    Refused(u8),
    Bonded,
}

/// The hello of a bond, as its first frame.
#[derive(Serialize)]
enum Control {
    Hello { hello: Hello, extensions: Extensions },
}

#[derive(Serialize)]
enum Open {
    V1 { group: WireId, channel: u8, extensions: Extensions },
}

#[derive(Serialize, Clone)]
enum Item {
    Open { owner: PeerId, boot: u128 },
    Command { session: (u64, u32), serial: u64, acked_below: u64, method: u64, body: Vec<u8> },
    Welcome { peer: PeerId, store: u64 },
    Goodbye { member: MemberId },
    Fence { rival: [u8; 32], rival_committed: u64 },
    Migrate { to: [u8; 16] },
    Lift,
}

#[derive(Serialize)]
enum Items {
    V1 { id: u64, items: Vec<Item>, extensions: Extensions },
}

/// The beginning of what a leader tells of a batch: it was applied, and its first item opened this session.
#[derive(Deserialize)]
enum Told {
    V1 { id: u64, fate: Fate, extensions: Extensions },
}

#[derive(Deserialize)]
enum Fate {
    Applied(Vec<Outcome>),
}

#[derive(Deserialize)]
enum Outcome {
    Opened(u64, u32),
    Replied(Vec<u8>),
}

/// The group that is attacked.
#[derive(Debug, Clone, Copy)]
struct Target {
    group: WireId,
    contract: Fingerprint,
    member: MemberId,
}

/// A bond of an attacker.
struct Bond {
    conn: Member,
    control: Talk,
    target: Target,
}

/// The group on the attacked node, which is its only voter.
async fn begin(scene: &mut Scene, key: Option<GroupKey>) -> (Group<Sum>, Target) {
    let group = scene.target.groups().machine(Sum::default()).named(NAME).voters(Voters::Count(1));
    let group = key.into_iter().fold(group, |group, key| group.with_key(key));
    let group = group.join().await.expect("it opens");
    timeout(LONG, group.when().online()).await.expect("it is founded");
    group.execute(1).await.expect("it is online");
    let status = group.status();
    let member = status.member.expect("it takes part");
    let wire = GroupId::derive(NAME).on(&scene.target.id());
    scene.begins_now().await;
    (group, Target { group: wire, contract: status.contract, member: (member.peer, member.generation) })
}

/// The group is as it should be: nothing of an attack was applied, and it goes on.
async fn is_sound(group: &Group<Sum>) {
    let before = group.query(()).await.expect("it answers");
    assert_eq!(group.execute(1).await, Ok(before + 1));
    let status = group.status();
    assert!(!status.fenced && status.failed.is_none() && status.voters.len() == 1, "{status:#?}");
}

async fn prove(attacker: &Attacker, target: Target, proof: KeyProof) -> Option<(Member, Talk, Proved)> {
    let conn = attacker.join("groups").await?;
    let mut control = conn.link().await?;
    let (item, schemas, extensions) = (target.group, vec![target.contract], Vec::new());
    control.say(&Ask::V1 { item, role: 2, schemas, shape: Vec::new(), extensions }).await?;
    let Answer::Admitted { .. } = control.hear().await?;
    control.say(&Prove::V1 { proof, extensions: Vec::new() }).await?;
    let proved = control.hear().await?;
    Some((conn, control, proved))
}

async fn bond(attacker: &Attacker, target: Target) -> Option<Bond> {
    let (conn, mut control, proved) = prove(attacker, target, KeyProof::NoKey).await?;
    let Proved::V1 { hello, .. } = proved else { return None };
    let hello = Hello { store: 1, boot: 7, eligible: false, member: None, committed: 0, ..hello };
    control.say(&Control::Hello { hello, extensions: Vec::new() }).await?;
    Some(Bond { conn, control, target })
}

impl Bond {
    async fn channel(&self, channel: u8) -> Option<Talk> {
        let mut talk = self.conn.link().await?;
        let open = Open::V1 { group: self.target.group, channel, extensions: Vec::new() };
        let open = [&[0xff][..], &codec::encode(&open).expect("it encodes")].concat();
        talk.send.write_all(&framed(&open)).await.ok()?;
        Some(talk)
    }

    /// Gives items that no node may give; the channel ends.
    async fn gives(&self, items: Vec<Item>) {
        let mut talk = self.channel(1).await.expect("a channel");
        let _ = talk.say(&Items::V1 { id: 0, items, extensions: Vec::new() }).await;
        assert!(talk.ended().await, "the channel goes on");
    }
}

/// What a member may not say.
fn forbidden(me: PeerId, target: Target) -> Vec<Vec<Item>> {
    let other = target.member.0;
    let command = |session| {
        let body = codec::encode(&1_000_000_u64).expect("a number");
        Item::Command { session, serial: 99, acked_below: 0, method: COMMAND, body }
    };
    // The session of the node itself is among the first.
    let sessions = (0..4).map(|index| command((index, 0))).collect();
    vec![
        vec![Item::Fence { rival: [9; 32], rival_committed: 9 }],
        vec![Item::Lift],
        vec![Item::Migrate { to: [9; 16] }],
        vec![Item::Goodbye { member: target.member }],
        vec![Item::Welcome { peer: me, store: 3 }],
        vec![Item::Open { owner: other, boot: 9 }],
        sessions,
        vec![Item::Open { owner: me, boot: 7 }; 1025],
        Vec::new(),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn h14_a_member_that_lies_is_cut_off_and_the_group_goes_on() {
    let mut scene = Scene::new().await;
    let mark = Mark::of(&scene);
    let (group, target) = begin(&mut scene, None).await;
    let attacker = Attacker::new(60, mark).await;
    let with = attacker.clone();
    scene
        .under_fire(move |n| {
            let attacker = with.clone();
            async move {
                let mut bond = bond(&attacker, target).await.expect("anybody may be a member");
                let items = forbidden(attacker.id(), target);
                let which = usize::try_from(n).expect("small") % items.len();
                bond.gives(items[which].clone()).await;
                for channel in [0, 1, 2, 3, 9] {
                    let mut talk = bond.channel(channel).await.expect("a link");
                    let _ = talk.send.write_all(&framed(&[0xff; 64])).await;
                    let _ = talk.send.finish();
                    assert!(talk.ended().await, "channel {channel} goes on");
                }
                let _ = bond.control.send.write_all(&framed(&[0xff; 64])).await;
                assert!(bond.control.ended().await, "the bond goes on");
                let mut late = bond.channel(1).await.expect("a link");
                assert!(late.ended().await, "a channel without a bond");
            }
        })
        .await;
    is_sound(&group).await;
    attacker.close().await;
    drop(group);
    scene.settles().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn h7_without_the_key_of_a_group_nobody_hears_anything_of_it() {
    let mut scene = Scene::new().await;
    let mark = Mark::of(&scene);
    let key = GroupKey::new(&[5; 32]).expect("long enough");
    let (group, target) = begin(&mut scene, Some(key)).await;
    let attacker = Attacker::new(61, mark).await;
    let with = attacker.clone();
    scene
        .under_fire(move |n| {
            let attacker = with.clone();
            async move {
                let (proof, why) =
                    if n % 2 == 0 { (KeyProof::Key([n as u8; 32]), 2) } else { (KeyProof::NoKey, 0) };
                let (conn, control, proved) = prove(&attacker, target, proof).await.expect("an answer");
                assert!(matches!(proved, Proved::Refused(code) if code == why), "it was let in");
                let bond = Bond { conn, control, target };
                let mut talk = bond.channel(1).await.expect("a link");
                assert!(talk.ended().await, "a channel without a bond");
            }
        })
        .await;
    is_sound(&group).await;
    attacker.close().await;
    drop(group);
    scene.settles().await;
}

/// Gives commands as fast as they are applied, for a while.
async fn flood(attacker: &Attacker, target: Target) {
    let bond = bond(attacker, target).await.expect("anybody may be a member");
    let mut talk = bond.channel(1).await.expect("a channel");
    let open = vec![Item::Open { owner: attacker.id(), boot: 7 }];
    talk.say(&Items::V1 { id: 0, items: open, extensions: Vec::new() }).await.expect("it is sent");
    let Some(Told::V1 { fate: Fate::Applied(opened), .. }) = talk.hear().await else { panic!("no answer") };
    let Some(Outcome::Opened(index, slot)) = opened.first() else { panic!("no session") };
    let body = codec::encode(&0_u64).expect("a number");
    for id in 1..40_u64 {
        let command = |serial| Item::Command {
            session: (*index, *slot),
            serial,
            acked_below: (id - 1) * 256,
            method: COMMAND,
            body: body.clone(),
        };
        let items = ((id - 1) * 256..id * 256).map(command).collect();
        if talk.say(&Items::V1 { id, items, extensions: Vec::new() }).await.is_none() {
            return;
        }
        let Some(Told::V1 { id: told, fate: Fate::Applied(outcomes), .. }) = talk.hear().await else {
            return;
        };
        assert_eq!((told, outcomes.len()), (id, 256));
        assert!(outcomes.iter().all(|outcome| matches!(outcome, Outcome::Replied(_))));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn h14_a_member_that_gives_commands_without_end_leaves_others_their_work() {
    let mut scene = Scene::new().await;
    let mark = Mark::of(&scene);
    let (group, target) = begin(&mut scene, None).await;
    // A group in memory keeps so much of its log, which fills with commands.
    scene.keeps(64 << 20);
    let attacker = Attacker::new(62, mark).await;
    let with = attacker.clone();
    scene
        .under_fire(move |_| {
            let attacker = with.clone();
            async move { flood(&attacker, target).await }
        })
        .await;
    is_sound(&group).await;
    attacker.close().await;
    drop(group);
    scene.settles().await;
}
