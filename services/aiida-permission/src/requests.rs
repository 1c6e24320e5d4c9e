//! Asking for permissions: by an eligible party's page (`POST permission-request`), by ours, or by the API. What is
//! wrong in a request is said, and nothing of it is stored.
//!
//! Without a key anybody can ask, in anybody's name; each permission that nobody answers stays open for days. So
//! strangers are turned away when as many are open as the operator allows, or altogether if the operator wants it.

use diesel_async::{AsyncConnection as _, AsyncPgConnection};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use job_queue::QueueError;
use permission::data_need::DataNeed;
use permission::{BundleId, DataNeedId, IllegalStep, PermissionId, Status};
use serde_json::Value;
use storage::DatabaseError;
use storage::aiida::event::Cause;
use storage::aiida::permission::{self as table, NewPermission};
use storage::audit;

use crate::Service;

/// Data needs of one request: all its permissions must fit into one code.
const MOST_NEEDS: usize = 10;

/// Longest name of a customer or meter, in characters.
const LONGEST_NAME: usize = 256;

/// What is asked for, well formed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wanted {
    connection_id: String,
    data_needs: Vec<DataNeedId>,
    meter_id: Option<String>,
}

impl Wanted {
    /// Checks what was sent: each mistake in words.
    pub(crate) fn parse(
        connection_id: Option<&str>,
        data_needs: &[String],
        meter_id: Option<&str>,
    ) -> Result<Self, Vec<String>> {
        let mut mistakes = Vec::new();
        let connection_id = connection_id.unwrap_or_default();
        if connection_id.trim().is_empty() {
            mistakes.push("connectionId: must not be blank".to_owned());
        }
        let meter_id = meter_id.filter(|meter| !meter.trim().is_empty());
        for (name, value) in [("connectionId", Some(connection_id)), ("meterId", meter_id)] {
            if value.is_some_and(|value| !is_name(value)) {
                mistakes.push(format!(
                    "{name}: must have at most {LONGEST_NAME} characters, and none that control a device"
                ));
            }
        }
        let mut ids: Vec<DataNeedId> = Vec::new();
        for text in data_needs {
            match text.parse() {
                // Asked for twice is asked for once.
                Ok(id) if ids.contains(&id) => {}
                Ok(id) => ids.push(id),
                Err(_) => mistakes.push("dataNeedIds: must be UUIDs".to_owned()),
            }
        }
        if data_needs.is_empty() {
            mistakes.push("dataNeedIds: must not be empty".to_owned());
        } else if data_needs.len() > MOST_NEEDS {
            mistakes.push(format!("dataNeedIds: must be at most {MOST_NEEDS}"));
        }
        mistakes.dedup();
        if mistakes.is_empty() {
            Ok(Self {
                connection_id: connection_id.to_owned(),
                data_needs: ids,
                meter_id: meter_id.map(str::to_owned),
            })
        } else {
            Err(mistakes)
        }
    }

    /// The same once more, for permissions that came to nothing.
    pub(crate) fn again(permissions: &[table::Permission]) -> Option<Self> {
        let first = permissions.first()?;
        Some(Self {
            connection_id: first.connection_id.clone(),
            data_needs: permissions.iter().map(|it| it.data_need.id).collect(),
            meter_id: first.meter_id.clone(),
        })
    }
}

fn is_name(text: &str) -> bool {
    text.chars().count() <= LONGEST_NAME && !text.chars().any(char::is_control)
}

/// What was created: the code is shown from now on.
#[derive(Debug, Clone)]
pub(crate) struct Created {
    pub(crate) bundle: BundleId,
    /// In the order of the data needs asked for.
    pub(crate) permissions: Vec<PermissionId>,
    /// When: the codes are good from here on.
    pub(crate) at: Timestamp,
}

/// Who asks.
#[derive(Debug, Clone)]
pub(crate) enum By {
    /// Whoever knows the address of the connect button or of the page.
    Anybody,
    /// A household that was asked before.
    Household,
    /// The eligible party, with its key: the detail of the lines in the audit log.
    Party(Value),
}

/// Why nothing was created.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CreateError {
    /// No such data need, or none that can be asked for now; in words.
    #[error("{}", .0.join(" "))]
    Needs(Vec<String>),
    /// The operator wants no requests without a key.
    #[error("permissions are asked for with a key only")]
    Closed,
    /// As many wait for an answer as the operator allows.
    #[error("too many permissions are open")]
    Full,
    #[error(transparent)]
    Database(#[from] DatabaseError),
    #[error(transparent)]
    Query(#[from] diesel::result::Error),
    #[error(transparent)]
    Queue(#[from] QueueError),
    #[error(transparent)]
    Process(#[from] IllegalStep),
}

/// Creates one permission per data need and takes them to `SENT_TO_PERMISSION_ADMINISTRATOR`, an event for each
/// step, all in one transaction, with the lines of the audit log. `ticket` opens the household's page.
pub(crate) async fn create(
    service: &Service,
    wanted: &Wanted,
    ticket: Option<&str>,
    by: By,
) -> Result<Created, CreateError> {
    let mut conn = service.database.get().await?;
    admit(service, &mut conn, &by).await?;
    let now = service.clock.now();
    let needs = look_up(service, &mut conn, &wanted.data_needs, now).await?;
    let bundle = BundleId::from(service.random.uuid());
    let permissions: Vec<PermissionId> = needs
        .iter()
        .map(|_| PermissionId::from(service.random.uuid()))
        .collect();
    let new: Vec<NewPermission<'_>> = permissions
        .iter()
        .zip(&needs)
        .map(|(id, data_need)| NewPermission {
            id: *id,
            bundle,
            connection_id: &wanted.connection_id,
            data_need,
            meter_id: wanted.meter_id.as_deref(),
            ticket,
        })
        .collect();
    conn.transaction(async |conn| {
        service.announce(conn, Vec::new()).await?;
        if let By::Party(detail) = &by {
            for id in &permissions {
                let action = "aiida.permission.asked";
                audit::record(conn, action, Some(id.uuid()), detail).await?;
            }
        }
        table::insert(conn, &new).await?;
        for (from, to) in [
            (Status::Created, Status::Validated),
            (Status::Validated, Status::SentToPermissionAdministrator),
        ] {
            let step = from.step(to)?;
            table::advance_all(conn, &permissions, step, Cause::Request, None).await?;
        }
        Ok::<_, CreateError>(())
    })
    .await?;
    metrics::counter!("aiida_permissions_requested_total")
        .increment(u64::try_from(permissions.len()).unwrap_or(u64::MAX));
    Ok(Created {
        bundle,
        permissions,
        at: now,
    })
}

/// Turns strangers away. Several at once may exceed the bound by a few: it is there for floods.
async fn admit(
    service: &Service,
    conn: &mut AsyncPgConnection,
    by: &By,
) -> Result<(), CreateError> {
    let facade = &service.config.facade;
    let refused = match by {
        By::Party(_) => return Ok(()),
        By::Anybody if !facade.aiida_public_requests => CreateError::Closed,
        By::Anybody | By::Household => {
            if !table::open_reach(conn, facade.aiida_open_permissions).await? {
                return Ok(());
            }
            CreateError::Full
        }
    };
    let reason = match refused {
        CreateError::Full => "full",
        _ => "closed",
    };
    metrics::counter!("aiida_requests_refused_total", "reason" => reason).increment(1);
    Err(refused)
}

/// The data needs as they are now; each that cannot be asked for is named.
async fn look_up(
    service: &Service,
    conn: &mut AsyncPgConnection,
    ids: &[DataNeedId],
    now: Timestamp,
) -> Result<Vec<DataNeed>, CreateError> {
    let today = now.to_zoned(TimeZone::UTC).date();
    let mut needs = Vec::with_capacity(ids.len());
    let mut mistakes = Vec::new();
    for id in ids {
        match service.data_needs.get(conn, *id).await? {
            None => mistakes.push(format!("No data need has the id {id}.")),
            Some(need) if !need.enabled => {
                mistakes.push(format!("The data need {id} is disabled."));
            }
            Some(need) => match need.resolve(today) {
                Ok(_) => needs.push(need),
                Err(error) => mistakes.push(format!(
                    "The data need {id} is not supported (any more): {error}."
                )),
            },
        }
    }
    if mistakes.is_empty() {
        Ok(needs)
    } else {
        Err(CreateError::Needs(mistakes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEED: &str = "5dc71d7e-e8cd-4403-a3a8-d3c095c97a84";

    fn mistakes(connection: Option<&str>, needs: &[&str], meter: Option<&str>) -> Vec<String> {
        let needs: Vec<String> = needs.iter().map(|&it| it.to_owned()).collect();
        Wanted::parse(connection, &needs, meter)
            .err()
            .unwrap_or_default()
    }

    #[test]
    fn each_mistake_is_named() {
        let blank = "connectionId: must not be blank";
        let empty = "dataNeedIds: must not be empty";
        let uuids = "dataNeedIds: must be UUIDs";
        assert_eq!(mistakes(None, &[], None), [blank, empty]);
        assert_eq!(mistakes(Some("  "), &[NEED], None), [blank]);
        assert_eq!(mistakes(Some("c"), &["x", "", NEED], None), [uuids]);
        let long = "c".repeat(257);
        assert_eq!(
            mistakes(Some(&long), &[NEED], None),
            [too_long("connectionId")]
        );
        assert_eq!(
            mistakes(Some("c"), &[NEED], Some("a\u{0}b")),
            [too_long("meterId")]
        );
        assert_eq!(
            mistakes(Some("c"), &[NEED; 11], None),
            ["dataNeedIds: must be at most 10"]
        );
    }

    fn too_long(name: &str) -> String {
        format!("{name}: must have at most 256 characters, and none that control a device")
    }

    #[test]
    fn a_blank_meter_is_none_and_a_need_twice_is_one() {
        let needs = [NEED.to_owned(), NEED.to_uppercase()];
        let wanted = Wanted::parse(Some("c"), &needs, Some("  ")).unwrap();
        assert_eq!(wanted.meter_id, None);
        assert_eq!(wanted.data_needs.len(), 1);
    }
}
