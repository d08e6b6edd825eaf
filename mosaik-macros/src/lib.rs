//! The attributes of mosaik.
