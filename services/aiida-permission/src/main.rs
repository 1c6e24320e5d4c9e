//! Permission facade of AIIDA.

fn main() {}
