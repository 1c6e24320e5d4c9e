//! Batches: a feed at once where that is possible, 202 and a notification otherwise.

use actix_web::HttpResponse;
use uuid::Uuid;

use super::access::Consent;
use super::feed::Group;
use super::{Refusal, Request};
use crate::config::Asynchronous;
use crate::grants::Authorization;
use crate::model::{DayRange, ModelError};
use crate::world::Deferred;

impl Request<'_> {
    pub(super) fn batch_usage_point(&self, id: u64, point: &str) -> Result<HttpResponse, Refusal> {
        let consent = self.consent(id)?;
        consent.chosen(|data| data.usage)?;
        let point = self.usage_point(&consent, point)?;
        if let Some(correlation) = self.window.correlation {
            return self.deferred(correlation, &consent);
        }
        let days = self.days(&consent.authorization)?;
        if days.is_empty() {
            return Err(Refusal::NoContent);
        }
        let later = match self.world.config.behaviour.asynchronous {
            Asynchronous::Always => true,
            Asynchronous::PerCustomer => consent.customer.asynchronous,
            Asynchronous::Never => false,
        };
        if later {
            let batch = Deferred {
                path: self.path.clone(),
                subscription: id,
                usage_points: vec![point.id.clone()],
                days,
            };
            return Ok(self.defer(&consent.authorization.client_id, vec![batch]));
        }
        let groups = consent.groups(std::slice::from_ref(&point.id));
        self.stream(id, self.path.clone(), groups, days)
    }

    /// One result per usage point, all announced together.
    pub(super) fn batch_subscription(&self, id: u64) -> Result<HttpResponse, Refusal> {
        let consent = self.consent(id)?;
        consent.chosen(|data| data.usage)?;
        if let Some(correlation) = self.window.correlation {
            return self.deferred(correlation, &consent);
        }
        let days = self.days(&consent.authorization)?;
        if days.is_empty() {
            return Err(Refusal::NoContent);
        }
        let batches = consent.usage_points().map(|point| Deferred {
            path: self.path.clone(),
            subscription: id,
            usage_points: vec![point.id.clone()],
            days,
        });
        Ok(self.defer(&consent.authorization.client_id, batches.collect()))
    }

    /// One result per active subscription of the third party, all announced together.
    pub(super) fn bulk(&self, id: u64) -> Result<HttpResponse, Refusal> {
        let client = self
            .world
            .clients
            .by_id(self.caller.client()?)
            .ok_or(Refusal::Forbidden)?;
        if client.bulk_id != id {
            return Err(Refusal::Forbidden);
        }
        if let Some(correlation) = self.window.correlation {
            let batch = self.announced(correlation)?;
            let consent = Consent::of(self.world, batch.subscription)?;
            return self.deferred(correlation, &consent);
        }
        let now = self.world.now();
        let active: Vec<Authorization> = {
            let state = self.world.state();
            let mine = state
                .grants
                .all()
                .filter(|a| a.client_id == client.id && a.status(now) == 1);
            mine.filter(|a| a.choice.data.usage).cloned().collect()
        };
        let mut batches = Vec::new();
        for authorization in active {
            let days = self.days(&authorization)?;
            if !days.is_empty() {
                let usage_points = authorization.choice.usage_points;
                let (path, subscription) = (self.path.clone(), authorization.id);
                batches.push(Deferred {
                    path,
                    subscription,
                    usage_points,
                    days,
                });
            }
        }
        if batches.is_empty() {
            return Err(Refusal::NoContent);
        }
        Ok(self.defer(&client.id, batches))
    }

    /// Answers 202; the results can be fetched from now on, and a notification will say so.
    fn defer(&self, client_id: &str, batches: Vec<Deferred>) -> HttpResponse {
        let about = batches.first().map(|batch| batch.subscription);
        let mut resources = Vec::new();
        {
            let mut state = self.world.state();
            for batch in batches {
                let correlation = self.world.random.uuid();
                resources.push(
                    self.world
                        .resource(&format!("{}?correlationID={correlation}", batch.path)),
                );
                state.deferred.insert(correlation, batch);
            }
        }
        if self.world.config.notifications.notify_noise {
            let nowhere = format!("{}?correlationID={}", self.path, Uuid::nil());
            resources.extend(resources.first().cloned());
            resources.push(self.world.resource(&nowhere));
        }
        self.world.notify(client_id, about, resources);
        HttpResponse::Accepted().finish()
    }

    /// The announced batch, when it was announced under this very path.
    fn announced(&self, correlation: Uuid) -> Result<Deferred, Refusal> {
        let batch = self.world.state().deferred.get(&correlation).cloned();
        batch
            .filter(|batch| batch.path == self.path)
            .ok_or_else(|| self.not_found())
    }

    fn deferred(&self, correlation: Uuid, consent: &Consent) -> Result<HttpResponse, Refusal> {
        let batch = self.announced(correlation)?;
        let groups = consent.groups(&batch.usage_points);
        self.stream(batch.subscription, self.path.clone(), groups, batch.days)
    }

    /// A week of the first customer, under a subscription that does not exist.
    pub(super) fn sample(&self) -> Result<HttpResponse, Refusal> {
        self.caller.client()?;
        let customer = self
            .world
            .model
            .customers()
            .first()
            .ok_or_else(|| self.not_found())?;
        let last = self.world.last_day()?;
        let first = last
            .checked_sub(jiff::Span::new().days(6))
            .map_err(ModelError::Day)?;
        let groups = customer
            .usage_points
            .iter()
            .map(|point| Group::UsagePoint {
                point: point.clone(),
                billing: true,
            })
            .collect();
        self.stream(0, self.path.clone(), groups, DayRange::new(first, last))
    }
}
