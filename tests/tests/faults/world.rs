//! One stack with many customers at once, each with a fault of their own.

use std::time::Duration;

use custodian::control::AuthorizationReport;
use custodian::faults::{FaultReport, Rule};
use custodian::ledger::RequestCounts;
use demo::{Customer, Side, Site, Stack, StackOptions};
use futures_util::StreamExt as _;
use futures_util::stream;
use tempfile::TempDir;

use crate::cases::{Case, Company};
use crate::table::{End, Lasting};

/// How long one journey may take, with all its second attempts.
const LIMIT: Duration = Duration::from_mins(6);
/// How long a page may fail to load.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often time passes.
const TICK: Duration = Duration::from_millis(250);
/// Months of history that customers are owed.
pub(crate) const MONTHS: i32 = 1;

/// Two windows for each of two usage points, and limits of time that a test can wait for.
const SERVICES: &[(&str, &str)] = &[
    ("HISTORY_MONTHS", "1"),
    ("HISTORY_WINDOW_DAYS", "16"),
    ("SMD_REQUEST_TIMEOUT_SECONDS", "5"),
    ("SMD_TRANSFER_TIMEOUT_SECONDS", "8"),
    ("SMD_LONGEST_WAIT_SECONDS", "1"),
    ("SMD_FETCHER_CONCURRENCY", "24"),
];

/// A stack in a folder of its own.
pub(crate) struct World {
    pub(crate) stack: Stack,
    /// From outside, with the patience of a customer on a busy machine.
    pub(crate) site: Site,
    custodian: String,
    http: reqwest::Client,
    _folder: TempDir,
}

/// What became of a case.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) case: Case,
    /// The key of the customer.
    pub(crate) customer: String,
    /// What is not as it must be.
    pub(crate) wrong: Option<String>,
}

impl World {
    /// With a customer for each of these cases.
    pub(crate) async fn start(cases: &[Case]) -> Self {
        let later = cases.iter().filter(|case| case.place.is_later()).count();
        let crowd = (cases.len() - later).to_string();
        let custodian = [
            ("CROWD", crowd.as_str()),
            ("CROWD_LATER", &later.to_string()),
            ("NOTIFY_DELAY_MS", "100"),
            ("NOTIFY_ATTEMPTS", "2"),
        ];
        Self::start_with(&custodian).await
    }

    /// With these variables of the custodian.
    pub(crate) async fn start_with(custodian: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let variables = |prefix: &str, given: &[(&str, &str)]| {
            let named = given.iter();
            named
                .map(|(name, value)| (format!("{prefix}_{name}"), (*value).to_owned()))
                .collect()
        };
        let options = StackOptions {
            fast: true,
            side: Side::History,
            custodian: variables("METERGATE_CUSTODIAN", custodian),
            services: variables("METERGATE", SERVICES),
            nginx: vec![("NGINX_RATE".to_owned(), "500r/s".to_owned())],
            ..StackOptions::default()
        };
        let stack = Stack::start(folder.path(), &options).await.unwrap();
        service_kit::http::install_tls_provider();
        let mut site = stack.site().clone();
        site.patience = PATIENCE;
        let custodian = site.custodian.clone().unwrap();
        Self {
            stack,
            site,
            custodian,
            // A connection that lay idle may be closed at the very moment of the next request.
            http: reqwest::Client::builder()
                .pool_max_idle_per_host(0)
                .build()
                .unwrap(),
            _folder: folder,
        }
    }

    /// Walks every case's customer through, so many at once, while time passes quickly.
    pub(crate) async fn walk(&self, cases: &[Case], at_once: usize) -> Vec<Outcome> {
        let (mut crowd, mut later) = (1..=cases.len(), 1..=cases.len());
        let named = cases.iter().map(|case| {
            let (prefix, numbers) = if case.place.is_later() {
                ("later", &mut later)
            } else {
                ("crowd", &mut crowd)
            };
            (*case, format!("{prefix}-{}", numbers.next().unwrap()))
        });
        let named: Vec<(Case, String)> = named.collect();
        self.quickly(async {
            let mut outcomes = Vec::new();
            for (company, at_once) in [
                (Company::Anybody, at_once),
                (Company::Throttled, at_once),
                (Company::Nobody, 1),
            ] {
                let these = named.iter().filter(|(case, _)| case.company() == company);
                outcomes.extend(self.journeys(these.cloned().collect(), at_once).await);
            }
            outcomes
        })
        .await
    }

    async fn journeys(&self, named: Vec<(Case, String)>, at_once: usize) -> Vec<Outcome> {
        let journeys = named.into_iter().map(|(case, customer)| async move {
            let judged = self.journey(case, &customer).await;
            let wrong = judged
                .err()
                .map(|wrong| format!("{case} ({customer}): {wrong}"));
            if let Some(wrong) = &wrong {
                println!("{wrong}");
            }
            Outcome {
                case,
                customer,
                wrong,
            }
        });
        stream::iter(journeys)
            .buffer_unordered(at_once)
            .collect()
            .await
    }

    /// Does something while time passes quickly.
    pub(crate) async fn quickly<T>(&self, work: impl Future<Output = T>) -> T {
        tokio::select! {
            done = work => done,
            () = self.let_time_pass() => unreachable!("time never ends"),
        }
    }

    /// What waits for its time is due now: second attempts, the end of a closed budget, and the half hour
    /// after which a window is asked for again. The product's own times stay as they are.
    async fn let_time_pass(&self) {
        let pass = "
            UPDATE jobs.job SET run_at = now() WHERE state = 'available' AND run_at > now() AND unique_key <> 'schedule';
            UPDATE smd.budget SET closed_until = '-infinity', last_slot_at = least(last_slot_at, clock_timestamp());
            UPDATE smd.pull SET accepted_at = accepted_at - interval '1 hour'
            WHERE received_at IS NULL AND accepted_at BETWEEN clock_timestamp() - interval '50 minutes'
                                                          AND clock_timestamp() - interval '4 seconds'";
        loop {
            tokio::time::sleep(TICK).await;
            self.stack.sql(pass).await.unwrap();
        }
    }

    async fn journey(&self, case: Case, key: &str) -> Result<(), String> {
        let mut ids = Vec::new();
        for rule in case.rules(key) {
            ids.push(self.give(&rule).await);
        }
        let site = &self.site;
        let mut customer = Customer::new(site, key)
            .await
            .map_err(|it| it.to_string())?;
        self.authorize(case, &mut customer).await?;
        let page = customer
            .wait(LIMIT, |_| {})
            .await
            .map_err(|error| format!("{error}; {}", case.end_text()))?;
        let reports = self.faults().await;
        let fired: Vec<u64> = reports
            .iter()
            .filter(|report| ids.contains(&report.id))
            .map(|report| report.fired)
            .collect();
        if fired.contains(&0) {
            return Err(format!(
                "the fault never happened: {fired:?}; the page is {page}"
            ));
        }
        let fired = fired.first().copied().unwrap_or_default();
        let page = page.split("<main>").last().unwrap_or_default();
        self.judge(case, &customer, page, fired).await
    }

    /// Authorizes, as often as it takes: where the code comes to nothing, the page says so. That also befalls
    /// whoever comes back while the custodian throttles somebody else.
    async fn authorize(&self, case: Case, customer: &mut Customer) -> Result<(), String> {
        let least = match (case.end, case.lasting) {
            (End::StartsAgain, Some(Lasting::Times(times))) => times,
            (End::StartsAgain, _) => 1,
            _ => 0,
        };
        let site = &self.site;
        let mut refused = 0;
        loop {
            let logged_in = customer.log_in(site).await;
            logged_in.map_err(|error| error.to_string())?;
            let decide = "form button[value=authorize]";
            let page = customer.visitor.submit(decide, &[]).await;
            let page = page.map_err(|error| error.to_string())?;
            let (status, said) = (page.status, page.text());
            match status {
                200 if refused >= least => return Ok(()),
                200 => return Err(format!("the code was taken after {refused} refusals")),
                502 if said.contains("Nothing was fetched") && refused < least + 20 => refused += 1,
                _ => return Err(format!("{status} after {refused} refusals: {said}")),
            }
        }
    }

    /// Gives the custodian a rule.
    pub(crate) async fn give(&self, rule: &Rule) -> u64 {
        let url = format!("{}/sandbox/faults", self.custodian);
        let body = serde_json::to_vec(rule).unwrap();
        let answer = self.http.post(url).body(body).send().await.unwrap();
        let text = answer.text().await.unwrap();
        text.parse().unwrap_or_else(|_| panic!("{rule:?}: {text}"))
    }

    /// Takes all rules back.
    pub(crate) async fn mend(&self) {
        let url = format!("{}/sandbox/faults", self.custodian);
        self.http.delete(url).send().await.unwrap();
    }

    pub(crate) async fn faults(&self) -> Vec<FaultReport> {
        self.site.control("faults").await.unwrap()
    }

    /// All authorizations of a customer at the custodian, the newest last.
    pub(crate) async fn authorizations(&self, key: &str) -> Vec<AuthorizationReport> {
        let site = &self.site;
        let mut all: Vec<AuthorizationReport> = site.control("authorizations").await.unwrap();
        all.retain(|it| it.customer == key);
        all.sort_by_key(|it| it.id);
        all
    }

    /// What was run, in a line.
    pub(crate) async fn summary(&self, outcomes: &[Outcome]) -> String {
        let counts: RequestCounts = self.site.control("requests").await.unwrap();
        let ended = |end| outcomes.iter().filter(|it| it.case.end == end).count();
        let acted: u64 = self.faults().await.iter().map(|it| it.fired).sum();
        format!(
            "{} journeys: {} delivered, {} without a name, {} with empty windows, {} failed, {} withdrawn, {} started \
             again; {acted} faults in {} requests",
            outcomes.len(),
            ended(End::Delivered),
            ended(End::Nameless),
            ended(End::Shorter),
            ended(End::Failed),
            ended(End::Withdrawn),
            ended(End::StartsAgain),
            counts.total,
        )
    }
}

impl Case {
    fn end_text(self) -> String {
        format!("expected: {:?}", self.end)
    }
}
