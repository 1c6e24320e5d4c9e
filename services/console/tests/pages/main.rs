//! The console on a real database, under its own role: what each page shows, what actions do and refuse, and how large
//! and how long it is with very many rows. nginx in front, browsers and the rest of the system: `tests/tests/console`.
#![expect(clippy::unwrap_used, reason = "tests")]

mod actions;
mod crowd;
mod guards;
mod site;
mod views;
