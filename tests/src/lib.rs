//! What the end-to-end tests in `tests/` share. `history` walks customers through the whole system, `near_real_time`
//! homes, `house_faults` homes that do not behave, `browser` does it with a real browser, `nginx` tries the edge alone.
//! More of what they share is in `demo` (the whole system on one machine) and `test-support`.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    reason = "in a test a wrong assumption is to end the test"
)]

pub mod houses;
mod shared;

pub use shared::Shared;
