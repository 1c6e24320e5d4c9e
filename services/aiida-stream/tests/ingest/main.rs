//! What homes send, from the broker to the tables: every message once, whatever breaks in between.

mod adopting;
mod breaking;
mod harness;
mod late;
mod refusing;
mod replicas;
mod status;
mod storing;
