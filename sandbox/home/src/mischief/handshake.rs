//! Over HTTP: asking for the details, and answering.

use std::path::Path;
use std::time::Duration;

use futures_util::future::join_all;
use reqwest::{Client, Method};
use serde_json::{Value, json};
use service_kit::random::SharedRandom;
use uuid::Uuid;

use super::spoil::spoil;
use super::{Done, Fault, Mischief, Misdeed, Step};
use crate::code::Invitation;
use crate::facade::http_client;
use crate::stream::ReportCell;
use crate::{Answer, FacadeError};

/// Requests of a flood.
const FLOOD: usize = 30;

/// An answer is lost within this many milliseconds.
const LOST_WITHIN: u64 = 40;

/// The longest payload that a facade has to take, and more.
const OVERSIZED: usize = 100_000;

/// The facade, as a home without manners sees it.
#[derive(Clone)]
pub(crate) struct Door {
    http: Client,
    aiida: Uuid,
    invitation: Invitation,
    random: SharedRandom,
}

/// What of an answer's faults comes before the household's own yes, and what after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum When {
    Before,
    /// There is no other yes.
    Instead,
    After,
}

impl When {
    const fn of(step: Step, fault: Fault) -> Self {
        match (step, fault) {
            (
                Step::Answer,
                Fault::Parallel
                | Fault::LostAnswer
                | Fault::OutOfOrder
                | Fault::NeverAnswers
                | Fault::Flood,
            )
            | (Step::Details, Fault::NeverAnswers) => Self::Instead,
            (Step::Answer, Fault::Duplicate | Fault::Contradictory | Fault::UnknownKeys)
            | (Step::Details, Fault::Late) => Self::After,
            _ => Self::Before,
        }
    }
}

impl Door {
    pub(crate) fn new(
        invitation: &Invitation,
        aiida: Uuid,
        authority: Option<&Path>,
        random: SharedRandom,
    ) -> Result<Self, FacadeError> {
        Ok(Self {
            http: http_client(authority)?,
            aiida,
            invitation: invitation.clone(),
            random,
        })
    }

    /// Does what is to be done wrong at a step, and notes the answers; true when there was something.
    pub(crate) async fn carry_out(
        &self,
        mischief: &Mischief,
        step: Step,
        when: When,
        report: &ReportCell,
    ) -> bool {
        let mut any = false;
        for fault in mischief.at(step) {
            if When::of(step, fault) != when {
                continue;
            }
            any = true;
            let answers = if step == Step::Details {
                self.details(mischief, fault).await
            } else {
                self.answer(mischief, fault).await
            };
            report.misdeed(Done {
                misdeed: Misdeed { step, fault },
                answers,
            });
        }
        any
    }

    async fn details(&self, mischief: &Mischief, fault: Fault) -> Vec<Answer> {
        let token = self.token(mischief, fault);
        let ask = async |url: &str| self.send(Method::GET, url, &token, None).await;
        let own = self.invitation.url.as_str();
        match fault {
            Fault::NeverAnswers => Vec::new(),
            Fault::ForeignPermission => vec![ask(&self.foreign(mischief)).await],
            Fault::Duplicate => vec![ask(own).await, ask(own).await],
            Fault::Parallel => join_all([ask(own), ask(own)]).await,
            Fault::Flood => join_all((0..FLOOD).map(|_| ask(own))).await,
            Fault::UnknownKeys => vec![ask(&format!("{own}?something=newer")).await],
            Fault::LostAnswer => vec![self.lost(ask(own)).await, ask(own).await],
            _ => vec![ask(own).await],
        }
    }

    async fn answer(&self, mischief: &Mischief, fault: Fault) -> Vec<Answer> {
        let token = self.token(mischief, fault);
        let send = async |body: Vec<u8>| {
            let url = &self.invitation.url;
            self.send(Method::PATCH, url, &token, Some(body)).await
        };
        let accept = || self.body("ACCEPT", None);
        match fault {
            Fault::NeverAnswers => Vec::new(),
            Fault::ForeignPermission => {
                let url = self.foreign(mischief);
                vec![self.send(Method::PATCH, &url, &token, Some(accept())).await]
            }
            Fault::Duplicate => vec![send(accept()).await, send(accept()).await],
            Fault::Parallel => join_all([send(accept()), send(accept())]).await,
            Fault::Flood => join_all((0..FLOOD).map(|_| send(accept()))).await,
            Fault::LostAnswer => vec![self.lost(send(accept())).await, send(accept()).await],
            Fault::Contradictory => {
                let reject = send(self.body("REJECT", None)).await;
                vec![reject, send(self.body("UNFULFILLABLE", None)).await]
            }
            Fault::UnknownKeys => vec![send(self.body("ACCEPT", Some("something newer"))).await],
            Fault::Oversized | Fault::BeyondBroker => {
                let mut body = accept();
                body.resize(OVERSIZED, b' ');
                vec![send(body).await]
            }
            Fault::OutOfOrder | Fault::ForgedToken | Fault::OtherToken => {
                vec![send(accept()).await]
            }
            _ => match spoil(fault, &accept()) {
                Some(body) => vec![send(body).await],
                None => Vec::new(),
            },
        }
    }

    /// The household's own answer once more, after the end of everything.
    pub(super) async fn accept_again(&self) -> Answer {
        let (url, token) = (&self.invitation.url, &self.invitation.token);
        let body = self.body("ACCEPT", None);
        self.send(Method::PATCH, url, token, Some(body)).await
    }

    fn token(&self, mischief: &Mischief, fault: Fault) -> String {
        let own = &self.invitation.token;
        let forged = || match own.rsplit_once('.') {
            // Its claims are good, its signature is that of nobody.
            Some((claims, signature)) => {
                format!("{claims}.{}", signature.chars().rev().collect::<String>())
            }
            None => "forged".to_owned(),
        };
        match fault {
            Fault::ForgedToken => forged(),
            Fault::OtherToken => mischief
                .victim
                .as_ref()
                .and_then(|victim| victim.token.clone())
                .unwrap_or_else(forged),
            _ => own.clone(),
        }
    }

    fn foreign(&self, mischief: &Mischief) -> String {
        let own = self.invitation.permission.to_string();
        let foreign = mischief.victim().permission.to_string();
        self.invitation.url.replace(&own, &foreign)
    }

    fn body(&self, operation: &str, newer: Option<&str>) -> Vec<u8> {
        let mut body = json!({ "operation": operation, "aiidaId": self.aiida });
        if let (Some(newer), Some(keys)) = (newer, body.as_object_mut()) {
            keys.insert("somethingNewer".to_owned(), Value::from(newer));
        }
        body.to_string().into_bytes()
    }

    /// Cuts the connection before the answer is there, or just after.
    async fn lost(&self, asking: impl Future<Output = Answer>) -> Answer {
        let byte = self.random.uuid().into_bytes()[0];
        let after = Duration::from_millis(u64::from(byte) % LOST_WITHIN);
        // What came is lost all the same.
        let _lost = tokio::time::timeout(after, asking).await;
        Answer::Silent
    }

    async fn send(&self, method: Method, url: &str, token: &str, body: Option<Vec<u8>>) -> Answer {
        let mut request = self.http.request(method, url).bearer_auth(token);
        if let Some(body) = body {
            request = request
                .header(reqwest::header::CONTENT_TYPE, "application/json")
                .body(body);
        }
        match request.send().await {
            Ok(answer) => Answer::Http(answer.status().as_u16()),
            Err(error) if error.is_timeout() => Answer::Silent,
            Err(_) => Answer::Closed(None),
        }
    }
}
