//! What all parts of the service share.

use std::sync::Arc;

use diesel_async::AsyncPgConnection;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use job_queue::{Listener, NewJob, QueueError};
use pages::operator::Operator;
use pages::sse::Streams;
use pages::texts::Texts;
use permission::{BundleId, Generation, PermissionId, code};
use service_kit::clock::SharedClock;
use service_kit::program::Context;
use service_kit::random::{SharedRandom, SystemRandom};
use service_kit::shutdown::Shutdown;
use storage::Database;
use storage::aiida::permission::Permission;
use storage::kinds::WebhookDeliver;

use crate::ServeError;
use crate::config::Config;
use crate::data_needs::DataNeeds;
use crate::feed::Feed;
use crate::pages as households;
use crate::passwords::Passwords;
use crate::tokens::{SignError, Tokens};
use crate::under_way::Acceptances;

/// Endless answers (event streams) at a time; more are asked to come back.
const MOST_STREAMS: usize = 2000;

/// Shared by the handlers of requests and jobs.
pub(crate) struct Service {
    pub(crate) database: Database,
    pub(crate) listener: Listener,
    pub(crate) clock: SharedClock,
    pub(crate) random: SharedRandom,
    pub(crate) shutdown: Shutdown,
    pub(crate) config: Config,
    pub(crate) data_needs: DataNeeds,
    /// Where homes reach us, without a slash at its end.
    pub(crate) public_url: String,
    /// The broker as homes reach it.
    pub(crate) homes_url: String,
    pub(crate) tokens: Tokens,
    pub(crate) feed: Feed,
    pub(crate) open_pages: households::OpenPages,
    pub(crate) acceptances: Acceptances,
    pub(crate) passwords: Passwords,
    pub(crate) streams: Streams,
    /// Who asks, as households see it.
    pub(crate) operator: Operator,
    pub(crate) texts: Texts,
}

impl Service {
    pub(crate) fn new(
        config: Config,
        database: Database,
        context: &Context,
    ) -> Result<Self, ServeError> {
        let settings = config.facade.settings()?;
        let cost = config.facade.aiida_bcrypt_cost;
        let processors = std::thread::available_parallelism().map_or(2, usize::from);
        Ok(Self {
            listener: database.listen(&context.shutdown),
            clock: Arc::clone(&context.clock),
            random: Arc::clone(&context.random),
            shutdown: context.shutdown.clone(),
            data_needs: DataNeeds::load(config.facade.aiida_data_needs.as_deref())?,
            public_url: settings.public_url,
            homes_url: settings.homes_url,
            tokens: settings.tokens,
            feed: Feed::new(),
            open_pages: households::OpenPages::default(),
            acceptances: Acceptances::default(),
            // A source of their own: they are made at moments that nobody can foretell.
            passwords: Passwords::new(processors, cost, &SystemRandom::shared()),
            streams: Streams::new(MOST_STREAMS, context.shutdown.clone()),
            operator: config.operator.load()?,
            texts: households::texts()?,
            database,
            config,
        })
    }

    /// Today, as homes count days: UTC.
    pub(crate) fn today(&self) -> Date {
        self.clock.now().to_zoned(TimeZone::UTC).date()
    }

    /// Enqueues `jobs`, and the delivery to the eligible party's webhook where there is one: before the change that
    /// it tells of, in the same transaction. Answers the ids of `jobs`.
    pub(crate) async fn announce(
        &self,
        conn: &mut AsyncPgConnection,
        mut jobs: Vec<NewJob>,
    ) -> Result<Vec<i64>, QueueError> {
        let wanted = jobs.len();
        if self.config.webhook.webhook_url.is_some() {
            jobs.push(NewJob::new(&WebhookDeliver {})?);
        }
        let mut ids = job_queue::enqueue(conn, &jobs).await?;
        ids.truncate(wanted);
        Ok(ids)
    }

    /// The current code, for permissions whose codes are shown since `sent_at`.
    pub(crate) fn bundle(
        &self,
        bundle: BundleId,
        permissions: &[PermissionId],
        sent_at: Timestamp,
    ) -> Result<code::Bundle, SignError> {
        let token = self.token(permissions, Generation::Bundle, sent_at)?;
        let base = self.public_url.as_str();
        Ok(code::bundle(base, bundle, permissions, &token))
    }

    /// The code of older homes for one permission; `None` when they cannot serve its data need.
    pub(crate) fn single(
        &self,
        permission: &Permission,
        sent_at: Timestamp,
    ) -> Result<Option<code::Single>, SignError> {
        if !permission.data_need.serves(Generation::Single) {
            return Ok(None);
        }
        let token = self.token(&[permission.id], Generation::Single, sent_at)?;
        let base = self.public_url.as_str();
        let name = &permission.data_need.name;
        Ok(Some(code::single(
            base,
            permission.bundle,
            permission.id,
            name,
            &token,
        )))
    }

    fn token(
        &self,
        permissions: &[PermissionId],
        code: Generation,
        sent_at: Timestamp,
    ) -> Result<String, SignError> {
        let timeout = self.config.process.timeout();
        let expires_at = sent_at.saturating_add(timeout).unwrap_or(Timestamp::MAX);
        self.tokens.issue(permissions, code, sent_at, expires_at)
    }
}

pub(crate) fn describe_metrics() {
    metrics::describe_counter!(
        "aiida_permissions_requested_total",
        "Permissions whose code was shown"
    );
    metrics::describe_counter!(
        "aiida_handshakes_total",
        "Answers of homes to requests, by operation and outcome"
    );
    metrics::describe_histogram!(
        "aiida_accept_seconds",
        metrics::Unit::Seconds,
        "Time from a home's ACCEPT to its answer"
    );
    metrics::describe_counter!(
        "aiida_hashes_refused_total",
        "Acceptances for which there was no room: homes that are stranded"
    );
    metrics::describe_counter!(
        "aiida_requests_refused_total",
        "Requests for permissions by strangers that were turned away, by reason"
    );
    metrics::describe_counter!(
        "aiida_permissions_pruned_total",
        "Ended permissions that were deleted when their time was over"
    );
    metrics::describe_counter!(
        "aiida_status_messages_total",
        "What homes told of their permissions, by status and outcome"
    );
    metrics::describe_counter!(
        "aiida_clock_total",
        "What time has done to permissions, by status"
    );
    metrics::describe_counter!(
        "aiida_grants_late_total",
        "Homes that were answered before the broker knew them"
    );
    metrics::describe_counter!(
        "aiida_origins_refused_total",
        "Requests of pages whose site the operator has not named"
    );
    metrics::describe_counter!(
        "aiida_page_looks_total",
        "Looks at the database for the permission pages that are open, up to 200 of them at a time"
    );
    metrics::describe_counter!("aiida_swept_total", "Steps without a job that were found");
    metrics::describe_gauge!(
        "aiida_permissions_stuck",
        "Permissions in a state in which none can rest, as of this replica's last look"
    );
    // An increase from nothing would not be seen as one.
    metrics::counter!("aiida_hashes_refused_total").increment(0);
    metrics::counter!("aiida_grants_late_total").increment(0);
}
