//! What a home gets for its yes, and connects with.

use std::fmt;

use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

use crate::Generation;

/// What a home gets for its yes. The password is not printed.
#[derive(Clone)]
pub struct Credentials {
    /// `tcp://host:1883` or `ssl://host:8883`.
    pub server_uri: String,
    /// The permission's id; also the client id of the first connection.
    pub username: String,
    /// Given once, stored by nobody else.
    pub password: String,
    /// Where records go (`…/data/outbound`, the schema is appended), or the filter on which they
    /// come (`…/data/inbound/+`).
    pub data_topic: String,
    /// Where the end of the permission is told.
    pub status_topic: String,
    /// What this generation listens on: the filter for commands, or the termination topic.
    pub control_topic: String,
    /// Where inbound data is acknowledged, when that is asked for.
    pub acknowledgement_topic: Option<String>,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("server_uri", &self.server_uri)
            .field("username", &self.username)
            .field("data_topic", &self.data_topic)
            .field("status_topic", &self.status_topic)
            .field("control_topic", &self.control_topic)
            .field("acknowledgement_topic", &self.acknowledgement_topic)
            .finish_non_exhaustive()
    }
}

/// The answer to ACCEPT. Unknown keys are ignored, so that one answer serves every generation.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    server_uri: String,
    username: Uuid,
    password: String,
    data_topic: String,
    status_topic: String,
    #[serde(default)]
    command_topic: Option<String>,
    #[serde(default)]
    termination_topic: Option<String>,
    #[serde(default)]
    acknowledgement_topic: Option<String>,
}

/// Reads the answer as a home of `generation` does; the error names what is missing, never what
/// is there.
pub(crate) fn read(generation: Generation, body: Value) -> Result<Credentials, String> {
    let answer: Answer = serde_json::from_value(body).map_err(|error| error.to_string())?;
    let (control, key) = if generation.takes_commands() {
        (answer.command_topic, "commandTopic")
    } else {
        (answer.termination_topic, "terminationTopic")
    };
    let control_topic = control.ok_or_else(|| format!("{key} is missing"))?;
    Ok(Credentials {
        server_uri: answer.server_uri,
        username: answer.username.to_string(),
        password: answer.password,
        data_topic: answer.data_topic,
        status_topic: answer.status_topic,
        control_topic,
        // Homes of 2025 know no acknowledgements.
        acknowledgement_topic: answer
            .acknowledgement_topic
            .filter(|_| !generation.scans_single_codes()),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn answer() -> Value {
        json!({
            "serverUri": "tcp://localhost:1883",
            "username": "22222222-2222-4222-8222-222222222222",
            "password": "a secret",
            "dataTopic": "aiida/v1/2/data/outbound",
            "statusTopic": "aiida/v1/2/status",
            "commandTopic": "aiida/v1/2/command/+",
            "terminationTopic": "aiida/v1/2/termination",
            "acknowledgementTopic": null,
            "somethingNewer": true
        })
    }

    #[test]
    fn each_generation_takes_the_topic_it_knows() {
        for generation in Generation::ALL {
            let credentials = read(generation, answer()).unwrap();
            let expected = if generation == Generation::June2026 {
                "aiida/v1/2/command/+"
            } else {
                "aiida/v1/2/termination"
            };
            assert_eq!(credentials.control_topic, expected);
            assert_eq!(credentials.acknowledgement_topic, None);
            assert!(!format!("{credentials:?}").contains("a secret"));
        }
    }

    #[test]
    fn what_a_generation_needs_must_be_there() {
        let needed = [
            "serverUri",
            "username",
            "password",
            "dataTopic",
            "statusTopic",
        ];
        for generation in Generation::ALL {
            let own = if generation == Generation::June2026 {
                "commandTopic"
            } else {
                "terminationTopic"
            };
            for key in needed.into_iter().chain([own]) {
                let mut body = answer();
                body.as_object_mut().unwrap().remove(key);
                assert!(
                    read(generation, body.clone()).is_err(),
                    "{generation} {key}"
                );
                body[key] = Value::Null;
                assert!(read(generation, body).is_err(), "{generation} {key} null");
            }
        }
    }
}
