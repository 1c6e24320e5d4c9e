//! The resources under `/GreenButtonConnect/espi/1_1/resource`: which token may see which of them,
//! and what each answers. The documents themselves are made in `entries`, `feed` and `customer`.

mod access;
mod authorizations;
mod batches;
mod customer;
mod entries;
mod feed;
mod path;
mod stream;
mod window;

use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use espi::service_status::ServiceStatus;
use espi::writer;

pub(crate) use path::Resource;

use crate::gateway::Passed;
use crate::grants::Authorization;
use crate::model::{DayRange, ModelError, UsagePoint};
use crate::world::World;
use access::{Caller, Consent};
use entries::Entries;
use feed::Group;
use window::Window;

/// Why a request gets no document. PG&E's resources answer a bare status.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error("the token is missing, unknown or revoked")]
    Unauthorized,
    #[error("the token has expired")]
    Expired(StatusCode),
    #[error("the token is of the wrong class or for something else")]
    Forbidden,
    #[error("a parameter cannot be understood: {0}")]
    BadRequest(&'static str),
    #[error("{0} does not exist")]
    NotFound(String),
    #[error("there is nothing in that range")]
    NoContent,
    #[error(transparent)]
    Model(#[from] ModelError),
    #[error("the document could not be written: {0}")]
    Write(#[from] std::io::Error),
    #[error("the customer could not be written: {0}")]
    Render(askama::Error),
}

impl From<Refusal> for HttpResponse {
    fn from(refusal: Refusal) -> Self {
        let status = match &refusal {
            Refusal::Unauthorized => StatusCode::UNAUTHORIZED,
            Refusal::Expired(status) => *status,
            Refusal::Forbidden => StatusCode::FORBIDDEN,
            Refusal::BadRequest(_) => StatusCode::BAD_REQUEST,
            Refusal::NoContent => StatusCode::NO_CONTENT,
            // A body of its own, so that it can be told from the gateway's.
            Refusal::NotFound(_) => {
                return HttpResponse::NotFound()
                    .content_type("text/plain; charset=utf-8")
                    .body(refusal.to_string());
            }
            Refusal::Model(_) | Refusal::Write(_) | Refusal::Render(_) => {
                tracing::error!(error = %refusal, "a resource could not be answered");
                StatusCode::INTERNAL_SERVER_ERROR
            }
        };
        Self::build(status).finish()
    }
}

/// Answers a request for a resource.
pub(crate) fn answer(world: &Arc<World>, resource: &Resource, request: &Passed) -> HttpResponse {
    let caller = Caller::of(world, &request.credentials);
    let answered = caller.and_then(|caller| {
        let window = Window::parse(&request.query)?;
        Request {
            world,
            caller,
            window,
            path: resource.to_string(),
        }
        .answer(resource)
    });
    answered.unwrap_or_else(HttpResponse::from)
}

/// A request for a resource by a caller whose token is good.
struct Request<'w> {
    world: &'w Arc<World>,
    caller: Caller,
    window: Window,
    /// The path below the resources.
    path: String,
}

impl Request<'_> {
    fn answer(&self, resource: &Resource) -> Result<HttpResponse, Refusal> {
        use Resource as R;
        match resource {
            R::ServiceStatus => {
                self.caller.client()?;
                Ok(stream::document(
                    writer::service_status(ServiceStatus::Up).into_bytes(),
                ))
            }
            R::SampleData => self.sample(),
            R::Authorizations => self.authorizations(),
            R::Authorization(id) => self.authorization(*id),
            R::DeleteAuthorization(id) => self.delete_authorization(*id),
            R::ApplicationInformation(id) => self.application_information(*id),
            R::BatchBulk(id) => self.bulk(*id),
            R::ReadingTypes | R::ReadingType(_) | R::LocalTimeParameters => self.common(resource),
            R::BatchRetailCustomer(id) => {
                let consent = self.consent(*id)?;
                let chosen = consent.chosen(|data| data.account)?;
                customer::feed(self.world, *id, chosen)
            }
            R::BatchSubscription(id) => self.batch_subscription(*id),
            R::BatchUsagePoint(id, point) => self.batch_usage_point(*id, point),
            R::UsagePoints(id)
            | R::UsagePoint(id, _)
            | R::MeterReadings(id, _)
            | R::MeterReading(id, _, _)
            | R::IntervalBlocks(id, _, _)
            | R::UsageSummaries(id, _) => {
                let consent = self.consent(*id)?;
                self.subscription(*id, resource, &consent)
            }
        }
    }

    fn consent(&self, subscription: u64) -> Result<Consent, Refusal> {
        self.caller.consent(self.world, subscription)
    }

    fn entries(&self, subscription: u64) -> Entries {
        Entries::new(self.world.resource(""), subscription, self.world.now())
    }

    /// The days asked for, as far as they are published.
    fn days(&self, authorization: &Authorization) -> Result<DayRange, Refusal> {
        let published = self.world.published_days(authorization)?;
        Ok(self
            .window
            .days(self.world.model.calendar())
            .within(published))
    }

    /// What every subscription has in common.
    fn common(&self, resource: &Resource) -> Result<HttpResponse, Refusal> {
        let authorization = self.caller.authorization()?;
        let entries = self.entries(authorization);
        match resource {
            Resource::ReadingTypes => {
                let all = entries::READING_TYPES.map(|kind| entries.reading_type(kind));
                stream::feed_of(&entries, &self.path, &all)
            }
            Resource::ReadingType(id) => {
                let kind = entries::READING_TYPES
                    .into_iter()
                    .find(|kind| kind.id() == *id);
                let kind = kind.ok_or_else(|| self.not_found())?;
                stream::entry(&entries.reading_type(kind))
            }
            _ => stream::entry(&entries.local_time()),
        }
    }

    /// What lies below `Subscription/{id}`.
    fn subscription(
        &self,
        id: u64,
        resource: &Resource,
        consent: &Consent,
    ) -> Result<HttpResponse, Refusal> {
        let entries = self.entries(id);
        match resource {
            Resource::UsagePoint(_, point) => {
                stream::entry(&entries.usage_point(self.usage_point(consent, point)?))
            }
            Resource::MeterReadings(_, point) => {
                let point = self.usage_point(consent, point)?;
                let all: Vec<_> = point
                    .series
                    .iter()
                    .map(|series| entries.meter_reading(point, series))
                    .collect();
                stream::feed_of(&entries, &self.path, &all)
            }
            Resource::MeterReading(_, point, reading) => {
                let point = self.usage_point(consent, point)?;
                let series = point.series.iter().find(|series| series.id == *reading);
                stream::entry(
                    &entries.meter_reading(point, series.ok_or_else(|| self.not_found())?),
                )
            }
            Resource::IntervalBlocks(_, point, reading) => {
                consent.chosen(|data| data.usage)?;
                let point = self.usage_point(consent, point)?;
                let series = point.series.iter().position(|series| series.id == *reading);
                let series = series.ok_or_else(|| self.not_found())?;
                let groups = vec![Group::Blocks {
                    point: point.clone(),
                    series,
                }];
                self.stream(
                    id,
                    self.path.clone(),
                    groups,
                    self.days(&consent.authorization)?,
                )
            }
            Resource::UsageSummaries(_, point) => {
                consent.chosen(|data| data.billing)?;
                let groups = vec![Group::Summaries {
                    point: self.usage_point(consent, point)?.clone(),
                }];
                self.stream(
                    id,
                    self.path.clone(),
                    groups,
                    self.days(&consent.authorization)?,
                )
            }
            _ => {
                let all: Vec<_> = consent
                    .usage_points()
                    .map(|point| entries.usage_point(point))
                    .collect();
                stream::feed_of(&entries, &self.path, &all)
            }
        }
    }

    fn usage_point<'c>(&self, consent: &'c Consent, id: &str) -> Result<&'c UsagePoint, Refusal> {
        consent
            .usage_points()
            .find(|point| point.id == id)
            .ok_or_else(|| self.not_found())
    }

    fn not_found(&self) -> Refusal {
        Refusal::NotFound(self.path.clone())
    }

    /// The feed of these groups on these days.
    fn stream(
        &self,
        id: u64,
        path: String,
        groups: Vec<Group>,
        days: DayRange,
    ) -> Result<HttpResponse, Refusal> {
        if days.is_empty() {
            return Err(Refusal::NoContent);
        }
        let validated = self
            .world
            .last_day()?
            .checked_sub(jiff::Span::new().days(7))
            .map_err(ModelError::Day)?;
        let plan = feed::Plan {
            entries: self.entries(id),
            path,
            model: Arc::clone(&self.world.model),
            groups,
            days,
            validated,
        };
        Ok(stream::feed(plan))
    }
}
