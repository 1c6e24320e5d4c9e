//! How long a throttled fetch keeps away, whatever the custodian asks for.

use custodian::faults::{Fault, Rule, Step};
use custodian::ledger::RequestKind;

use crate::harness::World;

impl World {
    /// Waits until the budget is closed and the fetch snoozes, both for a time between these seconds.
    async fn assert_keeps_away(&self, least: u32, most: u32) {
        let within = |instant: &str| {
            format!(
                "{instant} BETWEEN now() + {least} * interval '1 second' AND now() + {most} * interval '1 second'"
            )
        };
        let closed = format!("(SELECT {} FROM smd.budget)", within("closed_until"));
        let snoozed = format!(
            "EXISTS (SELECT FROM jobs.job WHERE kind = 'smd.fetch' AND state = 'available' AND attempt = 0 AND errors = '{{}}' AND {})",
            within("run_at")
        );
        self.until(
            "the budget to be closed and the fetch to snooze",
            &format!("{closed} AND {snoozed}"),
        )
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_short_retry_after_is_lengthened() {
    // The custodian says one second.
    let world = World::start(&[("--per-second", "1")], &[]).await;
    let _fetcher = world.fetcher();
    world.grant_some("newcomer", &[0]).await;
    world.assert_keeps_away(2, 5).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_retry_after_is_shortened() {
    let world = World::start(&[], &[]).await;
    let a_day = Fault::Status {
        status: 429,
        retry_after: Some(86_400),
        processed: false,
    };
    let first = Step::Request(RequestKind::Authorization);
    world.fault(&Rule::new(first, a_day)).await;
    let _fetcher = world.fetcher();
    world.grant_some("newcomer", &[0]).await;
    world.assert_keeps_away(3_500, 3_600).await;
}
