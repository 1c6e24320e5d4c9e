//! The whole system under a steady load while somebody breaks it on purpose: `./run chaos`.
//!
//! A suite ([`Suite`], one file each in `suites`) starts a private [`demo::Stack`] ([`world`]), lets customers and
//! homes come and go ([`load`], [`visitors`], [`withdrawals`]), and gives a [`Breaker`](breaker::Breaker) the run of
//! it. When it is done, everything must come to rest, and the same [`invariants`] are looked at after every suite:
//! they are read from outside, from the database, from the folder and from the custodian's and the homes' own books.
//!
//! Moments and victims come from a seed ([`dice`]), so that a failure can be tried again.

mod breaker;
mod dice;
mod invariants;
mod load;
mod options;
mod rest;
mod suites;
mod summary;
mod visitors;
mod withdrawals;
mod world;

pub use options::Options;
pub use suites::{Suite, run};
pub use summary::Summary;
