//! IAM tables that the broker reads.

fn main() {}
