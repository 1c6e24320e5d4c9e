//! Share My Data: what is known of an authorization and pulled under it.
//!
//! - [`login`]: the one-time state of a started authorization.
//! - [`authorization`]: its life from the tokens to the end; [`tokens`]: the tokens, encrypted.
//! - [`plan`]: usage points and the list of pulls; [`reading`]: staging, merging, reading back.
//! - [`notice`]: what notifications announced. [`progress`]: what the customer's page shows.
//! - [`export`]: what the exporter reads and notes. [`erasure`]: expiry, and erasing a customer.
//! - [`receipt`]: the number by which a customer is found. [`overview`]: what the operator sees.
//! - [`rotation`]: changing the key of the tokens.
//! - [`budget`]: the custodian's request budget. [`comparison`]: its list of authorizations beside ours.
//!
//! Every write that must not outlive a customer's consent asks for the stage in its own statement: what
//! was withdrawn, superseded or erased meanwhile stays as it is. A function that reads first and
//! writes then says in which transaction it wants to be called.

pub mod authorization;
pub mod budget;
pub mod comparison;
pub mod erasure;
pub mod export;
mod ids;
pub mod login;
pub mod notice;
pub mod overview;
pub mod plan;
pub mod progress;
pub mod reading;
pub mod receipt;
pub mod rotation;
pub mod tokens;

pub use ids::{AuthorizationId, NoticeId};
