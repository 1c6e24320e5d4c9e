//! The operator's binary: all services in one process or one of them, and the tasks of a day.
//!
//! - [`serve`] runs services; [`config`] holds their configuration, each concern once.
//! - [`migrate`], [`doctor`], [`jobs`], [`erase`] and [`api_keys`] are for the operator.
//! - [`files`] inspects and converts downloaded files, without any server.

pub mod api_keys;
pub mod config;
pub mod doctor;
pub mod erase;
pub mod files;
pub mod jobs;
pub mod migrate;
pub mod serve;
