//! What an operator does: once is enough, twice is as good, what is over is refused, and each is a line of the audit log.

use crate::site::{CUSTOMER, PERMISSION, Site};

async fn audited(site: &Site, action: &str) -> i64 {
    let lines = format!(
        "SELECT count(*) FROM audit.event WHERE action = '{action}' AND detail ->> 'operator' = 'alice'"
    );
    site.number(&lines).await
}

async fn state(site: &Site, job: i64) -> String {
    site.text(&format!("SELECT state FROM jobs.job WHERE id = {job}"))
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_discarded_job_is_retried() {
    let site = Site::inhabited().await;
    let payload = format!("{{\"authorization\": \"{CUSTOMER}\"}}");
    let job = site.job("smd.fetch", "discarded", &payload, CUSTOMER).await;
    let action = format!("/console/jobs/{job}/retry");
    let question = site.get(&action).await;
    assert_eq!(
        question.select("h1"),
        [format!("Run job {job} (smd.fetch) again?")]
    );
    assert_eq!(state(&site, job).await, "discarded", "asking does nothing");
    let done = site.post(&action, "").await;
    assert_eq!(
        (done.status.as_u16(), done.header("location")),
        (303, format!("/console/jobs/{job}?did=retry").as_str())
    );
    assert_eq!(state(&site, job).await, "available");
    let page = site.get(done.header("location")).await;
    assert_eq!(page.select("[role=status]"), ["It runs again."]);
    assert_eq!(audited(&site, "job.retried").await, 1);
    // Once more: it waits, and waits on.
    assert_eq!(site.post(&action, "").await.status, 303);
    assert_eq!(state(&site, job).await, "available");
    // Another one for the same customer waits: that one counts.
    let older = site.job("smd.fetch", "discarded", &payload, CUSTOMER).await;
    let refused = site.post(&format!("/console/jobs/{older}/retry"), "").await;
    assert_eq!(refused.status, 409, "{}", refused.text());
    assert_eq!(state(&site, older).await, "discarded");
    assert_eq!(audited(&site, "job.retried").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_is_discarded_with_what_its_kind_declares() {
    let site = Site::inhabited().await;
    let payload = format!("{{\"authorization\": \"{CUSTOMER}\"}}");
    let job = site.job("smd.fetch", "running", &payload, CUSTOMER).await;
    let action = format!("/console/jobs/{job}/discard");
    assert_eq!(site.post(&action, "").await.status, 303);
    assert_eq!(state(&site, job).await, "discarded");
    let release =
        "SELECT count(*) FROM jobs.job WHERE kind = 'smd.release' AND state = 'available'";
    assert_eq!(site.number(release).await, 1);
    let again = site.post(&action, "").await;
    assert_eq!(again.status, 409);
    assert!(
        again.text().contains("has ended already"),
        "{}",
        again.text()
    );
    assert_eq!(site.number(release).await, 1);
    assert_eq!(audited(&site, "job.discarded").await, 1);
    let question = site.get(&action).await;
    assert_eq!(
        question
            .select("form[method=post] button[type=submit]")
            .len(),
        0,
        "nothing to press"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_authorization_is_ended_once() {
    let site = Site::inhabited().await;
    let action = format!("/console/customers/{CUSTOMER}/release");
    for _ in 0..2 {
        assert_eq!(site.post(&action, "").await.status, 303);
    }
    let jobs = "SELECT count(*) FROM jobs.job WHERE kind = 'smd.release'";
    assert_eq!(site.number(jobs).await, 1);
    assert_eq!(audited(&site, "smd.release_requested").await, 2);
    site.sql(&format!(
        "UPDATE smd.authorization SET released_at = now() WHERE id = '{CUSTOMER}'"
    ))
    .await;
    assert_eq!(site.post(&action, "").await.status, 409);
    assert_eq!(audited(&site, "smd.release_requested").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_permission_is_ended_while_it_is_accepted() {
    let site = Site::inhabited().await;
    let action = format!("/console/permissions/{PERMISSION}/terminate");
    for _ in 0..2 {
        assert_eq!(site.post(&action, "").await.status, 303);
    }
    let jobs = "SELECT count(*) FROM jobs.job WHERE kind = 'aiida.terminate'";
    assert_eq!(site.number(jobs).await, 1);
    site.sql("UPDATE aiida.permission SET status = 'TERMINATED'")
        .await;
    let refused = site.post(&action, "").await;
    assert_eq!(refused.status, 409);
    assert_eq!(
        audited(&site, "aiida.permission.terminate_requested").await,
        2
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_is_erased_by_who_is_sure() {
    let site = Site::inhabited().await;
    let action = format!("/console/customers/{CUSTOMER}/erase");
    // Whose it is, by what the customer was told, and no more of it than is true.
    let asked = site.get(&action).await.text();
    for said in [
        "Jane Example",
        "receipt number MG-1111-1111-1111",
        "1 authorization of the same meters",
    ] {
        assert!(asked.contains(said), "{said} in {asked}");
    }
    let unsure = site.post(&action, "").await;
    assert_eq!(unsure.status, 400);
    assert!(
        unsure.text().contains("Nothing was done"),
        "{}",
        unsure.text()
    );
    let name = format!("SELECT customer_name FROM smd.authorization WHERE id = '{CUSTOMER}'");
    assert_ne!(site.text(&name).await, "");
    // No other service runs here: the page says what is left to them.
    let erased = site.post(&action, "sure=yes").await;
    assert_eq!(erased.status, 200, "{}", erased.text());
    assert!(
        erased
            .text()
            .contains("csv-exporter does it as soon as it runs"),
        "{}",
        erased.text()
    );
    assert_eq!(site.text(&name).await, "");
    let stage = format!("SELECT stage FROM smd.authorization WHERE id = '{CUSTOMER}'");
    assert_eq!(site.text(&stage).await, "erased");
    for table in ["usage_point", "usage_point_digest"] {
        let rows = format!("SELECT count(*) FROM smd.{table}");
        assert_eq!(site.number(&rows).await, 0, "{table}");
    }
    assert_eq!(audited(&site, "smd.erased").await, 1);
    let jobs = "SELECT count(*) FROM jobs.job WHERE kind IN ('smd.release', 'output.expire') AND state = 'available'";
    assert_eq!(site.number(jobs).await, 2);
    let page = site.get(&format!("/console/customers/{CUSTOMER}")).await;
    assert_eq!(page.select("h1"), ["Customer without a name"]);
    assert!(
        page.text().contains("Erased by an operator: by alice"),
        "{}",
        page.text()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_household_is_erased_with_what_it_sent() {
    let site = Site::inhabited().await;
    let action = format!("/console/permissions/{PERMISSION}/erase");
    let erased = site.post(&action, "sure=yes").await;
    assert_eq!(erased.status, 200, "{}", erased.text());
    let left = "mqtt-iam does it as soon as it runs";
    assert!(erased.text().contains(left), "{}", erased.text());
    for table in ["permission", "permission_event", "reading", "refusal"] {
        let rows = format!("SELECT count(*) FROM aiida.{table}");
        assert_eq!(site.number(&rows).await, 0, "{table}");
    }
    assert_eq!(audited(&site, "aiida.erased").await, 1);
    let revoke = "SELECT count(*) FROM jobs.job WHERE kind = 'mqtt.revoke'";
    assert_eq!(site.number(revoke).await, 1);
    assert_eq!(
        site.post(&action, "sure=yes").await.status,
        404,
        "nobody is left"
    );
}
