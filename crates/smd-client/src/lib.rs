//! What Metergate says to a PG&E Share My Data custodian, and what it understands of the answers.
//!
//! Everything goes over mutual TLS, one request at a time through a [`Budget`]: tokens
//! ([`Client::exchange_code`], [`Client::refresh`]), resources (`usage_points`, `batch`, …) and the
//! end of an authorization ([`Client::delete_authorization`]). The crate keeps no customer's token:
//! callers hand them in through [`Tokens`] and learn there when one must be refreshed. It knows no
//! job; it may depend on `espi`, `service-kit` and (for [`PostgresBudget`] alone) `storage`, and only
//! services depend on it.
//!
//! Where to look: [`config`] for every setting, [`error`] for what can go wrong and in whose words,
//! `transport` for how a request is sent, `oauth` for tokens, `resources` and `batch` for data,
//! [`certificate`] for the client certificate, [`link`] for what a notification's link points to,
//! [`budget`] and [`PostgresBudget`] for how fast we may ask.

pub mod authorization;
pub mod batch;
pub mod body;
pub mod budget;
pub mod callback;
pub mod certificate;
mod client;
pub mod config;
mod endpoints;
pub mod error;
pub mod gateway;
pub mod ids;
mod kind;
pub mod link;
mod numbers;
mod oauth;
mod postgres_budget;
mod refusal;
pub mod resources;
pub mod tokens;
mod transport;

pub use authorization::{Deletion, ListedAuthorization};
pub use batch::{Batch, Window};
pub use body::Body;
pub use budget::{Budget, BudgetError, Unlimited, Wait};
pub use callback::{Callback, CallbackError, Denial};
pub use client::Client;
pub use config::{ConfigError, SmdConfig, TokenForm, WindowFormat};
pub use error::Error;
pub use gateway::{Gateway, GatewayConfig, GatewayError};
pub use ids::{IdError, SubscriptionId};
pub use kind::RequestKind;
pub use link::Link;
#[cfg(feature = "fuzzing")]
pub use oauth::fuzzing;
pub use postgres_budget::{BudgetConfig, PostgresBudget, closed_after};
pub use resources::{SampleData, ServicePoint};
pub use tokens::{Bearer, Secret, TokenSet, Tokens};

/// Makes `ring` the process's TLS crypto provider, unless one is installed already.
///
/// [`Client::new`] calls this too; a process that builds other TLS configurations first may call it
/// earlier, as often as it likes.
pub fn install_crypto_provider() {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // Lost races are fine: somebody else installed one in between.
        let _ = rustls::crypto::ring::default_provider().install_default();
    }
}
