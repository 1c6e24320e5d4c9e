//! The sandbox broker as a program of its own.

fn main() {}
