//! Builders of handles, for programs that decide at run time.

use std::{fmt, marker::PhantomData, sync::Arc, time::Duration};

use super::{
    consumer::Consumer,
    datum::{Accepted, Datum, Decode, Travels, descriptor_of},
    error::BuildError,
    hub::Hub,
    options::{ConsumerOptions, Preference, ProducerOptions},
    outlet::Subject,
    producer::Producer,
};
use crate::{
    primitives::{Fingerprint, Policy, StreamId, intent, schema},
    topology::{OnlineWhen, Overflow},
};

/// The stream is the one that `#[stream]` declared for the type.
#[derive(Debug, Clone, Copy)]
pub enum Declared {}

/// The stream has a name of its own. Settings of the type's attribute count as they do on its own stream.
#[derive(Debug, Clone)]
pub struct Named(String);

/// Makes a [`Producer`]. All producers of a stream on one node share their settings.
#[must_use]
pub struct ProducerBuilder<T, N = Declared> {
    hub: Arc<Hub>,
    name: Option<N>,
    settings: Vec<Setting>,
    require: Policy,
    kind: PhantomData<fn() -> T>,
}

/// Makes a [`Consumer`]. All consumers of a stream on one node share their settings.
#[must_use]
pub struct ConsumerBuilder<T, N = Declared> {
    hub: Arc<Hub>,
    name: Option<N>,
    readers: Vec<Accepted<T>>,
    require: Policy,
    prefer: Preference,
}

/// One changed setting: applied over what the attribute says.
type Setting = Box<dyn FnOnce(&mut ProducerOptions) + Send>;

impl<T, N> fmt::Debug for ProducerBuilder<T, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProducerBuilder").field("require", &self.require).finish_non_exhaustive()
    }
}

impl<T, N> fmt::Debug for ConsumerBuilder<T, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConsumerBuilder").field("require", &self.require).finish_non_exhaustive()
    }
}

impl<T> ProducerBuilder<T> {
    pub(super) fn new(hub: Arc<Hub>) -> Self {
        Self { hub, name: None, settings: Vec::new(), require: Policy::anyone(), kind: PhantomData }
    }

    /// The name of the stream, for a type that travels on several streams or is not declared. The settings begin with those of the
    /// type's attribute, if it has one, else with the runtime's defaults. A name that is not well-formed is an error of `build`.
    pub fn named(self, intent: impl Into<String>) -> ProducerBuilder<T, Named> {
        let Self { hub, settings, require, kind, .. } = self;
        ProducerBuilder { hub, name: Some(Named(intent.into())), settings, require, kind }
    }
}

impl<T, N> ProducerBuilder<T, N> {
    fn set(mut self, setting: impl FnOnce(&mut ProducerOptions) + Send + 'static) -> Self {
        self.settings.push(Box::new(setting));
        self
    }

    /// Items that a subscription may lag behind; 1 024 by default.
    pub fn buffer(self, items: usize) -> Self {
        self.set(move |options| options.limits.items = items)
    }

    /// Bytes that a subscription may lag behind; 8 MiB by default.
    pub fn buffer_bytes(self, bytes: usize) -> Self {
        self.set(move |options| options.limits.bytes = bytes)
    }

    /// Items of the past that a late subscriber gets; none by default.
    pub fn replay(self, items: usize) -> Self {
        self.set(move |options| options.limits.replay = items)
    }

    /// The largest encoded item, in bytes; 1 MiB by default, 16 MiB at most.
    pub fn max_item(self, bytes: usize) -> Self {
        self.set(move |options| options.limits.max_item = bytes)
    }

    /// How long `block` waits for one subscriber; 30 s by default.
    pub fn patience(self, patience: Duration) -> Self {
        self.set(move |options| options.limits.patience = patience)
    }

    /// How long a subscription survives a lost link; 10 s by default.
    pub fn resume(self, lease: Duration) -> Self {
        self.set(move |options| options.limits.resume = lease)
    }

    /// What happens when a subscriber is too slow; it is disconnected by default.
    pub fn overflow(self, overflow: Overflow) -> Self {
        self.set(move |options| options.limits.overflow = overflow)
    }

    /// Subscribed nodes at a time; no limit by default.
    pub fn max_consumers(self, nodes: usize) -> Self {
        self.set(move |options| options.limits.max_consumers = Some(nodes))
    }

    /// Bytes per second to all subscribers together; no limit by default.
    pub fn max_egress(self, bytes_per_second: u64) -> Self {
        self.set(move |options| options.max_egress = Some(bytes_per_second))
    }

    /// When the producer is online: `subscribers` nodes are subscribed. A `send` waits for it, 30 s at most.
    pub fn online_when(self, subscribers: usize) -> Self {
        self.set(move |options| options.online_when = Some(OnlineWhen { subscribers, tag: None }))
    }

    /// As [`online_when`](Self::online_when), counting nodes that claim `tag`.
    pub fn online_when_tagged(self, subscribers: usize, tag: &'static str) -> Self {
        self.set(move |options| options.online_when = Some(OnlineWhen { subscribers, tag: Some(tag) }))
    }

    /// Which nodes may consume; beside what the attribute says.
    pub fn require(mut self, policy: Policy) -> Self {
        self.require = join(self.require, policy);
        self
    }

    fn open(self, subject: Subject, mut options: ProducerOptions) -> Result<Producer<T>, BuildError> {
        self.settings.into_iter().for_each(|setting| setting(&mut options));
        options.require = join(options.require, self.require);
        Ok(Producer::new(self.hub.open_outlet(subject, options)?))
    }
}

/// Both policies, without a needless `anyone`.
fn join(one: Policy, other: Policy) -> Policy {
    match (one.is_anyone(), other.is_anyone()) {
        (true, _) => other,
        (_, true) => one,
        _ => one & other,
    }
}

fn declared<T: Datum>(hub: &Hub) -> Result<Subject, BuildError> {
    let intent = T::DESCRIPTOR.intent;
    subject::<T>(hub, StreamId::from_bytes(intent.id), intent.text.to_owned())
}

fn named<T: Travels>(hub: &Hub, name: Option<Named>) -> Result<Subject, BuildError> {
    let Named(text) = name.unwrap_or(Named(String::new()));
    intent::check(&text)?;
    subject::<T>(hub, StreamId::derive(&text), text)
}

fn subject<T: Travels>(hub: &Hub, declared: StreamId, intent: String) -> Result<Subject, BuildError> {
    let shape = schema::of::<T>();
    if shape.has_weightless_elements() {
        return Err(BuildError::Weightless { intent });
    }
    Ok(Subject { item: hub.item(declared), intent, schema: shape.fingerprint(), shape })
}

impl<T: Datum> ProducerBuilder<T> {
    /// Makes the producer, and announces the stream if it is the first one on this node.
    ///
    /// # Errors
    ///
    /// When a setting cannot be, when this node has a producer of the stream with other settings, or when the node is stopping.
    pub fn build(self) -> Result<Producer<T>, BuildError> {
        let subject = declared::<T>(&self.hub)?;
        self.open(subject, ProducerOptions::of(T::DESCRIPTOR))
    }
}

impl<T: Travels> ProducerBuilder<T, Named> {
    /// Makes the producer, and announces the stream if it is the first one on this node.
    ///
    /// # Errors
    ///
    /// When the name is not well-formed, and as for a declared stream.
    pub fn build(mut self) -> Result<Producer<T>, BuildError> {
        let subject = named::<T>(&self.hub, self.name.take())?;
        let options = descriptor_of::<T>().map(ProducerOptions::of);
        self.open(subject, options.unwrap_or_default())
    }
}

impl<T> ConsumerBuilder<T> {
    pub(super) fn new(hub: Arc<Hub>) -> Self {
        let (require, prefer) = (Policy::anyone(), Preference::All);
        Self { hub, name: None, readers: Vec::new(), require, prefer }
    }

    /// The name of the stream; see [`ProducerBuilder::named`].
    pub fn named(self, intent: impl Into<String>) -> ConsumerBuilder<T, Named> {
        let Self { hub, readers, require, prefer, .. } = self;
        ConsumerBuilder { hub, name: Some(Named(intent.into())), readers, require, prefer }
    }
}

impl<T, N> ConsumerBuilder<T, N> {
    /// Which nodes may produce for this consumer; beside what the attribute says.
    pub fn require(mut self, policy: Policy) -> Self {
        self.require = join(self.require, policy);
        self
    }

    /// Which producers are subscribed to: all by default, or the [`nearest`](super::nearest) ones.
    pub fn prefer(mut self, preference: Preference) -> Self {
        self.prefer = preference;
        self
    }

    /// Values of an older type are accepted too; beside what the attribute says.
    pub fn accepts<Old: Travels>(mut self) -> Self
    where
        T: From<Old>,
    {
        self.readers.push(Accepted::from::<Old>());
        self
    }

    fn open(
        self,
        subject: Subject,
        mut options: ConsumerOptions,
        itself: Accepted<T>,
        declared: &[Accepted<T>],
    ) -> Result<Consumer<T>, BuildError> {
        let accepted = || std::iter::once(&itself).chain(declared).chain(&self.readers);
        if accepted().any(Accepted::is_weightless) {
            return Err(BuildError::Weightless { intent: subject.intent });
        }
        options.require = join(options.require, self.require);
        options.prefer = self.prefer;
        let (schemas, decoders): (Vec<Fingerprint>, Vec<Decode<T>>) =
            accepted().map(Accepted::reader).unzip();
        let decoders: Arc<[Decode<T>]> = decoders.into();
        let place = self.hub.open_inlet(subject, schemas, options)?;
        Ok(Consumer::new(self.hub, place, decoders))
    }
}

impl<T: Datum> ConsumerBuilder<T> {
    /// Makes the consumer; the node subscribes to every producer of the stream that it finds.
    ///
    /// # Errors
    ///
    /// When this node has a consumer of the stream with other settings, or when the node is stopping.
    pub fn build(self) -> Result<Consumer<T>, BuildError> {
        let subject = declared::<T>(&self.hub)?;
        self.open(subject, ConsumerOptions::of(T::DESCRIPTOR), Accepted::itself(), T::ACCEPTS)
    }
}

impl<T: Travels> ConsumerBuilder<T, Named> {
    /// Makes the consumer; the node subscribes to every producer of the stream that it finds.
    ///
    /// # Errors
    ///
    /// When the name is not well-formed, and as for a declared stream.
    pub fn build(mut self) -> Result<Consumer<T>, BuildError> {
        let subject = named::<T>(&self.hub, self.name.take())?;
        let options = descriptor_of::<T>().map(ConsumerOptions::of).unwrap_or_default();
        self.open(subject, options, Accepted::itself(), &[])
    }
}
