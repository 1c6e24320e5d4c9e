//! What an operator does by hand while a customer's data is on its way.

use demo::Customer;

use crate::{World, fast, start};

#[tokio::test(flavor = "multi_thread")]
async fn the_operator_looks_discards_and_erases() {
    // What the custodian announces never comes: the fetch waits.
    let world = start(
        fast(),
        &[("NOTIFY_DELAY_MS", "3600000")],
        &[("HISTORY_MONTHS", "1")],
    )
    .await;
    let (well, report) = world.metergate(&["doctor"]);
    assert!(well && !report.contains("FAILED"), "{report}");

    let mut customer = world.waiting("later").await;
    let job = world.fetch_job();
    let (_, shown) = world.metergate(&["jobs", "show", &job, "--json"]);
    assert!(
        shown.contains("\"smd.fetch\"") && shown.contains("\"available\""),
        "{shown}"
    );
    let (done, said) = world.metergate(&["jobs", "discard", &job]);
    assert!(done, "{said}");
    let end = world.end_of(&mut customer).await;
    assert!(
        end.contains("could not be fetched") && end.contains("ended"),
        "{end}"
    );
    assert_eq!(
        world
            .stack
            .site()
            .authorization_of("later")
            .await
            .unwrap()
            .status,
        0
    );
    // Tried again, it finds that it was given up.
    let (done, said) = world.metergate(&["jobs", "retry", &job]);
    assert!(done && said.contains("runs again"), "{said}");
    let given_up = format!(
        "SELECT state = 'discarded' AND errors::text LIKE '%given up before%' FROM jobs.job WHERE id = {job}"
    );
    world.until(&given_up).await;
    let (done, said) = world.metergate(&["jobs", "discard", "999999"]);
    assert!(!done && said.contains("999999"), "{said}");

    erased_in_the_middle(&world).await;
    erased_after_delivery(&world).await;
}

async fn erased_in_the_middle(world: &World) {
    let mut customer = world.waiting("later").await;
    let subscription = world.subscription("later").await;
    let (done, said) = world.metergate(&["erase", &subscription]);
    assert!(done && said.contains("the files are removed"), "{said}");
    assert_eq!(customer.visitor.reload().await.unwrap().status, 404);
    world.until(&tombstones(2)).await;
    assert_eq!(
        world
            .stack
            .site()
            .authorization_of("later")
            .await
            .unwrap()
            .status,
        0
    );
    // Nobody is known by that any more.
    let (done, said) = world.metergate(&["erase", &subscription]);
    assert!(!done && said.contains("nobody"), "{said}");
}

async fn erased_after_delivery(world: &World) {
    let mut customer = world.customer("newcomer").await;
    let end = world.end_of(&mut customer).await;
    assert!(end.contains("was delivered"), "{end}");
    assert_eq!(world.files_of("newcomer").await.len(), 3);
    let subscription = world.subscription("newcomer").await;
    let (done, said) = world.metergate(&["erase", &subscription]);
    assert!(done && said.contains("the files are removed"), "{said}");
    assert!(world.stack.site().download().await.unwrap().is_empty());
    world.until(&tombstones(3)).await;
    // The one that was given up before is of the same meter as the one that was erased in the middle.
    let audited =
        "SELECT count(*) = 3 FROM audit.event WHERE action = 'smd.erased' AND detail = '{}'";
    assert!(world.stack.holds(audited).await.unwrap());
}

/// So many authorizations are all there is, and nothing of what was pulled under them.
fn tombstones(rows: u32) -> String {
    format!(
        "SELECT count(*) = {rows} AND count(customer_name) = 0 AND count(electricity_file) = 0
            AND count(access_token) = 0 AND count(released_at) = {rows}
            AND count(*) FILTER (WHERE stage = 'erased' AND subscription_id IS NOT NULL) = 0
            AND NOT EXISTS (SELECT FROM smd.series)
         FROM smd.authorization"
    )
}

impl World {
    /// A customer whose fetch waits for announcements.
    async fn waiting(&self, key: &str) -> Customer {
        let customer = self.customer(key).await;
        self.until("SELECT count(*) = 1 FROM jobs.job WHERE kind = 'smd.fetch' AND state = 'available' AND run_at > now() + interval '1 minute'")
            .await;
        customer
    }

    /// The id of the only fetch that is not completed.
    fn fetch_job(&self) -> String {
        let arguments = [
            "jobs",
            "list",
            "--kind",
            "smd.fetch",
            "--state",
            "available",
        ];
        let (done, list) = self.metergate(&arguments);
        // The head, and one job.
        assert!(done && list.lines().count() == 2, "{list}");
        let job = list.lines().nth(1).unwrap();
        job.split_whitespace().next().unwrap().to_owned()
    }
}
