//! The limits of a machine.

/// Limits that all members share: they decide what the log means, so a member with others would compute another state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MachineSettings {
    /// A snapshot is made once the commands since the last one have this many bytes, and as many as that snapshot's state.
    pub snapshot_bytes: u64,
    /// A snapshot is made once there are this many entries since the last one.
    pub snapshot_entries: u64,
    /// How many sessions a group remembers; the one used least recently makes room.
    pub sessions: usize,
    /// How many serials of a session may be without an acknowledgement; older results are forgotten.
    pub outstanding: u64,
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
            chunk: 256 * 1024,
        }
    }
}
