//! Starts a sandbox of one's own, with certificates made for it, and speaks to it.

mod certificates;
mod feeds;
mod html;
mod inbox;

use std::collections::BTreeMap;

use clap::Parser as _;
use custodian::control::{AuthorizationReport, CustomerReport};
use custodian::ledger::RequestCounts;
use custodian::model::{DayRange, FlowTruth};
use custodian::{Config, Custodian, Model};
use jiff::Timestamp;
use jiff::civil::Date;
use reqwest::{Client, IntoUrl, Response};
use serde::de::DeserializeOwned;
use serde_json::Value;
use service_kit::clock::ManualClock;
use service_kit::program::Context;
use service_kit::random::SeededRandom;
use url::Url;

pub(crate) use certificates::Certificates;
pub(crate) use feeds::{entries, outline, read};
pub(crate) use html::{back, fields, session};
pub(crate) use inbox::Inbox;

pub(crate) const CLIENT_ID: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
pub(crate) const SECRET: &str = "fictional-secret";
pub(crate) const OTHER_ID: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
pub(crate) const OTHER_SECRET: &str = "another-fictional-secret";
pub(crate) const CALLBACK: &str = "https://metergate.example.test/OAuthCallback";
pub(crate) const REGISTRATION: &str = "fictional-registration-token";
pub(crate) const BULK: u64 = 50_916;
pub(crate) const SEED: u64 = 11;
const RESOURCES: &str = "/GreenButtonConnect/espi/1_1/resource/";

/// A sandbox and what is needed to speak to it.
pub(crate) struct Sandbox {
    pub(crate) custodian: Custodian,
    pub(crate) clock: ManualClock,
    pub(crate) model: Model,
    pub(crate) certificates: Certificates,
    pub(crate) http: Client,
    pub(crate) context: Context,
}

/// The tokens of one authorization.
#[derive(Debug, Clone)]
pub(crate) struct Tokens {
    pub(crate) id: u64,
    pub(crate) access: String,
    pub(crate) refresh: String,
}

/// 18:00 UTC of 20 November 2026 is ten in the morning Pacific; data reach to 17 November.
pub(crate) fn start_time() -> Timestamp {
    "2026-11-20T18:00:00Z".parse().unwrap()
}

impl Sandbox {
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    /// A sandbox with more arguments; a later one overrides an earlier one.
    pub(crate) fn start_with(more: &[(&str, &str)]) -> Self {
        Self::start_flagged(more, &[])
    }

    /// As `start_with`, with flags that have no value.
    pub(crate) fn start_flagged(more: &[(&str, &str)], flags: &[&str]) -> Self {
        let certificates = Certificates::make();
        let mut arguments = certificates.arguments();
        for (name, value) in more {
            match arguments.iter().position(|argument| argument == name) {
                Some(at) => (*value).clone_into(&mut arguments[at + 1]),
                None => arguments.extend([(*name).to_owned(), (*value).to_owned()]),
            }
        }
        arguments.extend(flags.iter().map(|flag| (*flag).to_owned()));
        let arguments = ["custodian".to_owned()].into_iter().chain(arguments);
        let config = Config::try_parse_from(arguments).unwrap();
        let clock = ManualClock::new(start_time());
        let context = Context {
            clock: clock.shared(),
            random: SeededRandom::shared(SEED),
            ..Context::new()
        };
        let custodian = custodian::start(config, &context).unwrap();
        let http = certificates.http(Some(&certificates.client));
        let model = Model::beginning_at(SEED, start_time()).unwrap();
        Self {
            custodian,
            clock,
            model,
            certificates,
            http,
            context,
        }
    }

    pub(crate) fn page(&self, path: &str) -> String {
        format!("{}{path}", self.custodian.pages_base)
    }

    /// The text of a page, as a browser gets it.
    pub(crate) async fn html(&self, url: impl IntoUrl) -> String {
        let response = self.http.get(url).send().await.unwrap();
        assert_eq!(response.status(), 200);
        response.text().await.unwrap()
    }

    /// The page on which a customer of our client logs in.
    pub(crate) async fn login_page(&self) -> String {
        self.html(self.authorize_url(&[])).await
    }

    /// The page on which a customer who has logged in chooses what to share.
    pub(crate) async fn choose_page(&self, key: &str) -> String {
        let login = self.login_page().await;
        let choose = self.log_in("/myAuthorization/login", key, &login).await;
        assert_eq!(choose.status(), 200);
        choose.text().await.unwrap()
    }

    /// The page on which a customer who has logged in sees and ends what is shared.
    pub(crate) async fn manage_page(&self, key: &str) -> String {
        let path = "/myAuthorization/manage";
        let login = self.html(self.page(path)).await;
        self.log_in(path, key, &login).await.text().await.unwrap()
    }

    pub(crate) fn resource(&self, path: &str) -> String {
        format!("{}{RESOURCES}{path}", self.custodian.api_base)
    }

    pub(crate) fn token_url(&self) -> String {
        format!("{}/datacustodian/oauth/v2/token", self.custodian.api_base)
    }

    /// `GET` of a resource.
    pub(crate) async fn get(&self, path: &str, token: &str) -> Response {
        self.follow(&self.resource(path), token).await
    }

    pub(crate) async fn follow(&self, url: &str, token: &str) -> Response {
        self.http.get(url).bearer_auth(token).send().await.unwrap()
    }

    pub(crate) async fn status(&self, path: &str, token: &str) -> u16 {
        self.get(path, token).await.status().as_u16()
    }

    /// What the list of an authorization's usage points is answered with.
    pub(crate) async fn list_status(&self, tokens: &Tokens) -> u16 {
        let list = format!("Subscription/{}/UsagePoint", tokens.id);
        self.status(&list, &tokens.access).await
    }

    pub(crate) async fn delete(&self, path: &str, token: &str) -> Response {
        self.http
            .delete(self.resource(path))
            .bearer_auth(token)
            .send()
            .await
            .unwrap()
    }

    /// A token request with a form body.
    pub(crate) async fn token_request(&self, form: &[(&str, &str)]) -> Response {
        let request = self
            .http
            .post(self.token_url())
            .basic_auth(CLIENT_ID, Some(SECRET));
        request.form(form).send().await.unwrap()
    }

    pub(crate) async fn client_token(&self) -> String {
        let response = self
            .token_request(&[("grant_type", "client_credentials")])
            .await;
        assert_eq!(response.status(), 200);
        text(&json(response).await, "client_access_token")
    }

    /// The whole way of a customer who shares everything, up to the tokens.
    pub(crate) async fn authorize(&self, key: &str) -> Tokens {
        let back = self.click_through(key, &[]).await;
        self.exchange(&back["code"]).await
    }

    pub(crate) async fn exchange(&self, code: &str) -> Tokens {
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", CALLBACK),
        ];
        let response = self.token_request(&form).await;
        assert_eq!(response.status(), 200);
        tokens(&json(response).await)
    }

    pub(crate) fn authorize_url(&self, more: &[(&str, &str)]) -> Url {
        let mut url = Url::parse(&self.page("/myAuthorization")).unwrap();
        url.query_pairs_mut().extend_pairs([
            ("client_id", CLIENT_ID),
            ("redirect_uri", CALLBACK),
            ("response_type", "code"),
            ("state", "a state/with=signs&more"),
            ("login", "guest"),
        ]);
        url.query_pairs_mut().extend_pairs(more);
        url
    }

    /// Opens the page, logs in, takes the form as it stands (with `instead` of some fields) and
    /// authorizes. Gives the parameters of the way back.
    pub(crate) async fn click_through(
        &self,
        key: &str,
        instead: &[(&str, &str)],
    ) -> BTreeMap<String, String> {
        let mut form = fields(&self.choose_page(key).await);
        form.retain(|(name, _)| instead.iter().all(|(other, _)| other != name));
        form.extend(
            instead
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
        );
        form.push(("decision".to_owned(), "authorize".to_owned()));
        let done = self.post("/myAuthorization/decide", &form).await;
        back(&done)
    }

    pub(crate) async fn log_in(&self, path: &str, key: &str, html: &str) -> Response {
        let customer = self.model.customer(key).unwrap();
        let form = [
            ("session".to_owned(), session(html)),
            ("name".to_owned(), customer.name.clone()),
            ("account".to_owned(), customer.account.clone()),
        ];
        self.post(path, &form).await
    }

    pub(crate) async fn post(&self, path: &str, form: &[(String, String)]) -> Response {
        self.http
            .post(self.page(path))
            .form(form)
            .send()
            .await
            .unwrap()
    }

    pub(crate) async fn control<T: DeserializeOwned>(&self, path: &str) -> T {
        let response = self.http.get(self.page(path)).send().await.unwrap();
        assert_eq!(response.status(), 200, "{path}");
        serde_json::from_slice(&response.bytes().await.unwrap()).unwrap()
    }

    pub(crate) async fn counts(&self) -> RequestCounts {
        self.control("/sandbox/requests").await
    }

    pub(crate) async fn authorizations(&self) -> Vec<AuthorizationReport> {
        self.control("/sandbox/authorizations").await
    }

    pub(crate) async fn last_day(&self) -> Date {
        let customers: Vec<CustomerReport> = self.control("/sandbox/customers").await;
        customers[0].last_day
    }

    /// The truth about one usage point.
    pub(crate) fn truth(&self, key: &str, point: &str, days: DayRange) -> Vec<FlowTruth> {
        let customer = self.model.customer(key).unwrap();
        let truth = self.model.truth(customer, days).unwrap();
        truth
            .into_iter()
            .filter(|flow| flow.usage_point == point && flow.count > 0)
            .collect()
    }

    /// The id of a customer's usage point.
    pub(crate) fn point(&self, key: &str, index: usize) -> String {
        self.model.customer(key).unwrap().usage_points[index]
            .id
            .clone()
    }

    /// The path of a batch between the first seconds of two local days.
    pub(crate) fn batch(&self, id: u64, point: &str, first: Date, last: Date) -> String {
        let start = |day| self.model.calendar().bounds(day).unwrap().start;
        let (min, max) = (start(first), start(last));
        format!(
            "Batch/Subscription/{id}/UsagePoint/{point}?published-min={min}&published-max={max}"
        )
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.context.shutdown.begin_soft();
    }
}

pub(crate) fn tokens(body: &Value) -> Tokens {
    let id = text(body, "resourceURI")
        .rsplit('/')
        .next()
        .unwrap()
        .parse()
        .unwrap();
    Tokens {
        id,
        access: text(body, "access_token"),
        refresh: text(body, "refresh_token"),
    }
}

pub(crate) fn text(body: &Value, field: &str) -> String {
    body[field]
        .as_str()
        .unwrap_or_else(|| panic!("no text {field} in {body}"))
        .to_owned()
}

pub(crate) async fn json(response: Response) -> Value {
    response.json().await.unwrap()
}
