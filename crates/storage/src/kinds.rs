//! Every kind of job: payload, name, who enqueues and who runs it, retry policy, deadline and discard
//! action. The database learns of them when it is migrated.

pub mod role;

use std::time::Duration;

use job_queue::{Discard, JobKind, KindSpec, Retry};
use permission::{PermissionId, Status};
use serde::{Deserialize, Serialize};

use crate::aiida::OutgoingId;
use crate::smd::{AuthorizationId, NoticeId};

use role::{
    AIIDA_PERMISSION, AIIDA_STREAM, CONSOLE, CSV_EXPORTER, MQTT_IAM, OPERATOR, SMD_AUTH,
    SMD_FETCHER,
};

const HOUR: Duration = Duration::from_hours(1);

/// Declares a kind whose payload is one id, which is also its unique key.
macro_rules! kind_of_one_id {
    ($(#[$doc:meta])* $name:ident { $field:ident: $id:ty } $spec:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
        pub struct $name {
            /// What it is about.
            pub $field: $id,
        }
        impl JobKind for $name {
            const SPEC: KindSpec = $spec;
            fn unique_key(&self) -> Option<String> {
                Some(self.$field.to_string())
            }
        }
    };
}

/// Declares a periodic kind without payload.
macro_rules! periodic_kind {
    ($(#[$doc:meta])* $name:ident $spec:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
        pub struct $name {}
        impl JobKind for $name {
            const SPEC: KindSpec = $spec;
            fn unique_key(&self) -> Option<String> {
                Some("schedule".to_owned())
            }
        }
    };
}

kind_of_one_id! {
    /// Pulls the history under an authorization, one window after the other.
    SmdFetch { authorization: AuthorizationId }
    KindSpec {
        deadline: HOUR,
        backoff_first: Duration::from_secs(5),
        on_discard: Discard::Enqueue(SmdRelease::SPEC.name),
        ..KindSpec::new("smd.fetch", SMD_FETCHER, &[SMD_AUTH, SMD_FETCHER])
    }
}

kind_of_one_id! {
    /// Fetches what a notification announced.
    SmdCollect { notice: NoticeId }
    KindSpec {
        backoff_first: Duration::from_secs(5),
        ..KindSpec::new("smd.collect", SMD_FETCHER, &[SMD_AUTH, SMD_FETCHER])
    }
}

kind_of_one_id! {
    /// Reads an authorization again that the custodian says has changed.
    SmdRecheck { authorization: AuthorizationId }
    KindSpec {
        backoff_first: Duration::from_secs(5),
        ..KindSpec::new("smd.recheck", SMD_FETCHER, &[SMD_AUTH, SMD_FETCHER])
    }
}

kind_of_one_id! {
    /// Ends an authorization at the custodian and erases its tokens. Never given up.
    SmdRelease { authorization: AuthorizationId }
    KindSpec {
        retry: Retry::Forever,
        backoff_first: Duration::from_secs(5),
        backoff_limit: HOUR,
        ..KindSpec::new("smd.release", SMD_FETCHER, &[SMD_FETCHER, OPERATOR, CONSOLE])
    }
}

periodic_kind! {
    /// Finds authorizations whose next step has no job, authorizations at the custodian that we do not
    /// know, and data whose time is over.
    SmdSweep
    KindSpec {
        retry: Retry::Attempts(3),
        every: Some(Duration::from_mins(10)),
        ..KindSpec::new("smd.sweep", SMD_FETCHER, &[SMD_FETCHER, OPERATOR])
    }
}

kind_of_one_id! {
    /// Writes the files of an authorization whose windows are all in.
    CsvExport { authorization: AuthorizationId }
    KindSpec {
        retry: Retry::Forever,
        backoff_first: Duration::from_secs(5),
        backoff_limit: HOUR,
        ..KindSpec::new("csv.export", CSV_EXPORTER, &[SMD_FETCHER, CSV_EXPORTER, OPERATOR])
    }
}

periodic_kind! {
    /// Removes files whose time is over or whose customer was erased.
    OutputExpire
    KindSpec {
        retry: Retry::Attempts(3),
        every: Some(HOUR),
        announced: true,
        ..KindSpec::new("output.expire", CSV_EXPORTER, &[CSV_EXPORTER, OPERATOR, CONSOLE])
    }
}

kind_of_one_id! {
    /// Brings the user and the access rules of an accepted permission to what the broker reads.
    MqttGrant { permission: PermissionId }
    KindSpec {
        retry: Retry::Forever,
        backoff_first: Duration::from_millis(200),
        backoff_limit: Duration::from_mins(1),
        announced: true,
        ..KindSpec::new("mqtt.grant", MQTT_IAM, &[AIIDA_PERMISSION, MQTT_IAM])
    }
}

kind_of_one_id! {
    /// Takes a permission's user and access rules away and disconnects its clients. Never given up.
    MqttRevoke { permission: PermissionId }
    KindSpec {
        retry: Retry::Forever,
        backoff_first: Duration::from_secs(1),
        backoff_limit: HOUR,
        ..KindSpec::new("mqtt.revoke", MQTT_IAM, &[AIIDA_PERMISSION, MQTT_IAM, OPERATOR, CONSOLE])
    }
}

periodic_kind! {
    /// Holds what the broker reads against the permissions, and mends it.
    MqttReconcile
    KindSpec {
        retry: Retry::Attempts(3),
        every: Some(Duration::from_mins(10)),
        announced: true,
        ..KindSpec::new("mqtt.reconcile", MQTT_IAM, &[MQTT_IAM, OPERATOR])
    }
}

kind_of_one_id! {
    /// Publishes a command or inbound data to a home.
    AiidaCommand { message: OutgoingId }
    KindSpec {
        retry: Retry::Forever,
        backoff_first: Duration::from_millis(500),
        backoff_limit: Duration::from_mins(5),
        ..KindSpec::new("aiida.command", AIIDA_STREAM, &[AIIDA_PERMISSION])
    }
}

/// A home has told its status: ids and the status only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AiidaStatus {
    /// The permission of the topic it came on.
    pub permission: PermissionId,
    /// What the home says it is.
    pub status: Status,
}
impl JobKind for AiidaStatus {
    const SPEC: KindSpec = KindSpec {
        retry: Retry::Forever,
        backoff_first: Duration::from_millis(500),
        backoff_limit: Duration::from_mins(5),
        ..KindSpec::new("aiida.status", AIIDA_PERMISSION, &[AIIDA_STREAM])
    };
    fn unique_key(&self) -> Option<String> {
        Some(format!("{}/{}", self.permission, self.status))
    }
}

periodic_kind! {
    /// What time does to permissions: codes that nobody scanned, time frames that are over, homes that never
    /// answered a termination, and steps that have no job.
    AiidaTimeout
    KindSpec {
        retry: Retry::Attempts(3),
        every: Some(Duration::from_mins(1)),
        announced: true,
        ..KindSpec::new("aiida.timeout", AIIDA_PERMISSION, &[AIIDA_PERMISSION, OPERATOR])
    }
}

kind_of_one_id! {
    /// Ends an accepted permission because the operator wants it; its home is told.
    AiidaTerminate { permission: PermissionId }
    KindSpec {
        announced: true,
        ..KindSpec::new("aiida.terminate", AIIDA_PERMISSION, &[OPERATOR, CONSOLE])
    }
}

/// Tells the eligible party's webhook of the events it does not know yet, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebhookDeliver {}
impl JobKind for WebhookDeliver {
    const SPEC: KindSpec = KindSpec {
        retry: Retry::Forever,
        backoff_first: Duration::from_secs(2),
        backoff_limit: HOUR,
        ..KindSpec::new("webhook.deliver", AIIDA_PERMISSION, &[AIIDA_PERMISSION])
    };
    fn unique_key(&self) -> Option<String> {
        Some("webhook".to_owned())
    }
}

periodic_kind! {
    /// Makes the partitions of the coming days and drops those whose time is over.
    StreamPartitions
    KindSpec {
        retry: Retry::Attempts(3),
        every: Some(HOUR),
        announced: true,
        ..KindSpec::new("stream.partitions", AIIDA_STREAM, &[AIIDA_STREAM, OPERATOR])
    }
}

/// All of them.
#[must_use]
pub const fn all() -> [KindSpec; 16] {
    [
        SmdFetch::SPEC,
        SmdCollect::SPEC,
        SmdRecheck::SPEC,
        SmdRelease::SPEC,
        SmdSweep::SPEC,
        CsvExport::SPEC,
        OutputExpire::SPEC,
        MqttGrant::SPEC,
        MqttRevoke::SPEC,
        MqttReconcile::SPEC,
        AiidaCommand::SPEC,
        AiidaStatus::SPEC,
        AiidaTimeout::SPEC,
        AiidaTerminate::SPEC,
        WebhookDeliver::SPEC,
        StreamPartitions::SPEC,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The discard action hands the payload on as it is: it must fit the next kind.
    #[test]
    fn the_payload_of_a_discarded_fetch_is_a_release() {
        let fetch = SmdFetch {
            authorization: AuthorizationId::from(uuid::Uuid::nil()),
        };
        let release: SmdRelease =
            serde_json::from_value(serde_json::to_value(fetch).unwrap()).unwrap();
        assert_eq!(release.authorization, fetch.authorization);
        assert_eq!(release.unique_key(), fetch.unique_key());
    }

    #[test]
    fn names_are_unique_and_discard_actions_exist() {
        let names: std::collections::BTreeSet<_> = all().iter().map(|kind| kind.name).collect();
        assert_eq!(names.len(), all().len());
        for kind in all() {
            if let Discard::Enqueue(next) = kind.on_discard {
                assert!(
                    names.contains(next),
                    "{next} follows {} but is not declared",
                    kind.name
                );
            }
        }
    }
}
