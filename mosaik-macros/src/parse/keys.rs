//! What each attribute accepts, as data: messages list it, and the grammar reads it.

/// One option.
pub(crate) struct Key {
    /// Its word.
    pub(crate) name: &'static str,
    /// How it is written.
    pub(crate) form: &'static str,
}

/// One place with options.
pub(crate) struct Site {
    /// How messages show it.
    pub(crate) shown: &'static str,
    /// Whether an intent may stand first.
    pub(crate) has_intent: bool,
    /// Its options, sorted.
    pub(crate) keys: &'static [Key],
}

impl Site {
    /// The words of its options.
    pub(crate) fn names(&self) -> Vec<&'static str> {
        self.keys.iter().map(|key| key.name).collect()
    }

    /// The option with this word.
    pub(crate) fn find(&self, name: &str) -> Option<&'static Key> {
        self.keys.iter().find(|key| key.name == name)
    }
}

impl Key {
    /// Whether the word stands alone.
    pub(crate) fn is_flag(&self) -> bool {
        self.form == self.name
    }
}

const fn key(name: &'static str, form: &'static str) -> Key {
    Key { name, form }
}

/// `#[stream(..)]`
pub(crate) const STREAM: Site = Site {
    shown: "#[stream]",
    has_intent: true,
    keys: &[
        key("accepts", "accepts = [OrderV1]"),
        key("buffer", "buffer = 64"),
        key("id", "id = hex(\"…\")"),
        key("max_consumers", "max_consumers = 4"),
        key("online_when", "online_when = subscribed(1)"),
        key("overflow", "overflow = drop_oldest"),
        key("replay", "replay = 16"),
        key("require", "require(consumers = tag(\"display\"))"),
        key("schema", "schema = \"v1\""),
        key("serde", "serde = own"),
    ],
};

/// `#[mosaik::data(..)]`
pub(crate) const DATA: Site = Site {
    shown: "#[mosaik::data]",
    has_intent: false,
    keys: &[key("schema", "schema = \"v1\""), key("serde", "serde = own")],
};

/// `#[mosaik(..)]` on a field
pub(crate) const FIELD: Site =
    Site { shown: "#[mosaik]", has_intent: false, keys: &[key("schema", "schema = \"name.v1\"")] };

/// `#[mosaik::node(..)]`
pub(crate) const NODE: Site = Site {
    shown: "#[mosaik::node]",
    has_intent: false,
    keys: &[
        key("name", "name = \"sensor\""),
        key("network", "network = \"fleet\""),
        key("proves", "proves = DeskTicket"),
        key("reach", "reach = lan"),
        key("tags", "tags = [\"sensor\"]"),
    ],
};

/// `#[group(..)]`
pub(crate) const GROUP: Site = Site {
    shown: "#[group]",
    has_intent: true,
    keys: &[
        key("collections", "collections"),
        key("committee", "committee = 5"),
        key("deadline", "deadline = \"30s\""),
        key("evict_after", "evict_after = \"30s\""),
        key("founder", "founder = \"<peer id>\""),
        key("from", "from = LedgerV1"),
        key("id", "id = hex(\"…\")"),
        key("key", "key = env(\"BANK_KEY\")"),
        key("require", "require(members = tag(\"bank\"))"),
        key("round_trip", "round_trip = \"800ms\""),
        key("schema", "schema = \"v1\""),
        key("serde", "serde = own"),
        key("state_machine", "state_machine"),
        key("storage", "storage = durable"),
        key("strict", "strict"),
        key("voters", "voters = 3"),
    ],
};

/// `#[collection(..)]`
pub(crate) const COLLECTION: Site = Site {
    shown: "#[collection]",
    has_intent: true,
    keys: &[
        key("committee", "committee = 5"),
        key("deadline", "deadline = \"30s\""),
        key("evict_after", "evict_after = \"30s\""),
        key("founder", "founder = \"<peer id>\""),
        key("group", "group = Exchange"),
        key("id", "id = hex(\"…\")"),
        key("key", "key = env(\"EXCHANGE_KEY\")"),
        key("require", "require(writers = tag(\"exchange\"))"),
        key("round_trip", "round_trip = \"800ms\""),
        key("storage", "storage = durable"),
        key("strict", "strict"),
        key("voters", "voters = 3"),
    ],
};

/// `#[proof(jwt, ..)]`
pub(crate) const PROOF_JWT: Site = Site {
    shown: "#[proof(jwt)]",
    has_intent: false,
    keys: &[
        key("algorithm", "algorithm = ES256"),
        key("audience", "audience = \"dark\""),
        key("issuer", "issuer = \"desk\""),
        key("keys", "keys = file(\"desk.jwks\")"),
        key("max_age", "max_age = \"24h\""),
        key("max_lifetime", "max_lifetime = \"24h\""),
    ],
};

/// `#[proof(tdx, ..)]`
pub(crate) const PROOF_TDX: Site = Site {
    shown: "#[proof(tdx)]",
    has_intent: false,
    keys: &[
        key("challenge", "challenge = \"10m\""),
        key("collateral", "collateral = file(\"collateral\")"),
        key("max_age", "max_age = \"24h\""),
        key("measurements", "measurements = file(\"matcher.measurements\")"),
        key("mrtd", "mrtd = hex(\"…\")"),
        key("platform", "platform = simulated"),
    ],
};

/// `#[proof(BadgeOffice)]`
pub(crate) const PROOF_OWN: Site = Site { shown: "#[proof]", has_intent: false, keys: &[] };

/// `#[methods]`
pub(crate) const METHODS: Site = Site { shown: "#[methods]", has_intent: false, keys: &[] };

/// `require(..)` of a group
pub(crate) const REQUIRE_OF_GROUP: Site =
    Site { shown: "require", has_intent: false, keys: &[key("members", "members = tag(\"bank\")")] };

/// `require(..)` of a collection
pub(crate) const REQUIRE_OF_COLLECTION: Site = Site {
    shown: "require",
    has_intent: false,
    keys: &[key("readers", "readers = tag(\"trader\")"), key("writers", "writers = tag(\"exchange\")")],
};

/// `require(..)` of a stream
pub(crate) const REQUIRE: Site = Site {
    shown: "require",
    has_intent: false,
    keys: &[
        key("consumers", "consumers = tag(\"display\")"),
        key("producers", "producers = tag(\"sensor\")"),
    ],
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_sorted_so_that_messages_are() {
        for site in [
            &STREAM,
            &DATA,
            &FIELD,
            &NODE,
            &REQUIRE,
            &GROUP,
            &METHODS,
            &REQUIRE_OF_GROUP,
            &COLLECTION,
            &REQUIRE_OF_COLLECTION,
            &PROOF_JWT,
            &PROOF_TDX,
            &PROOF_OWN,
        ] {
            assert!(site.keys.is_sorted_by_key(|key| key.name), "{}", site.shown);
            assert!(site.keys.iter().all(|key| key.form.starts_with(key.name)), "{}", site.shown);
        }
    }
}
