//! The name of an item and the id that follows from it.

use super::Spanned;

/// The human-readable name of an item; the id is derived from it unless the user gives one.
pub(crate) struct Intent {
    /// The name, as written or by default.
    pub(crate) text: Spanned<String>,
    /// Whether the user wrote the name.
    pub(crate) written: bool,
    /// What `id = hex("…")` says.
    pub(crate) id: Option<[u8; 32]>,
}

impl Intent {
    /// The declared id.
    pub(crate) fn id(&self, kind: &str) -> [u8; 32] {
        self.id.unwrap_or_else(|| derive(kind, &self.text.value))
    }
}

/// The id that an intent of this kind derives; the same rule as the runtime's, held by golden vectors on both sides.
fn derive(kind: &str, intent: &str) -> [u8; 32] {
    blake3::derive_key(&format!("mosaik 1 {kind} id"), intent.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::derive;

    #[test]
    fn ids_are_stable() {
        let hex =
            |kind, intent| -> String { derive(kind, intent).iter().map(|b| format!("{b:02x}")).collect() };
        assert_eq!(
            hex("stream", "host.load"),
            "fd0cc6e36469265134c14335d8599963d2d0a7c00db4f84f84896127564db775"
        );
        assert_eq!(
            hex("stream", "greenhouse.temperature"),
            "36f84c29c9f59bc8b53923d2f3a8661230ee46a909494467b5e283775933e247"
        );
        assert_eq!(
            hex("group", "host.load"),
            "5ebeb7e59465d14d2924b639611f2047a3beb8822e10930c1b49a00817b36641"
        );
    }
}
