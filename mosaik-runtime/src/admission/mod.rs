//! Floor 5: who may. Under construction.
