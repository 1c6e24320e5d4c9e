//! The tables that the broker reads.
