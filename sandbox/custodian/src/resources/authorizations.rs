//! Authorizations and the third party's own registration: what the third party sees of them, and
//! how it ends one.

use actix_web::HttpResponse;
use espi::{ApplicationInformation, AuthorizationStatus, Content, Entry, Period};
use jiff::Timestamp;

use super::entries::Entries;
use super::{Refusal, Request, stream};
use crate::clients::Client;
use crate::grants::{Authorization, State};
use crate::model::{Calendar, DayRange};

impl Request<'_> {
    /// The caller's authorization with this id, unless it was deleted.
    fn own_authorization(&self, id: u64) -> Result<Authorization, Refusal> {
        let client = self.caller.client()?;
        let found = self.world.state().grants.get(id).cloned();
        found
            .filter(|a| a.client_id == client && a.state != State::Deleted)
            .ok_or_else(|| self.not_found())
    }

    pub(super) fn authorization(&self, id: u64) -> Result<HttpResponse, Refusal> {
        let authorization = self.own_authorization(id)?;
        let published = self.world.published_days(&authorization)?;
        let calendar = self.world.model.calendar();
        let entry = self.entries(id).authorization(
            &authorization,
            calendar,
            published,
            self.world.now(),
        )?;
        stream::entry(&entry)
    }

    pub(super) fn authorizations(&self) -> Result<HttpResponse, Refusal> {
        let client = self.caller.client()?;
        let all: Vec<Authorization> = {
            let state = self.world.state();
            let mine = state
                .grants
                .all()
                .filter(|a| a.client_id == client && a.state != State::Deleted);
            mine.cloned().collect()
        };
        let calendar = self.world.model.calendar();
        let entries = self.entries(0);
        let mut list = Vec::new();
        for authorization in &all {
            let published = self.world.published_days(authorization)?;
            list.push(entries.authorization(
                authorization,
                calendar,
                published,
                self.world.now(),
            )?);
        }
        stream::feed_of(&entries, &self.path, &list)
    }

    pub(super) fn delete_authorization(&self, id: u64) -> Result<HttpResponse, Refusal> {
        let client = self.own_authorization(id)?.client_id;
        let deleted = self
            .world
            .state()
            .grants
            .delete(self.world.now(), &client, id);
        if deleted {
            Ok(HttpResponse::Ok().finish())
        } else {
            Err(self.not_found())
        }
    }

    pub(super) fn application_information(&self, id: u64) -> Result<HttpResponse, Refusal> {
        let client = self
            .world
            .clients
            .by_id(self.caller.registration()?)
            .ok_or(Refusal::Forbidden)?;
        if client.bulk_id != id {
            return Err(Refusal::Forbidden);
        }
        stream::entry(
            &self
                .entries(0)
                .application_information(client, &self.world.api_base),
        )
    }
}

impl Entries {
    fn authorization(
        &self,
        authorization: &Authorization,
        calendar: &Calendar,
        published: DayRange,
        now: Timestamp,
    ) -> Result<Entry, Refusal> {
        let id = authorization.id;
        let own = format!("Authorization/{id}");
        let seconds = |from: Timestamp, to: Timestamp| to.as_second() - from.as_second();
        // An authorization without an end: PG&E writes a length of thousands of years.
        let authorized = authorization.choice.until.map_or(251_963_658_000, |until| {
            seconds(authorization.created, until)
        });
        let published_from = calendar.instant(published.first.at(0, 0, 0, 0))?;
        let published_to =
            calendar.instant(published.last.max(published.first).at(23, 59, 59, 0))?;
        let content = espi::Authorization {
            authorized_period: Some(Period {
                start: Some(authorization.created),
                duration: Some(authorized),
            }),
            published_period: Some(Period {
                start: Some(published_from),
                duration: Some(seconds(published_from, published_to) + 1),
            }),
            status: Some(AuthorizationStatus::from_code(authorization.status(now))),
            expires_at: authorization.token_expires,
            scope: Some(authorization.scope()),
            token_type: Some("Bearer".to_owned()),
            resource_uri: Some(self.href(&format!("Subscription/{id}"))),
            authorization_uri: Some(self.href(&own)),
            customer_resource_uri: authorization
                .choice
                .data
                .account
                .then(|| self.href(&format!("Batch/RetailCustomer/{id}"))),
            error: None,
        };
        let mut entry = self.entry(
            "Authorization",
            &own,
            &[],
            None,
            Content::Authorization(content),
        );
        entry.published = Some(authorization.created);
        entry.updated = Some(authorization.updated);
        Ok(entry)
    }

    fn application_information(&self, client: &Client, api_base: &str) -> Entry {
        let content = ApplicationInformation {
            data_custodian_id: Some("PGE".to_owned()),
            data_custodian_application_status: Some(2),
            third_party_notify_uri: client.notification_uri.as_ref().map(ToString::to_string),
            token_endpoint: Some(format!("{api_base}/datacustodian/oauth/v2/token")),
            bulk_request_uri: Some(self.href(&format!("Batch/Bulk/{}", client.bulk_id))),
            resource_endpoint: Some(self.href("")),
            client_id: Some(client.id.clone()),
            client_name: Some(client.name.clone()),
            redirect_uris: client.redirect_uris.clone(),
            ..ApplicationInformation::default()
        };
        let own = format!("ApplicationInformation/{}", client.bulk_id);
        let content = Content::ApplicationInformation(content);
        self.entry("ApplicationInformation", &own, &[], None, content)
    }
}
