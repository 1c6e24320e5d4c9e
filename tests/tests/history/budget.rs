//! The custodian's limit of one request a second, with two fetchers.

use custodian::ledger::RequestCounts;
use demo::StackOptions;

use crate::start;

#[tokio::test(flavor = "multi_thread")]
async fn two_fetchers_share_the_work_and_keep_the_limit() {
    // What leaves in its time arrives a little later on a busy machine: half a second is left for that.
    let short = [
        ("HISTORY_MONTHS", "1"),
        ("SMD_FETCHER_CONCURRENCY", "1"),
        ("SMD_REQUEST_SPACING_MS", "1500"),
    ];
    let mut world = start(StackOptions::default(), &[], &short).await;
    world.stack.add("smd-fetcher").unwrap();
    let mut customers = vec![
        world.customer("newcomer").await,
        world.customer("awkward").await,
    ];
    for customer in &mut customers {
        let end = world.end_of(customer).await;
        assert!(end.contains("was delivered"), "{end}");
    }
    for customer in &customers {
        world.assert_delivered(customer, 1).await;
    }
    let apart = "SELECT min(gap) >= interval '1500 ms' AND count(gap) > 15
        FROM (SELECT slot_at - lag(slot_at) OVER (ORDER BY number) AS gap FROM smd.budget_slot) slots";
    assert!(world.stack.holds(apart).await.unwrap(), "slots too near");
    let counts: RequestCounts = world.stack.site().control("requests").await.unwrap();
    assert_eq!(
        (counts.most_in_a_second, counts.throttled),
        (1, 0),
        "{counts:?}"
    );
    let logs = world.stack.logs_of("smd-fetcher");
    assert_eq!(logs.len(), 2);
    for log in logs {
        let steps = [
            "planned",
            "every window is in",
            "the authorization is ended",
        ];
        assert!(
            steps.iter().any(|step| log.contains(step)),
            "a fetcher did nothing:\n{log}"
        );
    }
}
