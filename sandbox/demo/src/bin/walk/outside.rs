//! The walk itself: one customer and two homes, or a load of both.

use std::time::{Duration, Instant};

use custodian::control::CustomerReport;
use demo::load::{self, Load};
use demo::{BoxError, Claims, Site, history, household};
use serde_json::{Value, json};

use crate::options::Walk;
use crate::{Ended, say};

/// Who is walked through when nobody says: a plain home, a solar home and gas.
const CUSTOMER: &str = "fable";

/// Walks to the end; what broke off is a claim that does not hold.
pub(crate) async fn walk(options: &Walk) -> Ended {
    let mut claims = Claims::default();
    let site = claims.take(
        "the stack and its sandbox custodian can be reached",
        |site: &Site| site.custodian.clone().unwrap_or_default(),
        in_words(options.site().await),
    );
    let mut details = Value::Null;
    if let Some(site) = site {
        details = match options.load {
            None => one_of_each(&site, options, &mut claims).await,
            Some(seconds) => under_load(&site, options, seconds, &mut claims).await,
        };
    }
    Ended { claims, details }
}

async fn one_of_each(site: &Site, options: &Walk, claims: &mut Claims) -> Value {
    let key = options.customer.first().map_or(CUSTOMER, String::as_str);
    say("a customer authorizes");
    let walked = history::walk(site, key, options.owed(), say).await;
    let claim = "the customer's page ends with 'delivered'";
    let mut details = json!({});
    if let Some(history) = claims.take(claim, |_| String::new(), in_words(walked)) {
        details = json!({
            "customer": key,
            "authorization": history.authorization.id,
            "files": history.files.len(),
            "intervals": history.totals.intervals.values().sum::<u64>(),
            "seconds": history.took.as_secs_f64(),
        });
        claims.append(history.claims);
    }
    let without = in_words(site.status_without_password().await);
    if let Some(status) = claims.take("the download folder answers", u16::to_string, without) {
        claims.note(
            "the download folder needs its password",
            status == 401,
            status,
        );
    }
    say("two homes share near-real-time data");
    let homes = in_words(household::walk(site, say).await);
    let claim = "both homes came to the end of their permissions";
    if let Some(homes) = claims.take(claim, |_| String::new(), homes) {
        for (holds, claim) in homes.claims() {
            claims.note(claim, holds, "");
        }
        if let Value::Object(details) = &mut details {
            details.insert("homes".to_owned(), json!(homes));
        }
    }
    details
}

async fn under_load(site: &Site, options: &Walk, seconds: u64, claims: &mut Claims) -> Value {
    let started = Instant::now();
    let load = async {
        let load = Load {
            lasting: Duration::from_secs(seconds),
            homes: options.homes,
            parallel: options.parallel,
            customers: customers(site, &options.customer).await?,
            owed: options.owed(),
        };
        load::run(site, &load, say).await
    };
    let claim = "the load could be put on";
    let outcome = claims.take(claim, |_| String::new(), in_words(load.await));
    let outcome = outcome.unwrap_or_default();
    claims.append(outcome.claims);
    json!({
        "homes": outcome.homes,
        "authorizations": outcome.authorizations,
        "seconds": started.elapsed().as_secs_f64(),
    })
}

/// Those who were named, or all of the sandbox.
async fn customers(site: &Site, named: &[String]) -> Result<Vec<String>, BoxError> {
    if !named.is_empty() {
        return Ok(named.to_vec());
    }
    let all: Vec<CustomerReport> = site.control("customers").await?;
    Ok(all.into_iter().map(|it| it.key).collect())
}

/// An error with its causes in one line.
fn in_words<T>(outcome: Result<T, BoxError>) -> Result<T, String> {
    outcome.map_err(|error| service_kit::config::chain(&*error))
}
