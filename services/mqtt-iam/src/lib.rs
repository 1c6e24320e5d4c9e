//! The IAM tables that the broker reads.
