//! The exchange of `Hello`s on the first stream of a connection. Bounded by the caller.

use crate::{
    primitives::{BootId, PeerId, Version, codec},
    transport::{
        backend::{Conn, ConnLost, RecvHalf, SendHalf},
        code::Code,
        config::Limits,
        error::LinkError,
        event::Refused,
        frame::{Frames, framed},
    },
};

use super::{Binding, EXPORTER_LABEL, Hello, HelloV1, MAX_HELLO, Membership, REVISIONS, Role};

/// What this node says of itself.
#[derive(Debug, Clone)]
pub(in crate::transport) struct Introduction {
    pub(in crate::transport) me: PeerId,
    pub(in crate::transport) boot: BootId,
    pub(in crate::transport) membership: Membership,
}

/// A proven connection: what the peer said, and the stream that stays open for control messages.
#[derive(Debug)]
pub(in crate::transport) struct Proven {
    pub(in crate::transport) boot: BootId,
    pub(in crate::transport) holds_of_me: Option<Version>,
    pub(in crate::transport) send: SendHalf,
    pub(in crate::transport) frames: Frames,
}

/// Why a connection was not proven.
#[derive(Debug)]
pub(in crate::transport) enum Unproven {
    /// This side refuses, with a code for the wire and a reason for its own events.
    Us(Code, Refused),
    /// The other side refused.
    Them(Code),
    /// The connection broke.
    Broken(LinkError),
}

/// Speaks first, as the dialler.
pub(in crate::transport) async fn dial(
    conn: &Conn,
    from: &Introduction,
    holds_of_you: Option<Version>,
    limits: &Limits,
) -> Result<Proven, Unproven> {
    let binding = binding(conn, from, Role::Dialler)?;
    let (mut send, recv) = conn.open_bi().await.map_err(lost)?;
    let network = from.membership.prove(Role::Dialler, &binding, None);
    say(&mut send, hello(from, network, holds_of_you)).await?;
    let mut frames = Frames::new(recv, MAX_HELLO);
    let theirs = hear(conn, &mut frames).await?;
    from.membership.verify(Role::Acceptor, &binding, &theirs.network).map_err(stranger)?;
    conn.trust(limits);
    proven(theirs, send, frames)
}

/// Hears first, as the acceptor, and is silent until the peer has proven itself.
pub(in crate::transport) async fn accept(
    conn: &Conn,
    from: &Introduction,
    holds_of_you: Option<Version>,
    limits: &Limits,
) -> Result<Proven, Unproven> {
    let binding = binding(conn, from, Role::Acceptor)?;
    let (mut send, recv): (SendHalf, RecvHalf) = conn.accept_bi().await.map_err(lost)?;
    let mut frames = Frames::new(recv, MAX_HELLO);
    let theirs = hear(conn, &mut frames).await?;
    let with = from.membership.verify(Role::Dialler, &binding, &theirs.network).map_err(stranger)?;
    conn.trust(limits);
    let network = from.membership.prove(Role::Acceptor, &binding, with);
    say(&mut send, hello(from, network, holds_of_you)).await?;
    proven(theirs, send, frames)
}

fn binding(conn: &Conn, from: &Introduction, role: Role) -> Result<Binding, Unproven> {
    let (dialler, acceptor) = match role {
        Role::Dialler => (from.me, conn.remote()),
        Role::Acceptor => (conn.remote(), from.me),
    };
    let exporter = conn.export(EXPORTER_LABEL, b"");
    let exporter = exporter.ok_or(Unproven::Broken(LinkError::Malformed("no key material".to_owned())))?;
    Ok(Binding { exporter, dialler, acceptor, alpn: conn.alpn().to_vec() })
}

fn hello(from: &Introduction, network: super::NetworkProof, holds_of_you: Option<Version>) -> Hello {
    let revisions = REVISIONS.to_vec();
    Hello::V1(HelloV1 { revisions, network, boot: from.boot, holds_of_you, extensions: Vec::new() })
}

async fn say(send: &mut SendHalf, hello: Hello) -> Result<(), Unproven> {
    let body = codec::encode(&hello).map_err(|error| Unproven::Broken(error.into()))?;
    let frame = framed(&body, MAX_HELLO).map_err(Unproven::Broken)?;
    send.write_all(&frame).await.map_err(|error| broken(error.into()))
}

/// A side that refuses drops its stream and closes the connection; the stream's end may arrive first, so the code of the
/// connection is waited for.
async fn hear(conn: &Conn, frames: &mut Frames) -> Result<HelloV1, Unproven> {
    let frame = match frames.next().await {
        Ok(Some(frame)) => frame,
        Ok(None) | Err(LinkError::Truncated | LinkError::Reset(_)) => return Err(lost(conn.closed().await)),
        Err(error @ LinkError::TooLarge { .. }) => {
            return Err(Unproven::Us(Code::TooLarge, Refused::Handshake(error.to_string())));
        }
        Err(error) => return Err(broken(error)),
    };
    let Hello::V1(hello) = codec::decode(&frame).map_err(|error| malformed(error.to_string()))?;
    Ok(hello)
}

fn proven(theirs: HelloV1, send: SendHalf, frames: Frames) -> Result<Proven, Unproven> {
    if !theirs.revisions.iter().any(|revision| REVISIONS.contains(revision)) {
        let text = format!("the peer speaks wire revisions {:?}, this node {REVISIONS:?}", theirs.revisions);
        return Err(Unproven::Us(Code::NoCommonRevision, Refused::Handshake(text)));
    }
    Ok(Proven { boot: theirs.boot, holds_of_me: theirs.holds_of_you, send, frames })
}

fn stranger(reason: Refused) -> Unproven {
    Unproven::Us(Code::NotYourNetwork, reason)
}

fn malformed(why: String) -> Unproven {
    Unproven::Us(Code::Malformed, Refused::Handshake(why))
}

fn lost(lost: ConnLost) -> Unproven {
    broken(lost.into())
}

fn broken(error: LinkError) -> Unproven {
    match error {
        LinkError::Closed(code) => Unproven::Them(code),
        error => Unproven::Broken(error),
    }
}
