//! An operator in a real browser, through nginx with its password: every page of the console on a desktop and a
//! telephone, light and dark, by keyboard alone, without scripts, with what strangers wrote in every field, and a page
//! of another site that would like to do something in the operator's name.
//! What it saw is left in `target/tmp/browser` as pictures.
#![expect(clippy::unwrap_used, reason = "tests")]

mod elsewhere;
mod inhabitants;
mod journey;
mod world;
