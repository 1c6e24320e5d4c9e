//! The home's side of the handshake: details by GET, the household's answer by PATCH.

mod client;
mod details;

pub use client::FacadeError;
pub(crate) use client::{Facade, http_client};
pub(crate) use details::Details;
pub use details::DetailsError;
