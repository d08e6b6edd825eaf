//! The handshake of a bond, once admission has let the peer in: proof of the key in both directions, and the two `Hello`s.
//!
//! The dialler proves first. The acceptor says nothing of itself until it has verified.

use std::time::Duration;

use super::{
    Bonds,
    event::BondRefused,
    key::{Binding, Role, prove, verify},
};
use crate::{
    groups::{
        timing::Timing,
        wire::{Control, Extensions, GroupsProtocol, Hello, Prove, Proved, ROUND_TRIP},
    },
    primitives::{PeerId, codec},
    transport::{LinkError, LinkReceiver, LinkSender},
};

/// How long one step may take.
pub(super) const STEP: Duration = Duration::from_secs(5);

type Sender = LinkSender<GroupsProtocol>;
type Receiver = LinkReceiver<GroupsProtocol>;

/// Why there is no bond.
#[derive(Debug)]
pub(super) enum Failed {
    /// One side refused.
    Refused(BondRefused),
    /// There is another bond, which stays.
    Bonded,
    /// The link broke, or the peer spoke out of turn.
    Broken(LinkError),
}

impl From<LinkError> for Failed {
    fn from(error: LinkError) -> Self {
        Self::Broken(error)
    }
}

/// The dialler's part.
pub(super) async fn dial(
    bonds: &Bonds,
    sender: &mut Sender,
    receiver: &mut Receiver,
) -> Result<(Hello, Timing), Failed> {
    let (key, binding) = (bonds.0.key.as_ref(), binding(bonds, sender, Role::Dialler)?);
    let proof = prove(key, Role::Dialler, &binding);
    sender.send(&Prove::V1 { proof, extensions: Vec::new() }).await?;
    let (proof, hello, timing) = match receiver.recv::<Proved>(STEP).await? {
        Some(Proved::V1 { proof, hello, extensions }) => (proof, hello, declared(&extensions)),
        Some(Proved::Refused(why)) => return Err(Failed::Refused(BondRefused::Key(why))),
        Some(Proved::Bonded) => return Err(Failed::Bonded),
        None => return Err(Failed::Broken(LinkError::Truncated)),
    };
    verify(key, Role::Acceptor, &binding, &proof).map_err(|why| Failed::Refused(BondRefused::Key(why)))?;
    let hello = checked(hello, sender.peer(), sender.boot())?;
    sender.send(&Control::Hello { hello: bonds.hello(), extensions: declares(bonds.timing()) }).await?;
    Ok((hello, timing))
}

/// The acceptor's part. `wanted` says, once the peer has proved the key, whether another bond is.
pub(super) async fn accept(
    bonds: &Bonds,
    sender: &mut Sender,
    receiver: &mut Receiver,
    wanted: impl Future<Output = bool>,
) -> Result<(Hello, Timing), Failed> {
    let (key, binding) = (bonds.0.key.as_ref(), binding(bonds, sender, Role::Acceptor)?);
    let Some(Prove::V1 { proof, .. }) = receiver.recv(STEP).await? else {
        return Err(Failed::Broken(LinkError::Truncated));
    };
    if let Err(why) = verify(key, Role::Dialler, &binding, &proof) {
        sender.send(&Proved::Refused(why.turned())).await?;
        sender.finish();
        return Err(Failed::Refused(BondRefused::Key(why)));
    }
    if !wanted.await {
        sender.send(&Proved::Bonded).await?;
        sender.finish();
        return Err(Failed::Bonded);
    }
    let (proof, hello) = (prove(key, Role::Acceptor, &binding), bonds.hello());
    sender.send(&Proved::V1 { proof, hello, extensions: declares(bonds.timing()) }).await?;
    match receiver.recv::<Control>(STEP).await? {
        Some(Control::Hello { hello, extensions }) => {
            Ok((checked(hello, receiver.peer(), receiver.boot())?, declared(&extensions)))
        }
        Some(_) => Err(Failed::Broken(LinkError::Malformed("a bond begins with a Hello".to_owned()))),
        None => Err(Failed::Broken(LinkError::Truncated)),
    }
}

/// How this side says which round trip the group stands; nothing where it is the usual one.
fn declares(timing: Timing) -> Extensions {
    let millis = u64::try_from(timing.round_trip().as_millis()).unwrap_or(u64::MAX);
    let encoded = (timing != Timing::default()).then(|| codec::encode(&millis).ok()).flatten();
    encoded.map(|encoded| (ROUND_TRIP, encoded.into())).into_iter().collect()
}

/// What the other side says of that.
fn declared(extensions: &Extensions) -> Timing {
    let said = extensions.iter().find(|(number, _)| *number == ROUND_TRIP);
    let millis = said.and_then(|(_, encoded)| codec::decode(encoded).ok());
    millis.map_or_else(Timing::default, |millis| Timing::of(Duration::from_millis(millis)))
}

/// A `Hello` is about the process that the connection proves.
pub(super) fn checked(
    hello: Hello,
    peer: PeerId,
    boot: crate::primitives::BootId,
) -> Result<Hello, LinkError> {
    if hello.boot != boot || hello.member.is_some_and(|member| member.peer != peer) {
        return Err(LinkError::Malformed("a Hello about another node".to_owned()));
    }
    Ok(hello)
}

fn binding(bonds: &Bonds, sender: &Sender, role: Role) -> Result<Binding, Failed> {
    let (me, peer, group) = (bonds.me(), sender.peer(), bonds.0.group);
    let (dialler, acceptor) = match role {
        Role::Dialler => (me, peer),
        Role::Acceptor => (peer, me),
    };
    Ok(super::readers::binding(sender, (dialler, acceptor), group)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_round_trip_is_said_where_it_is_not_the_usual_one() {
        assert_eq!(declares(Timing::default()), []);
        let far = Timing::of(Duration::from_millis(800));
        assert_eq!(declares(far), [(1, bytes::Bytes::from_static(&[0xa0, 0x06]))]);
        assert_eq!(declared(&declares(far)), far);
        let later = vec![(9, "x".into()), (1, bytes::Bytes::from_static(b"\xff"))];
        assert_eq!(declared(&later), Timing::default(), "what cannot be read counts as not said");
    }
}
