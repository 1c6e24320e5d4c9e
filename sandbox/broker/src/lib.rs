//! An MQTT broker for one machine (crate `mqtt5`), for tests, the demo and small installations. It
//! reads the same two tables as EMQX (`aiida.aiida_mqtt_user`, `aiida.aiida_mqtt_acl`, role
//! `emqx`) and answers the part of EMQX's REST API that Metergate uses, so that the services
//! cannot tell the two apart.
//!
//! Who asks for what: `accounts` reads the tables, [`acl`] decides on a topic without I/O,
//! `connection` puts both into the broker's words for one connection, `registry` knows who holds
//! which client id, `clients` ends them, `store` keeps sessions and messages, `listener` accepts
//! connections, `api` is the REST API. Services never depend on this crate; they reach it over its
//! ports.
//!
//! Where it differs from EMQX 5.8 as `infra/emqx` configures it:
//!
//! | case | EMQX | here |
//! |---|---|---|
//! | denied publish or filter of a home, MQTT 5 | DISCONNECT 135 | PUBACK/PUBREC/SUBACK 135 first, then DISCONNECT 139 (server shutting down: the only code at hand), and the end |
//! | the same, MQTT 3.1.1 | the connection ends | PUBACK (which has no way to say no there), or SUBACK 128, then the end; with `QoS` 0 only the end |
//! | kick (`DELETE clients/…`) | DISCONNECT 152 | DISCONNECT 139; session, queue and pending will are gone all the same |
//! | client id of a home | prefixed with the username | as sent; one that another user has, holds a session of, or is called by, is refused (2 / 133). A user's own name, and whatever the party asks for, is taken from whoever has it |
//! //! | rows removed, existing subscription | keeps delivering, also after the session resumes | keeps delivering on the open connection; dropped when the session resumes |
//! //! | retained message deleted by REST | subscribers see nothing | plain subscribers get the empty message that deletes it |
//! | wildcards in `DELETE mqtt/retainer/message/…` | delete what matches | taken literally |
//! | keep alive 0 | never ends | ends after 300 s of silence |
//! | a client id with `/` or `\` | accepted | refused (2 / 133) |
//! | placeholders in ACL topics (`${clientid}`) | filled in | literal |
//!
//! What survives `kill -9` when a store is given: sessions with their subscriptions, and retained
//! messages, at once (written and synced before they are acknowledged); messages of `QoS` 1 and 2
//! queued for offline sessions, from a quarter of a second after they were acknowledged. A kick
//! returns when nothing of the client is left in the store. Lost: what was queued within that
//! quarter, what was sent to a connected subscriber that had not acknowledged it for a quarter of a
//! second, and `QoS` 0. Queued messages are not synced, so a power failure may lose older ones too.

mod accounts;
pub mod acl;
mod api;
mod broker;
mod clients;
pub mod config;
mod connection;
mod error;
mod listener;
mod registry;
mod store;
mod throttle;

pub use broker::{Addresses, Broker, check, run, start};
pub use config::Config;
pub use error::BrokerError;
