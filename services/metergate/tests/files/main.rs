//! `metergate inspect` and `metergate convert`, run as a customer would.

#![expect(clippy::unwrap_used, reason = "tests fail loudly")]

mod convert;
mod desk;
mod feed;
mod refusals;
mod report;
mod samples;
mod series;
