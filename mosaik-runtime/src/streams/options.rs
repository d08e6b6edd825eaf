//! The settings of handles, and what differs between two.

use super::core::limits::{BadLimit, Limits};
use crate::{
    primitives::{Policy, policy::Rule},
    topology::{OnlineWhen, StreamDescriptor, StreamOptions},
};

/// The settings that all producers of a stream on one node share.
#[derive(Debug, Clone, Default)]
pub(crate) struct ProducerOptions {
    pub(crate) limits: Limits,
    pub(crate) max_egress: Option<u64>,
    pub(crate) online_when: Option<OnlineWhen>,
    /// About consumers.
    pub(crate) require: Policy,
}

/// Which producers a consumer prefers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Preference {
    /// It subscribes to all.
    #[default]
    All,
    /// It subscribes to the nearest ones, by round-trip time.
    Nearest(usize),
}

/// Prefers the `n` producers with the least round-trip time; those not measured yet come last.
pub const fn nearest(n: usize) -> Preference {
    Preference::Nearest(n)
}

/// The settings that all consumers of a stream on one node share.
#[derive(Debug, Clone, Default)]
pub(crate) struct ConsumerOptions {
    /// What a subscription has until the producer says what counts.
    pub(crate) limits: Limits,
    /// An attribute says so; of a type without one there are no settings on this side.
    pub(crate) declared: bool,
    /// About producers.
    pub(crate) require: Policy,
    pub(crate) prefer: Preference,
}

/// The limits of an attribute.
fn limits_of(options: &StreamOptions) -> Limits {
    let defaults = Limits::default();
    Limits {
        items: options.buffer.unwrap_or(defaults.items),
        replay: options.replay.unwrap_or(defaults.replay),
        overflow: options.overflow.unwrap_or(defaults.overflow),
        max_consumers: options.max_consumers,
        ..defaults
    }
}

/// The policy of an attribute.
fn policy_of(rule: Rule) -> Policy {
    Policy::from(rule)
}

macro_rules! compare {
    ($a:expr, $b:expr; $($name:literal: $($field:ident).+;)*) => {
        $(if $a.$($field).+ != $b.$($field).+ {
            return Some(format!("{} is {:?} there and {:?} here", $name, $a.$($field).+, $b.$($field).+));
        })*
    };
}

impl ProducerOptions {
    /// What an attribute says.
    pub(crate) fn of(descriptor: &StreamDescriptor) -> Self {
        Self {
            limits: limits_of(&descriptor.options),
            max_egress: None,
            online_when: descriptor.options.online_when,
            require: policy_of(descriptor.consumers),
        }
    }

    /// Checks that the settings are possible.
    pub(crate) fn check(&self) -> Result<(), BadLimit> {
        self.limits.check()?;
        if self.max_egress == Some(0) { Err(BadLimit::NoEgress) } else { Ok(()) }
    }

    /// The first setting of `other` that is not as here.
    pub(crate) fn difference(&self, other: &Self) -> Option<String> {
        compare!(self, other;
            "`buffer`": limits.items; "`buffer_bytes`": limits.bytes; "`replay`": limits.replay;
            "`max_item`": limits.max_item; "`overflow`": limits.overflow; "`patience`": limits.patience;
            "`resume`": limits.resume; "`max_consumers`": limits.max_consumers; "`max_egress`": max_egress;
            "`online_when`": online_when;);
        differing_policies(&self.require, &other.require)
    }
}

impl ConsumerOptions {
    /// What an attribute says.
    pub(crate) fn of(descriptor: &StreamDescriptor) -> Self {
        Self {
            limits: limits_of(&descriptor.options),
            declared: true,
            require: policy_of(descriptor.producers),
            prefer: Preference::All,
        }
    }

    /// The first setting of `other` that is not as here.
    pub(crate) fn difference(&self, other: &Self) -> Option<String> {
        compare!(self, other; "`prefer`": prefer;);
        differing_policies(&self.require, &other.require)
    }
}

/// Closures cannot be compared: two policies with the same words count as the same.
fn differing_policies(one: &Policy, other: &Policy) -> Option<String> {
    let (one, other) = (one.to_string(), other.to_string());
    (one != other).then(|| format!("`require` is `{one}` there and `{other}` here"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::primitives::policy::tag;

    #[test]
    fn the_difference_names_the_setting_and_both_values() {
        let one = ProducerOptions::default();
        assert_eq!(one.difference(&one), None);
        let mut other = one.clone();
        other.limits.replay = 3;
        assert_eq!(one.difference(&other).as_deref(), Some("`replay` is 0 there and 3 here"));
        let other = ProducerOptions { require: tag("x"), ..one.clone() };
        let found = one.difference(&other);
        assert_eq!(found.as_deref(), Some("`require` is `anyone` there and `tag(\"x\")` here"));
    }
}
