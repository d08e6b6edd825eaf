//! The handshakes of a group, as far as an attacker takes part in them.

use mosaik::primitives::{Fingerprint, GroupId, PeerRole, WireId};

use super::{
    attacker::{Attacker, Member, Talk},
    scene::{GROUP, Scene},
    wire::{Ask, KeyProof, Prove},
};

/// What the node waits for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Stage {
    /// The proof of a member that was admitted.
    Proof,
    /// Where a member stands that has proved the key.
    Hello,
    /// The proof of a reader that was admitted.
    ReadersProof,
    /// The question of a reader that has proved the key.
    Question,
}

pub(crate) const STAGES: [Stage; 4] = [Stage::Proof, Stage::Hello, Stage::ReadersProof, Stage::Question];

/// The group of a scene, as its members announce it to everybody.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Joined {
    item: WireId,
    schema: Fingerprint,
}

/// A link at some stage; the connection stays with it.
pub(crate) struct Reached {
    pub(crate) talk: Talk,
    _member: Member,
}

impl Joined {
    pub(crate) fn of(scene: &Scene) -> Self {
        let item = GroupId::derive(GROUP).on(&scene.target.id());
        let catalog = scene.friend.discovery().catalog();
        let target = catalog.get(&scene.target.local().id()).expect("the friend knows it");
        let role = target.entry.roles.iter().find(|role| role.role == PeerRole::Member && role.item == item);
        Self { item, schema: role.expect("it says what it is").schema }
    }

    /// Goes through a handshake up to this stage.
    pub(crate) async fn reach(self, attacker: &Attacker, stage: Stage) -> Option<Reached> {
        let member = attacker.join("groups").await?;
        let mut talk = member.link().await?;
        let role = match stage {
            Stage::Proof | Stage::Hello => 2,
            Stage::ReadersProof | Stage::Question => 3,
        };
        let (schemas, extensions) = (vec![self.schema], Vec::new());
        talk.say(&Ask::V1 { item: self.item, role, schemas, shape: Vec::new(), extensions }).await?;
        let admitted = talk.hear_any().await?;
        assert_eq!(admitted.first(), Some(&0), "everybody is admitted");
        if matches!(stage, Stage::Hello | Stage::Question) {
            talk.say(&Prove::V1 { proof: KeyProof::NoKey, extensions: Vec::new() }).await?;
            let proved = talk.hear_any().await?;
            assert_eq!(proved.first(), Some(&0), "there is no key");
        }
        Some(Reached { talk, _member: member })
    }

    /// The first frame of a channel for commands, without a bond.
    pub(crate) fn channel(self) -> Vec<u8> {
        [&[0xff, 0][..], self.item.as_bytes(), &[1, 0]].concat()
    }
}
