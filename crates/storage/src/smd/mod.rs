//! Share My Data: what is known of an authorization and pulled under it.
//!
//! - [`login`]: the one-time state of a started authorization.
//! - [`authorization`]: its life from the tokens to the end; [`tokens`]: the tokens, encrypted.
//! - [`plan`]: usage points and the list of pulls; [`reading`]: staging, merging, reading back.
//! - [`notice`]: what notifications announced. [`progress`]: what the customer's page shows.
//! - [`export`]: what the exporter reads and notes. [`budget`]: the custodian's request budget. [`erasure`]: expiry and erasing a customer.

pub mod authorization;
pub mod budget;
pub mod erasure;
pub mod export;
mod ids;
pub mod login;
pub mod notice;
pub mod plan;
pub mod progress;
pub mod reading;
pub mod tokens;

pub use ids::{AuthorizationId, NoticeId};
