//! What changes something. Each action has an address of its own: `GET` asks, `POST` does, and only when a page of ours
//! has sent it. What is done is done by the storage functions of the operator's commands, with a line in the audit log
//! that names the operator; twice is as good as once, and what it can no longer be done to is refused with the reason.

mod erase;
mod question;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{Data, Form, Path};
use askama::Template;
use permission::{PermissionId, Status};
use serde::Deserialize;
use storage::aiida::permission as permissions;
use storage::smd::{AuthorizationId, authorization};
use storage::{Connection, operator};
use uuid::Uuid;

use crate::Service;
use crate::error::Trouble;
use crate::frame::{self, Tabs};
use crate::guard::{Acting, Operator};
use question::Question;

/// What an operator can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Action {
    Retry(i64),
    Discard(i64),
    Release(AuthorizationId),
    Terminate(PermissionId),
    EraseCustomer(AuthorizationId),
    ErasePermission(PermissionId),
}

impl Action {
    /// By its address.
    fn of(what: &str, id: &str, action: &str) -> Option<Self> {
        let uuid = || id.parse::<Uuid>().ok();
        match (what, action) {
            ("jobs", "retry") => id.parse().ok().map(Self::Retry),
            ("jobs", "discard") => id.parse().ok().map(Self::Discard),
            ("customers", "release") => uuid().map(|id| Self::Release(id.into())),
            ("customers", "erase") => uuid().map(|id| Self::EraseCustomer(id.into())),
            ("permissions", "terminate") => uuid().map(|id| Self::Terminate(id.into())),
            ("permissions", "erase") => uuid().map(|id| Self::ErasePermission(id.into())),
            _ => None,
        }
    }

    /// In numbers and in the address of what follows.
    const fn name(self) -> &'static str {
        match self {
            Self::Retry(_) => "retry",
            Self::Discard(_) => "discard",
            Self::Release(_) => "release",
            Self::Terminate(_) => "terminate",
            Self::EraseCustomer(_) | Self::ErasePermission(_) => "erase",
        }
    }

    /// The page of what it is done to.
    fn page(self) -> String {
        match self {
            Self::Retry(id) | Self::Discard(id) => format!("/console/jobs/{id}"),
            Self::Release(id) | Self::EraseCustomer(id) => format!("/console/customers/{id}"),
            Self::Terminate(id) | Self::ErasePermission(id) => {
                format!("/console/permissions/{id}")
            }
        }
    }

    const fn section(self) -> Tabs {
        match self {
            Self::Retry(_) | Self::Discard(_) => Tabs::Jobs,
            Self::Release(_) | Self::EraseCustomer(_) => Tabs::Customers,
            Self::Terminate(_) | Self::ErasePermission(_) => Tabs::Permissions,
        }
    }
}

/// `?did=`: what was just done.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct Done {
    #[serde(default)]
    did: String,
}

impl Done {
    /// In words; nothing for anything that is none of ours.
    pub(crate) fn words(&self) -> Option<&'static str> {
        match self.did.as_str() {
            "retry" => Some("It runs again."),
            "discard" => Some("It is discarded."),
            "release" => Some("The end of the authorization is asked for: smd-fetcher sees to it."),
            "terminate" => {
                Some("The end of the permission is asked for: aiida-permission sees to it.")
            }
            _ => None,
        }
    }
}

/// What a form says: whether somebody is sure, where that is asked.
#[derive(Debug, Deserialize)]
pub(crate) struct Answer {
    #[serde(default)]
    sure: String,
}

/// `GET` of an action: asks.
pub(crate) async fn ask(
    service: Data<Service>,
    _: Operator,
    path: Path<(String, String, String)>,
) -> Result<HttpResponse, Trouble> {
    let action = action_of(&path)?;
    let mut conn = service.database.get().await?;
    let question = Question::of(&mut conn, action).await?;
    Ok(respond(action, StatusCode::OK, &question))
}

/// `POST` of an action: does it.
pub(crate) async fn act(
    service: Data<Service>,
    acting: Acting,
    path: Path<(String, String, String)>,
    answer: Form<Answer>,
) -> Result<HttpResponse, Trouble> {
    let action = action_of(&path)?;
    let by = acting.0.0;
    let mut conn = service.database.get().await?;
    let wanted = match action {
        Action::EraseCustomer(_) | Action::ErasePermission(_) => {
            if answer.sure != "yes" {
                let question = Question::of(&mut conn, action).await?.unanswered();
                return Ok(respond(action, StatusCode::BAD_REQUEST, &question));
            }
            let told = erase::erase(&service, conn, action, by).await?;
            count(action);
            return Ok(respond(action, StatusCode::OK, &told));
        }
        other => do_one(&mut conn, other, &by).await?,
    };
    count(wanted);
    let target = format!("{}?did={}", wanted.page(), wanted.name());
    Ok(pages::redirect(&target, &[]))
}

/// Carries it out, or says why it cannot be.
async fn do_one(conn: &mut Connection, action: Action, by: &str) -> Result<Action, Trouble> {
    let refused = |why: &str| Err(Trouble::Refused(why.to_owned()));
    let by = Some(by);
    match action {
        Action::Retry(id) => {
            question::job(conn, id).await?;
            if !operator::retry_job(conn, id, by).await? {
                return refused(
                    "The job runs, has ended, or another one for the same thing waits.",
                );
            }
        }
        Action::Discard(id) => {
            question::job(conn, id).await?;
            let reason = "discarded by an operator, in the console";
            if !operator::discard_job(conn, id, reason, by).await? {
                return refused("The job has ended already.");
            }
        }
        Action::Release(id) => {
            let known = authorization::get(conn, id).await?;
            if known.ok_or(Trouble::Missing("customer"))?.released {
                return refused("The authorization is ended already.");
            }
            operator::release(conn, id, by).await?;
        }
        Action::Terminate(id) => {
            let known = permissions::get(conn, id).await?;
            let status = known.ok_or(Trouble::Missing("permission"))?.status;
            if status != Status::Accepted {
                return refused(
                    "Only a permission that is accepted has a home that can be told of the end.",
                );
            }
            operator::terminate(conn, id, by).await?;
        }
        // They have a page of their own at the end.
        Action::EraseCustomer(_) | Action::ErasePermission(_) => {}
    }
    Ok(action)
}

fn action_of(path: &(String, String, String)) -> Result<Action, Trouble> {
    let (what, id, action) = path;
    Action::of(what, id, action).ok_or(Trouble::Missing("action"))
}

fn respond(
    action: Action,
    status: StatusCode,
    template: &(impl Template + Titled),
) -> HttpResponse {
    frame::page(template.title(), action.section()).respond(status, template)
}

/// A template that knows its page's title.
trait Titled {
    fn title(&self) -> &str;
}

fn count(action: Action) {
    metrics::counter!("console_actions_total", "action" => action.name()).increment(1);
}

pub(crate) fn describe_metrics() {
    metrics::describe_counter!(
        "console_actions_total",
        "What operators did in the console, by what it was"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_action_is_one_of_these() {
        let id = "11111111-1111-4111-8111-111111111111";
        for (what, id, action) in [
            ("jobs", "7", "retry"),
            ("jobs", "7", "discard"),
            ("customers", id, "release"),
            ("customers", id, "erase"),
            ("permissions", id, "terminate"),
            ("permissions", id, "erase"),
        ] {
            let found = Action::of(what, id, action).unwrap();
            assert_eq!(found.page(), format!("/console/{what}/{id}"));
            assert_eq!(found.name(), action);
        }
        for (what, id, action) in [
            ("jobs", "x", "retry"),
            ("jobs", "7", "erase"),
            ("customers", "7", "erase"),
            ("permissions", id, "release"),
            ("..", id, "erase"),
        ] {
            assert_eq!(Action::of(what, id, action), None, "{what}/{id}/{action}");
        }
    }
}
