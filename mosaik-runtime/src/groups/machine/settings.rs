//! The limits of a machine.

/// The longest reply of a command, encoded. A command that answers more is undone, like one that panics.
pub const MAX_REPLY: usize = 1 << 20;

/// The longest chunk of a snapshot.
pub const MAX_CHUNK: usize = 1 << 20;

/// Counts up whenever an equal log would give another state than with the version before: members of two such versions do not meet, and
/// a log of one is not read by the other.
pub(super) const RULES: u32 = 4;

/// Limits that all members share: they decide what the log means, so a member with others would compute another state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MachineSettings {
    /// A snapshot is made once the commands since the last one have this many bytes, and twice as many as that snapshot's state.
    pub snapshot_bytes: u64,
    /// A snapshot is made once there are this many entries since the last one.
    pub snapshot_entries: u64,
    /// How many sessions a group remembers; the one used least recently makes room.
    pub sessions: usize,
    /// How many serials of a session may be without an acknowledgement; older results are forgotten.
    pub outstanding: u64,
    /// How many bytes of results a session may have without an acknowledgement; beyond it only its oldest command is applied.
    pub kept: u64,
    /// The size of a snapshot's chunks.
    pub chunk: usize,
}

impl Default for MachineSettings {
    fn default() -> Self {
        Self {
            snapshot_bytes: 1 << 20,
            snapshot_entries: 10_000,
            sessions: 4_096,
            outstanding: 1_024,
            kept: 8 << 20,
            chunk: 256 * 1024,
        }
    }
}

impl MachineSettings {
    /// Whether the limits can be meant.
    pub(super) fn check(&self) -> Result<(), String> {
        match self.chunk {
            0 => Err("a chunk of a snapshot has at least one byte: leave `chunk` at its default".to_owned()),
            chunk if chunk > MAX_CHUNK => {
                Err(format!("`chunk` is {chunk} bytes, and no member takes a chunk of more than {MAX_CHUNK}"))
            }
            _ => Ok(()),
        }
    }
}
