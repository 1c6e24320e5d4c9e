//! One service, one database, one browser without scripts.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use clap::Parser;
use reqwest::redirect::Policy;
use reqwest::{Client, StatusCode};
use scraper::{Html, Selector};
use service_kit::http::PublicServer;
use service_kit::program::Context;
use test_support::TestDatabase;
use tokio::task::JoinHandle;

/// What nginx says.
const OPERATOR: (&str, &str) = ("X-Metergate-Operator", "alice");
const READER: (&str, &str) = ("X-Metergate-Reader", "analyst");

/// An authorization whose files are written.
pub(crate) const CUSTOMER: &str = "11111111-1111-4111-8111-111111111111";
/// A permission that was accepted and sends.
pub(crate) const PERMISSION: &str = "22222222-2222-4222-8222-222222222222";
/// Nobody.
pub(crate) const UNKNOWN: &str = "00000000-0000-4000-8000-000000000000";
/// What whoever may write something here might write.
pub(crate) const MARKUP: &str = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'`{{7*7}}";

#[derive(Parser)]
struct ServiceCli {
    #[command(flatten)]
    config: console::Config,
}

pub(crate) struct Site {
    pub(crate) database: TestDatabase,
    pub(crate) base: String,
    pub(crate) output: PathBuf,
    client: Client,
    context: Context,
    _serving: JoinHandle<()>,
    _folder: tempfile::TempDir,
}

/// A page as it came.
pub(crate) struct Page {
    pub(crate) status: StatusCode,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) body: String,
}

impl Page {
    pub(crate) fn select(&self, selector: &str) -> Vec<String> {
        let selector = Selector::parse(selector).unwrap();
        let html = Html::parse_document(&self.body);
        let found = html.select(&selector);
        found
            .map(|element| element.text().collect::<String>())
            .map(|text| text.split_whitespace().collect::<Vec<_>>().join(" "))
            .collect()
    }

    pub(crate) fn attribute(&self, selector: &str, name: &str) -> Option<String> {
        let selector = Selector::parse(selector).unwrap();
        let html = Html::parse_document(&self.body);
        let found = html.select(&selector).next()?;
        found.attr(name).map(str::to_owned)
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value.map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn text(&self) -> String {
        self.select("main").join(" ")
    }
}

impl Site {
    pub(crate) async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let output = folder.path().join("output");
        std::fs::create_dir(&output).unwrap();
        let database = TestDatabase::new().await;
        let login = format!("login_{}", database.name());
        database
            .sql(&format!(
                "CREATE ROLE {login} LOGIN PASSWORD 'fictional' IN ROLE metergate_console"
            ))
            .await
            .unwrap();
        let url = database.url_as(&login, "fictional");
        let server = PublicServer::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).unwrap();
        let base = format!("http://{}", server.address());
        let arguments = [
            "console",
            "--database-url",
            &url,
            "--output-dir",
            output.to_str().unwrap(),
            "--smd-certificate",
            "/nonexistent/certificate.crt",
        ];
        let config = ServiceCli::try_parse_from(arguments).unwrap().config;
        let context = Context::new();
        let serving = console::serve(server, config, context.clone());
        let serving = tokio::spawn(async move { serving.await.unwrap() });
        service_kit::http::install_tls_provider();
        let client = Client::builder()
            .redirect(Policy::none())
            .no_proxy()
            .build()
            .unwrap();
        Self {
            database,
            base,
            output,
            client,
            context,
            _serving: serving,
            _folder: folder,
        }
    }

    /// The same with a customer, a permission, and one of everything that pages list.
    pub(crate) async fn inhabited() -> Self {
        let site = Self::start().await;
        site.sql(&inhabitants()).await;
        site
    }

    pub(crate) async fn sql(&self, statements: &str) {
        self.database.sql(statements).await.unwrap();
    }

    pub(crate) async fn number(&self, query: &str) -> i64 {
        self.database.number(query).await.unwrap()
    }

    pub(crate) async fn text(&self, query: &str) -> String {
        let text = self.database.text(query).await.unwrap();
        text.unwrap_or_default()
    }

    pub(crate) async fn get(&self, path: &str) -> Page {
        self.send("GET", path, &[OPERATOR, READER], "").await
    }

    /// A form of a page of ours, as a browser sends it under our referrer policy.
    pub(crate) async fn post(&self, path: &str, form: &str) -> Page {
        let headers = [
            OPERATOR,
            ("Sec-Fetch-Site", "same-origin"),
            ("Origin", "null"),
            ("Content-Type", "application/x-www-form-urlencoded"),
        ];
        self.send("POST", path, &headers, form).await
    }

    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Page {
        let method = method.parse().unwrap();
        let mut request = self.client.request(method, format!("{}{path}", self.base));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = request.body(body.to_owned()).send().await.unwrap();
        Page {
            status: answer.status(),
            headers: answer.headers().clone(),
            body: answer.text().await.unwrap(),
        }
    }

    /// A job about the customer, in this state; its id.
    pub(crate) async fn job(&self, kind: &str, state: &str, payload: &str, key: &str) -> i64 {
        let more = match state {
            "discarded" => "now(), NULL, NULL, NULL",
            "running" => "NULL, gen_random_uuid(), now() + interval '1 h', now() + interval '1 h'",
            _ => "NULL, NULL, NULL, NULL",
        };
        self.sql(&format!(
            "INSERT INTO jobs.job (kind, payload, state, run_at, unique_key, max_attempts, attempt, errors,
                 finished_at, lease_token, lease_expires_at, deadline_at)
             SELECT '{kind}', '{payload}', '{state}', now() + interval '1 day', '{key}', 5, 5,
                 ARRAY['attempt 5: {error}'], {more}",
            error = MARKUP.replace('\'', "''"),
        ))
        .await;
        self.number("SELECT max(id) FROM jobs.job").await
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.context.shutdown.begin_hard();
    }
}

/// One of everything, with markup wherever it can come from outside.
fn inhabitants() -> String {
    let markup = MARKUP.replace('\'', "''");
    format!(
        "INSERT INTO smd.authorization (id, subscription_id, authorization_uri, stage, authorized_at, customer_name,
             planned_at, fetched_at, exported_at, electricity_file, export_error)
         VALUES ('{CUSTOMER}', 'sub-{markup}', 'https://custodian.example/1', 'fetched', '2026-01-02T03:04:05.5Z',
             'Jane Example {markup}', now(), now(), now(), 'Jane-Example-7-20260102T030405Z-electricity.csv', '{markup}');
         INSERT INTO smd.usage_point VALUES ('{CUSTOMER}', 'up-7');
         INSERT INTO smd.authorization (id, subscription_id, stage, failure, authorized_at, customer_name)
         VALUES ('11111111-1111-4111-8111-111111111112', '8', 'failed', '{markup}', now(), 'Otto Muster');
         INSERT INTO aiida.permission (id, bundle_id, connection_id, data_need_id, data_need, meter_id, status, accepted_at,
             granted_at, status_at, starts_on, first_message_at, last_message_at)
         SELECT '{PERMISSION}', '{PERMISSION}', 'conn {markup}', '7d0c5b1e-40a6-4c52-9b1f-6f5f2c9a1e05', need, 'meter {markup}',
             'ACCEPTED', now(), now(), now(), current_date, now(), now()
         FROM (SELECT jsonb_build_object('type', 'outbound-aiida', 'id', '7d0c5b1e-40a6-4c52-9b1f-6f5f2c9a1e05',
             'name', 'Live {markup}', 'description', 'd', 'purpose', 'p', 'policyLink', 'https://party.example/privacy',
             'duration', jsonb_build_object('type', 'relativeDuration', 'start', 'P0D', 'end', 'P1Y'),
             'transmissionSchedule', '*/5 * * * * *', 'schemas', jsonb_build_array('SMART-METER-P1-RAW'),
             'asset', 'CONNECTION-AGREEMENT-POINT', 'dataTags', jsonb_build_array('1-0:1.7.0')) AS need) n;
         INSERT INTO aiida.permission_event (permission_id, status, cause, detail)
         VALUES ('{PERMISSION}', 'CREATED', 'request', NULL), ('{PERMISSION}', 'ACCEPTED', 'handshake', '{markup}');
         SELECT aiida.make_partitions(ARRAY[(now() AT TIME ZONE 'UTC')::date - 1, (now() AT TIME ZONE 'UTC')::date]);
         INSERT INTO aiida.reading (permission_id, sent_at, digest, nr, measured_at, obis, value, unit)
         SELECT '{PERMISSION}'::uuid, t, '\\x00'::bytea, 0, t, '1-0:1.7.0', 0.5 + extract(second FROM t) / 20, 'kW'
         FROM generate_series(now() - interval '10 minutes', now(), interval '5 seconds') t
         UNION ALL
         SELECT '{PERMISSION}'::uuid, now(), '\\x00'::bytea, 1, now(), '<b>', 1, '{markup}';
         INSERT INTO aiida.refusal VALUES ('{PERMISSION}', 'schema', 3, now());
         INSERT INTO aiida.refused_message (permission_id, topic, reason, payload)
         VALUES ('{PERMISSION}', 'aiida/v1/{markup}', 'schema', convert_to('{{\"a\": \"{markup}\"}}' || chr(27) || '[31m', 'UTF8')),
                (NULL, 'aiida/v1/x/data/outbound/y', 'unknown', '\\x00ff');
         INSERT INTO audit.event (action, subject, detail)
         VALUES ('smd.exported', '{CUSTOMER}', '{{\"file\": \"{markup_json}\"}}')",
        markup_json = markup.replace('"', "\\\""),
    )
}
