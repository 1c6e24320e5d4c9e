//! What both installations are asked.

use std::time::Instant;

use benches::Answer;
use benches::numbers::millis;
use demo::Stack;
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, RequestBuilder};
use serde_json::{Value, json};
use service_kit::random::{Random as _, SystemRandom};

use crate::fill;
use crate::homes::NEED_ID;

/// A question about the customer, household or permission with a number.
#[derive(Clone, Copy)]
pub(crate) enum Question {
    /// Somebody's browser.
    Page(fn(u64) -> String),
    /// The eligible party.
    Api(fn(u64) -> String),
    /// A home: from the code to the credentials.
    Handshake,
    /// The operator's browser; nginx looks at the password each time.
    Console(fn(u64) -> String),
    /// The operator: a command and its end.
    Command(&'static [&'static str]),
}

/// Not `metergate retention`: it counts everything that is stored, which takes the longer the more there is.
pub(crate) const QUESTIONS: [(&str, Question); 20] = [
    ("consent page", Question::Page(|_| "/".to_owned())),
    (
        "start of an authorization",
        Question::Page(|_| "/start".to_owned()),
    ),
    (
        "customer's progress page",
        Question::Page(|n| format!("/status/customer-{n}")),
    ),
    (
        "household's page",
        Question::Page(|n| format!("/permissions/household-{n}")),
    ),
    ("handshake of a home", Question::Handshake),
    (
        "API: newest permissions",
        Question::Api(|_| "permissions?limit=50".to_owned()),
    ),
    (
        "API: permissions of a connection",
        Question::Api(|n| format!("permissions?connectionId=connection-{n}")),
    ),
    (
        "API: a permission",
        Question::Api(|n| format!("permissions/{}", fill::id(n))),
    ),
    (
        "API: its readings",
        Question::Api(|n| format!("permissions/{}/readings?limit=100", fill::id(n))),
    ),
    (
        "API: a hundred events",
        Question::Api(|_| "events?limit=100".to_owned()),
    ),
    ("console: overview", Question::Console(|_| String::new())),
    (
        "console: newest customers",
        Question::Console(|_| "customers".to_owned()),
    ),
    (
        "console: newest permissions",
        Question::Console(|_| "permissions".to_owned()),
    ),
    (
        "console: customers of a stage",
        Question::Console(|_| "customers?stage=fetched".to_owned()),
    ),
    (
        "console: permissions of a status",
        Question::Console(|_| "permissions?status=ACCEPTED".to_owned()),
    ),
    (
        "console: a permission",
        Question::Console(|n| format!("permissions/{}", fill::id(n))),
    ),
    ("console: audit", Question::Console(|_| "audit".to_owned())),
    (
        "metergate customers list",
        Question::Command(&["customers", "list"]),
    ),
    (
        "metergate permissions list",
        Question::Command(&["permissions", "list"]),
    ),
    ("metergate jobs list", Question::Command(&["jobs", "list"])),
];

/// Asks one installation.
pub(crate) struct Asker {
    client: Client,
    url: String,
    key: String,
    operator: [(&'static str, String); 1],
    /// Name and password at the console.
    login: (String, String),
    people: u64,
}

impl Asker {
    pub(crate) fn new(stack: &Stack, people: i32) -> Answer<Self> {
        let site = stack.site();
        let authority = std::fs::read(&site.authority)?;
        Ok(Self {
            client: Client::builder()
                .tls_certs_only(Certificate::from_pem_bundle(&authority)?)
                .redirect(Policy::none())
                .no_proxy()
                .build()?,
            url: site.url.clone(),
            key: site.api_key.clone().ok_or("no key to the API")?,
            operator: [("METERGATE_DATABASE_URL", stack.database_url())],
            login: (site.operator.clone(), site.password.clone()),
            people: u64::try_from(people)?,
        })
    }

    /// Milliseconds to the whole answer; somebody else is asked about in each round.
    pub(crate) async fn ask(&self, question: Question, round: usize) -> Answer<f64> {
        let number = u64::try_from(round)?.wrapping_mul(7919) % self.people + 1;
        let asked = Instant::now();
        match question {
            Question::Page(path) => read(self.get(&path(number))).await?,
            Question::Api(path) => {
                let request = self.get(&format!("/api/v1/{}", path(number)));
                read(request.bearer_auth(&self.key)).await?;
            }
            Question::Console(path) => {
                let (name, password) = &self.login;
                let request = self.get(&format!("/console/{}", path(number)));
                read(request.basic_auth(name, Some(password))).await?;
            }
            Question::Handshake => self.handshake().await?,
            Question::Command(arguments) => self.command(arguments).await?,
        }
        Ok(millis(asked.elapsed()))
    }

    fn at(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    fn get(&self, path: &str) -> RequestBuilder {
        self.client.get(self.at(path))
    }

    async fn handshake(&self) -> Answer<()> {
        let asked = json!({"connectionId": "somebody", "dataNeedIds": [NEED_ID]});
        let begin = self.at("/region-connectors/aiida/permission-request");
        let code = self.client.post(begin).json(&asked).send().await?;
        let code: Value = code.error_for_status()?.json().await?;
        let text = |value: Option<&Value>| {
            let text = value.and_then(Value::as_str).map(str::to_owned);
            text.ok_or("the code is incomplete")
        };
        let id = text(code.pointer("/permissionIds/0"))?;
        let url = text(code.get("handshakeUrl"))?.replace("{permissionId}", &id);
        let token = text(code.get("accessToken"))?;
        read(self.client.get(&url).bearer_auth(&token)).await?;
        let yes = json!({"operation": "ACCEPT", "aiidaId": SystemRandom.uuid()});
        let accept = self.client.patch(&url).bearer_auth(&token).json(&yes);
        let credentials: Value = accept.send().await?.error_for_status()?.json().await?;
        text(credentials.get("password"))?;
        Ok(())
    }

    async fn command(&self, arguments: &[&str]) -> Answer<()> {
        let mut command = tokio::process::Command::new(test_support::binary::path("metergate")?);
        command.args(arguments).env_clear();
        let output = command.envs(self.operator.clone()).output().await?;
        if output.status.success() {
            Ok(())
        } else {
            Err(String::from_utf8_lossy(&output.stderr).into())
        }
    }
}

/// Asks, and takes the whole answer.
async fn read(request: RequestBuilder) -> Answer<()> {
    request.send().await?.error_for_status()?.bytes().await?;
    Ok(())
}
