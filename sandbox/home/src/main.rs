//! The sandbox home as a program of its own.

fn main() {}
