//! The eligible party's MQTT side.
