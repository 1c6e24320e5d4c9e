//! AIIDA: permissions from the QR code to their end, and the data that comes under them.

pub mod api_key;
pub mod credential;
pub mod data_need;
pub mod erasure;
pub mod event;
mod ids;
pub mod live;
pub mod newest;
pub mod outgoing;
pub mod permission;
pub mod reading;
pub mod stream;
pub mod webhook;

pub use ids::{ApiKeyId, OutgoingId};
