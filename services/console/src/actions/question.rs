//! The page that asks before anything is done: what will happen, what cannot be undone, and what stands in the way.

use askama::Template;
use diesel_async::AsyncPgConnection;
use job_queue::operate::{self, JobRow};
use permission::Status;
use storage::aiida::permission as permissions;
use storage::erasure;
use storage::smd::AuthorizationId;
use storage::smd::authorization::{self, Stage};
use storage::smd::overview::{self, Customer};
use storage::smd::receipt::Receipt;

use super::{Action, Titled};
use crate::error::Trouble;
use crate::view::several;

#[derive(Template)]
#[template(path = "ask.html")]
pub(super) struct Question {
    title: String,
    /// Whose it is; in no title, which browsers keep.
    about: Option<String>,
    /// What the customer was told at the end.
    receipt: Option<Receipt>,
    /// What will happen.
    consequences: Vec<String>,
    /// Why it cannot be done now.
    obstacle: Option<String>,
    button: &'static str,
    is_dangerous: bool,
    /// Somebody has to say that they are sure, beyond pressing the button.
    needs_a_tick: bool,
    /// They have not.
    is_unanswered: bool,
    back: String,
}

impl Titled for Question {
    fn title(&self) -> &str {
        &self.title
    }
}

/// The job, if it is there.
pub(super) async fn job(conn: &mut AsyncPgConnection, id: i64) -> Result<JobRow, Trouble> {
    operate::show(conn, id)
        .await?
        .ok_or(Trouble::Missing("job"))
}

impl Question {
    /// What is to be asked, as things stand.
    pub(super) async fn of(conn: &mut AsyncPgConnection, action: Action) -> Result<Self, Trouble> {
        match action {
            Action::Retry(id) => Ok(Self::of_retry(action, &job(conn, id).await?)),
            Action::Discard(id) => Ok(Self::of_discard(action, &job(conn, id).await?)),
            Action::Release(id) => {
                let known = authorization::get(conn, id).await?;
                let known = known.ok_or(Trouble::Missing("customer"))?;
                let is_fetching = known.stage == Stage::Fetching;
                let customer = overview::get(conn, id).await?;
                let question = Self::new(action, "End this authorization at PG&E?", "End it")
                    .about(customer.as_ref().map(name))
                    .receipt(id)
                    .then("smd-fetcher ends the authorization at PG&E and erases its tokens.")
                    .then_if(is_fetching, "The history is still being fetched: it ends as failed, what was fetched is erased, and the customer's page says so.")
                    .then("Nothing more can be fetched under it; the customer would have to authorize again.");
                Ok(question.unless(known.released, "The authorization is ended already."))
            }
            Action::Terminate(id) => {
                let known = permissions::get(conn, id).await?;
                let known = known.ok_or(Trouble::Missing("permission"))?;
                let question = Self::new(action, "End this permission?", "End it")
                    .about(Some(known.connection_id))
                    .then("aiida-permission ends the permission and tells the home.")
                    .then("The home is shut out at the broker when it has answered, or after some days without an answer.")
                    .then("The household would have to be asked again.");
                Ok(question.unless(
                    known.status != Status::Accepted,
                    "Only a permission that is accepted has a home that can be told of the end.",
                ))
            }
            Action::EraseCustomer(id) => {
                let about = overview::get(conn, id).await?.as_ref().map(name);
                let question = Self::of_erasing(conn, action, &id.to_string(), about).await?;
                Ok(question.receipt(id))
            }
            Action::ErasePermission(id) => {
                let about = permissions::get(conn, id).await?.map(|it| it.connection_id);
                Self::of_erasing(conn, action, &id.to_string(), about).await
            }
        }
    }

    fn new(action: Action, title: impl Into<String>, button: &'static str) -> Self {
        Self {
            title: title.into(),
            about: None,
            receipt: None,
            consequences: Vec::new(),
            obstacle: None,
            button,
            is_dangerous: !matches!(action, Action::Retry(_)),
            needs_a_tick: false,
            is_unanswered: false,
            back: action.page(),
        }
    }

    fn about(mut self, about: Option<String>) -> Self {
        self.about = about;
        self
    }

    const fn receipt(mut self, id: AuthorizationId) -> Self {
        self.receipt = Some(Receipt::of(id));
        self
    }

    fn then(mut self, what: impl Into<String>) -> Self {
        self.consequences.push(what.into());
        self
    }

    fn then_if(self, is_so: bool, what: &str) -> Self {
        if is_so { self.then(what) } else { self }
    }

    fn unless(mut self, is_so: bool, obstacle: &str) -> Self {
        if is_so {
            self.obstacle = Some(obstacle.to_owned());
        }
        self
    }

    /// The same, after the form came without a tick.
    pub(super) fn unanswered(mut self) -> Self {
        self.is_unanswered = true;
        self
    }

    fn of_retry(action: Action, job: &JobRow) -> Self {
        let title = format!("Run job {} ({}) again?", job.id, job.kind);
        let can_run = matches!(job.state.as_str(), "discarded" | "available");
        Self::new(action, title, "Run it")
            .then("It runs at once, with all its attempts, as soon as its service is there.")
            .then("Steps that were done already are not done twice.")
            .unless(!can_run, "The job runs or has ended.")
    }

    fn of_discard(action: Action, job: &JobRow) -> Self {
        let title = format!("Discard job {} ({})?", job.id, job.kind);
        let is_over = !matches!(job.state.as_str(), "available" | "running");
        Self::new(action, title, "Discard it")
            .then("It is given up, with what its kind declares for that case: a fetch that is given up ends as failed, and its authorization is ended.")
            .then_if(job.max_attempts.is_none(), "This kind is never given up by itself: what it was to do stays undone until a sweep finds it or you retry it.")
            .then("It stays in the list of discarded work, from where it can be retried.")
            .unless(is_over, "The job has ended already.")
    }

    async fn of_erasing(
        conn: &mut AsyncPgConnection,
        action: Action,
        id: &str,
        about: Option<String>,
    ) -> Result<Self, Trouble> {
        let found = erasure::find(conn, id).await?;
        if found.is_empty() {
            return Err(Trouble::Missing("customer"));
        }
        let (authorizations, permissions) = (found.authorizations.len(), found.permissions.len());
        let mut question =
            Self::new(action, "Erase this customer everywhere?", "Erase").about(about);
        question.needs_a_tick = true;
        Ok(question
            .then("This cannot be undone.")
            .then_if(
                authorizations > 0,
                &format!("{} of the same meters: readings, name and tokens go at once, then the files; what still stands at PG&E is ended.", several(authorizations, "authorization")),
            )
            .then_if(
                permissions > 0,
                &format!("{} of the same connection: readings and messages go at once. A home is not told: it is disconnected and cannot log in again.", several(permissions, "permission")),
            )
            .then("Files that somebody has downloaded, and backups, are not reached.")
            .then("What is left is the audit log, and a line without personal data where an authorization was."))
    }
}

/// A customer as the page before calls them.
fn name(customer: &Customer) -> String {
    let name = customer.customer_name.as_deref();
    name.unwrap_or("Customer without a name").to_owned()
}
