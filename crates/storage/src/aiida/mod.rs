//! AIIDA: permissions from the QR code to their end, and the data that comes under them.

mod ids;

pub use ids::{ApiKeyId, OutgoingId};
