//! Homes of every generation against a facade that gives literal answers and a real broker
//! (mosquitto, started privately).

mod broker;
mod commands;
mod facade;
mod harness;
mod inbound;
mod network;
mod program;
mod refusals;
mod scan;
