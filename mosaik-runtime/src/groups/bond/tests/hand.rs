//! A peer that is moved by hand: it holds bonds, and says what a test wants. One of a later version asks what this one does not know.

use tokio::sync::mpsc;

use super::lab::{Echo, LONG, Node, two, within};
use crate::{
    admission::{Gate, Lease},
    groups::wire::{Control, GroupsProtocol, KeyProof, Prove, Proved, Request, Response, Why},
    primitives::{Policy, WireId, codec, schema},
    transport::{LinkReceiver, LinkSender, sim::Net},
};

/// The other end of a bond.
pub(in crate::groups) struct Held {
    pub(in crate::groups) group: WireId,
    sender: LinkSender<GroupsProtocol>,
    receiver: LinkReceiver<GroupsProtocol>,
    _lease: Lease,
}

impl Held {
    async fn say(&mut self, control: &Control) {
        self.sender.send(control).await.expect("the other side listens");
    }

    /// What the other side asks or answers next; where it stands is skipped.
    async fn hears(&mut self) -> Control {
        loop {
            match self.receiver.recv(LONG).await.expect("the bond stands").expect("it goes on") {
                Control::Hello { .. } => {}
                control => return control,
            }
        }
    }

    /// Says that the bond is alive, whenever it is asked.
    pub(in crate::groups) async fn lives(mut self) {
        loop {
            match self.hears().await {
                Control::Request { id, request: Request::Ping } => {
                    self.say(&Control::Response { id, response: Response::Pong }).await;
                }
                other => panic!("{other:?}"),
            }
        }
    }
}

/// From now on the node takes bonds of all groups, and gives them to the test.
pub(in crate::groups) fn by_hand(node: &Node) -> mpsc::Receiver<Held> {
    let mut listener = node.transport.listen::<GroupsProtocol>(64);
    let (admission, hello, (give, taken)) = (node.admission.clone(), node.hello(), mpsc::channel(8));
    let shape = schema::of::<u32>();
    let gate =
        Gate { name: "lab.group".into(), policy: Policy::anyone(), schema: shape.fingerprint(), shape };
    node.scope.spawn("lab hand", async move {
        while let Some(link) = listener.accept().await {
            let Ok((ask, admitted)) = admission.answer(link, |_| Ok(gate.clone())).await else { continue };
            let (mut sender, mut receiver, lease) = admitted.into_parts();
            let Ok(Some(Prove::V1 { .. })) = receiver.recv(LONG).await else { continue };
            let proved = Proved::V1 { proof: KeyProof::NoKey, hello, extensions: Vec::new() };
            sender.send(&proved).await.expect("the other side listens");
            if give.send(Held { group: ask.item.id, sender, receiver, _lease: lease }).await.is_err() {
                return;
            }
        }
    });
    taken
}

#[tokio::test(start_paused = true)]
async fn a_question_of_a_later_version_is_refused_and_the_bond_stays() {
    let net = Net::new(8);
    let (one, two) = two(&net).await;
    let mut held = by_hand(&two);
    let mut events = one.bond_with(one.settings(), std::sync::Arc::<Echo>::default());
    one.bonds().offer(two.id());
    events.up().await;
    let mut later = within("a bond", held.recv()).await.expect("it is given");
    let mut frame = codec::encode(&(2u32, 300u64, 99u32)).expect("encodes");
    frame.extend(b"whatever");
    later.sender.send_frame(&frame).await.expect("the other side listens");
    let refused = Control::Response { id: 300, response: Response::Refused(Why::Unsupported) };
    assert_eq!(within("an answer", later.hears()).await, refused);
    later.say(&Control::Request { id: 301, request: Request::Ping }).await;
    let alive = Control::Response { id: 301, response: Response::Pong };
    assert_eq!(within("an answer", later.hears()).await, alive);
    assert_eq!(events.so_far(), [], "nothing happened to the bond");

    // A question that this version knows has to be whole.
    let broken = codec::encode(&(2u32, 302u64, 1u32)).expect("encodes");
    later.sender.send_frame(&broken).await.expect("the other side listens");
    events.down().await;
}
