//! Four customers at once, a whole year each: what is delivered, and what nobody must find.

use custodian::ledger::{RequestCounts, RequestKind};
use demo::check;
use demo::{Customer, Delivered};

use crate::{World, fast, start, ticket};

#[tokio::test(flavor = "multi_thread")]
async fn four_customers_from_click_to_csv() {
    // Notifications come at once, so that they overtake their 202, and twice, with dead links.
    let noise = [("NOTIFY_DELAY_MS", "0"), ("NOTIFY_NOISE", "true")];
    let world = start(fast(), &noise, &[]).await;
    let mut customers = Vec::new();
    for key in ["fable", "awkward", "later", "newcomer"] {
        customers.push(world.customer(key).await);
    }
    let mut secrets: Vec<String> = customers.iter().map(ticket).collect();
    for ticket in &secrets {
        assert!(
            looks_like_token(ticket),
            "the check for tokens would miss {ticket}"
        );
    }
    for customer in &mut customers {
        let end = world.end_of(customer).await;
        assert!(
            end.contains("was delivered"),
            "{}: {end}",
            customer.known.key
        );
    }
    for customer in &customers {
        let files = assert_files(&world, customer).await;
        let known = &customer.known;
        secrets.extend([known.name.clone(), known.account.clone()]);
        secrets.push(world.subscription(&known.key).await);
        secrets.extend(known.usage_points.iter().map(|point| point.id.clone()));
        secrets.extend(files.into_iter().map(|file| file.name));
    }
    assert_eq!(
        world.stack.site().status_without_password().await.unwrap(),
        401
    );
    let counts: RequestCounts = world.stack.site().control("requests").await.unwrap();
    // Nine usage points with fourteen windows, or five for the newcomer; announced ones are asked for
    // and fetched. With each of those comes a dead link, the same for all windows of a usage point: it
    // is followed once more only where the time before is over when it comes again.
    let (windows, dead) = (3 * 14 + 2 * 14 + 2 * 3 * 14 + 4, 3..=3 * 14);
    let asked = counts.by_kind[&RequestKind::BatchUsagePoint];
    assert!(
        (windows + dead.start()..=windows + dead.end() + 6).contains(&asked),
        "{asked} requests, {windows} expected, and {dead:?} for dead links"
    );
    assert_nothing_personal(&world, &secrets);
    let log = world.stack.cluster.log();
    assert!(!log.contains("deadlock"), "{log}");
}

/// The files of a customer are right, named safely, and keep gas apart.
async fn assert_files(world: &World, customer: &Customer) -> Vec<Delivered> {
    let known = &customer.known;
    let (files, totals) = world.assert_delivered(customer, 12).await;
    let gas: Vec<&str> = known
        .usage_points
        .iter()
        .filter(|point| point.commodity == 7)
        .map(|point| point.id.as_str())
        .collect();
    let tables = files.iter().filter(|file| check::is_table(file));
    assert_eq!(tables.clone().count(), 1 + gas.len(), "{}", known.key);
    // And the readme and the report.
    assert_eq!(files.len(), 3 + gas.len(), "{}", known.key);
    for file in tables {
        let safe = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        assert!(file.name.chars().all(safe), "{}", file.name);
        let text = String::from_utf8_lossy(&file.bytes);
        let is_gas = file.name.ends_with("-gas.csv");
        for row in text.lines().skip(1) {
            let point = row.split(',').next().unwrap();
            assert_eq!(gas.contains(&point), is_gas, "{row}");
        }
    }
    let (short, long) = check::clock_changes(&totals).unwrap();
    let flows: usize = known
        .usage_points
        .iter()
        .filter(|point| point.commodity == 1)
        .map(|point| point.flows.len())
        .sum();
    let flows = u64::try_from(flows).unwrap();
    if known.key == "newcomer" {
        assert!(short <= flows && long <= flows);
    } else {
        assert_eq!((short, long), (flows, flows), "{}", known.key);
    }
    files
}

/// Neither whose data it was nor anything that opens a door is in any log.
fn assert_nothing_personal(world: &World, secrets: &[String]) {
    let logs = world.stack.logs();
    assert!(
        logs.contains("every window is in"),
        "these are not the logs"
    );
    for secret in secrets {
        let line = logs.lines().find(|line| line.contains(secret.as_str()));
        assert_eq!(line, None, "{secret:?} is in the logs");
    }
    for parameter in ["code=", "state=", "Bearer ", "refresh_token="] {
        let line = logs.lines().find(|line| line.contains(parameter));
        assert_eq!(line, None, "{parameter:?} is in the logs");
    }
    let token = logs
        .split(|c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == '_'))
        .find(|word| looks_like_token(word));
    assert_eq!(token, None, "a token is in the logs");
}

/// Ours and the custodian's are 32 characters or more of base64url.
fn looks_like_token(word: &str) -> bool {
    let has = |test: fn(&u8) -> bool| word.bytes().any(|byte| test(&byte));
    word.len() >= 32
        && has(u8::is_ascii_uppercase)
        && has(u8::is_ascii_lowercase)
        && has(u8::is_ascii_digit)
}
