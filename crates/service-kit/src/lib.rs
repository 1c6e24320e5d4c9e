//! What every Metergate program shares and would otherwise repeat: its command line and
//! configuration ([`program`], [`config`]), logs and traces ([`telemetry`]), numbers
//! ([`metrics`]), the internal port with health, readiness and metrics ([`health`]), the public
//! port ([`http`]), the way to stop ([`shutdown`]), the shape of an error that a caller sees
//! ([`problem`]), secrets and encryption at rest ([`secret`]), and the two things that tests must
//! be able to replace: the clock ([`clock`]) and randomness ([`random`]).
//!
//! This crate knows nothing of energy data, of the database or of any particular service; every
//! other crate may depend on it.

pub mod clock;
pub mod config;
pub mod health;
pub mod http;
pub mod metrics;
pub mod problem;
pub mod program;
pub mod random;
pub mod secret;
pub mod shutdown;
pub mod telemetry;
