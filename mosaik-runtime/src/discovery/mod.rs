//! Floor 4: who is there. Under construction.
