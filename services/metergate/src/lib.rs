//! The operator's binary: all services in one process or one of them, and the tasks of a day.
//!
//! - [`serve`] runs services; [`config`] holds their configuration, each concern once.
//! - [`migrate`], [`doctor`], [`jobs`], [`erase`], [`api_keys`], [`customers`], [`permissions`], [`export`],
//!   [`retention`], [`audit`] and [`rotate_keys`] are for the operator; [`command`] and `table` are what they share.
//! - [`files`] inspects and converts downloaded files, without any server.

pub mod api_keys;
pub mod audit;
pub mod command;
pub mod config;
pub mod customers;
pub mod doctor;
pub mod erase;
pub mod export;
pub mod files;
pub mod healthcheck;
pub mod jobs;
pub mod migrate;
pub mod permissions;
pub mod retention;
pub mod rotate_keys;
pub mod serve;
mod table;
