//! A real browser walks through the whole system: consent, the custodian's pages, progress, the end; and the page
//! with the code for a home.
//! Scripts on and off, wide and narrow, light and dark, in each language. What it saw is left in `target/tmp/browser` as
//! pictures.
#![expect(clippy::panic, clippy::unwrap_used, reason = "tests")]

mod customer;
mod embed;
mod permission;

use test_support::chromium;
