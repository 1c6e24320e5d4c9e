//! The home's side of the handshake: details by GET, the household's answer by PATCH.

mod client;
mod details;

pub(crate) use client::Facade;
pub use client::FacadeError;
pub(crate) use details::Details;
pub use details::DetailsError;
