//! What each page shows.

use crate::site::{CUSTOMER, MARKUP, PERMISSION, Site, UNKNOWN};

/// One of each.
pub(crate) const PAGES: [&str; 16] = [
    "/console/",
    "/console/customers",
    "/console/customers?stage=failed",
    "/console/customers/{customer}",
    "/console/customers/{customer}/erase",
    "/console/permissions",
    "/console/permissions/{permission}",
    "/console/permissions/{permission}/live?minutes=60",
    "/console/jobs",
    "/console/jobs?kind=smd.fetch",
    "/console/discarded",
    "/console/refused",
    "/console/refused/1",
    "/console/custodian",
    "/console/audit",
    "/output/",
];

fn path(page: &str) -> String {
    page.replace("{customer}", CUSTOMER)
        .replace("{permission}", PERMISSION)
}

/// Names, ids of connections, errors of jobs, what homes have sent: text, wherever it is shown.
#[tokio::test(flavor = "multi_thread")]
async fn what_comes_from_outside_stays_text() {
    let site = Site::inhabited().await;
    let payload = format!("{{\"authorization\": \"{CUSTOMER}\"}}");
    let job = site.job("smd.fetch", "discarded", &payload, CUSTOMER).await;
    std::fs::write(site.output.join("a<img src=x onerror=alert(2)>.csv"), "x").unwrap();
    let search = site
        .post("/console/customers", "q=%3Cscript%3Ealert(1)%3C/script%3E")
        .await;
    let mut shown = vec![("a search".to_owned(), search)];
    for page in PAGES
        .map(path)
        .into_iter()
        .chain([format!("/console/jobs/{job}")])
    {
        let answer = site.get(&page).await;
        shown.push((page, answer));
    }
    let mut times = 0;
    for (page, answer) in &shown {
        assert_eq!(answer.status, 200, "{page}");
        assert!(!answer.body.contains("<script>"), "{page}: {}", answer.body);
        assert!(!answer.body.contains("<img"), "{page}: {}", answer.body);
        assert!(!answer.body.contains("<b>"), "{page}: {}", answer.body);
        assert!(!answer.body.contains('\u{1b}'), "{page}");
        times += answer.text().matches("<script>alert(1)</script>").count();
    }
    assert!(times > 12, "{times}: where is it shown?");
    let customer = site.get(&path("/console/customers/{customer}")).await;
    assert_eq!(customer.select("h1"), [format!("Jane Example {MARKUP}")]);
    let message = site.get("/console/refused/1").await;
    assert!(
        message.select("pre")[0].contains("\\u{1b}[31m"),
        "{}",
        message.body
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_overview_counts_and_says_what_needs_somebody() {
    let site = Site::inhabited().await;
    site.job("smd.fetch", "discarded", "{}", "a").await;
    site.sql(
        "UPDATE smd.comparison SET compared_at = now(), unknown = 2;
              UPDATE aiida.webhook SET failing_since = now();
              UPDATE smd.authorization SET exported_at = NULL WHERE export_error IS NOT NULL",
    )
    .await;
    let page = test_support::wait::until(
        std::time::Duration::from_secs(30),
        "a new count",
        async || {
            let page = site.get("/console/").await;
            page.text().contains("One job was given up").then_some(page)
        },
    )
    .await;
    let text = page.text();
    for expected in [
        "2 authorizations are active at PG&E",
        "One history of the last seven days failed",
        "One history is fetched, and its files could not be written",
        "2 messages of homes were refused",
        "The webhook has not taken events",
        "The client certificate cannot be read",
        "You are alice",
    ] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
    assert_eq!(page.select("#customers + .figure"), ["2"]);
    assert_eq!(page.select("#permissions + .figure"), ["1"]);
}

/// Where only one side is run, the schedule goes on filling the queues of the other.
#[tokio::test(flavor = "multi_thread")]
async fn a_side_that_is_not_run_needs_nobody() {
    let site = Site::start().await;
    site.sql(&format!(
        "INSERT INTO smd.authorization (id, subscription_id, stage, authorized_at) VALUES ('{CUSTOMER}', '7', 'fetched', now())"
    ))
    .await;
    for kind in ["smd.sweep", "mqtt.reconcile"] {
        site.job(kind, "available", "{}", "schedule").await;
    }
    site.sql("UPDATE jobs.job SET run_at = now() - interval '3 hours'")
        .await;
    let waits = "has waited for 3 h";
    let page = test_support::wait::until(
        std::time::Duration::from_secs(30),
        "a new count",
        async || {
            let page = site.get("/console/").await;
            page.text().contains(waits).then_some(page)
        },
    )
    .await;
    let text = page.text();
    assert!(text.contains(&format!("smd.sweep {waits}")), "{text}");
    assert!(!text.contains("mqtt.reconcile"), "{text}");
    let jobs = site.get("/console/jobs").await;
    assert!(jobs.text().contains("mqtt.reconcile"), "{}", jobs.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn customers_are_found_by_what_an_operator_knows() {
    let site = Site::inhabited().await;
    for (typed, found) in [
        ("jane", 1),
        ("exam+JANE", 1),
        ("jane+nobody", 0),
        ("up-7", 1),
        (CUSTOMER, 1),
        ("8", 1),
        // The receipt number: the ids of both begin alike.
        ("mg-1111-1111-1111", 2),
        ("MG+1111+1111+1112", 0),
        ("%25", 0),
        ("%27+%7C+%27", 0),
        // Neither is a text that the database takes.
        ("%00", 2),
        ("ja%00ne", 1),
        ("", 2),
    ] {
        let page = site.post("/console/customers", &format!("q={typed}")).await;
        assert_eq!(page.status, 200);
        assert_eq!(
            page.select("tbody tr").len(),
            found,
            "{typed}: {}",
            page.text()
        );
    }
    for (typed, found) in [
        ("conn", 1),
        ("onn", 0),
        ("conn%25", 0),
        ("%00", 1),
        ("co%00nn", 1),
        (PERMISSION, 1),
        ("", 1),
    ] {
        let page = site
            .post("/console/permissions", &format!("q={typed}"))
            .await;
        assert_eq!(
            page.select("tbody tr").len(),
            found,
            "{typed}: {}",
            page.text()
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_permission_shows_its_history_and_its_power() {
    let site = Site::inhabited().await;
    let page = site.get(&path("/console/permissions/{permission}")).await;
    assert_eq!(page.select("svg[role=img]").len(), 1, "{}", page.body);
    assert!(page.select("figure table tbody tr").len() > 50);
    assert_eq!(page.select("#history ~ ol li").len(), 2);
    assert!(
        page.text().contains("From the grid")
            || page.text().contains("Power of the last 15 minutes")
    );
    let live = site
        .get(&path("/console/permissions/{permission}/live?minutes=60"))
        .await;
    assert_eq!(live.select("#live svg[role=img]").len(), 1);
    let (short, long) = (
        page.attribute("#live", "data-every"),
        live.attribute("#live", "data-every"),
    );
    assert_eq!(
        (short.as_deref(), long.as_deref()),
        (Some("10"), Some("40"))
    );
    assert!(live.text().contains("last 1 hour"), "{}", live.text());
    assert!(page.body.len() < 60_000, "{}", page.body.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_is_a_page() {
    let site = Site::start().await;
    for page in [
        format!("/console/customers/{UNKNOWN}"),
        format!("/console/permissions/{UNKNOWN}"),
        format!("/console/permissions/{UNKNOWN}/live"),
        format!("/console/customers/{UNKNOWN}/erase"),
        "/console/customers/x".to_owned(),
        "/console/jobs/99".to_owned(),
        "/console/jobs/x".to_owned(),
        "/console/jobs?kind=nonsense".to_owned(),
        "/console/refused/99".to_owned(),
        "/console/nothing".to_owned(),
        "/console/jobs/1/erase".to_owned(),
    ] {
        let answer = site.get(&page).await;
        assert_eq!(answer.status, 404, "{page}: {}", answer.body);
        assert_eq!(answer.select("h1"), ["Not there"], "{page}");
    }
    for empty in PAGES
        .iter()
        .filter(|page| !page.contains('{') && !page.ends_with("/1"))
    {
        let answer = site.get(empty).await;
        assert_eq!(answer.status, 200, "{empty}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn downloads_are_shown_by_customer_with_their_dates() {
    let site = Site::inhabited().await;
    let stem = "Jane-Example-7-20260102T030405Z";
    for part in ["electricity.csv", "gas.csv", "report.html", "readme.txt"] {
        std::fs::write(site.output.join(format!("{stem}-{part}")), vec![b'x'; 1500]).unwrap();
    }
    std::fs::write(site.output.join(".draft.csv"), "half").unwrap();
    std::fs::write(site.output.join("notes ü&?.txt"), "x").unwrap();
    let page = site.get("/output/").await;
    assert_eq!(
        page.select("section h2"),
        ["Jane-Example-7", "notes ü&?.txt"]
    );
    let kinds = page.select("section:first-of-type li a");
    assert!(
        kinds[0].starts_with("Report") && kinds[1].starts_with("Electricity"),
        "{kinds:?}"
    );
    assert_eq!(
        page.attribute("section:first-of-type li a", "href"),
        Some(format!("/output/{stem}-report.html"))
    );
    assert_eq!(
        page.attribute("section:last-of-type li a", "href")
            .as_deref(),
        Some("/output/notes%20%C3%BC%26%3F.txt")
    );
    let text = page.text();
    assert!(
        text.contains("2 kB") && text.contains("removed after"),
        "{text}"
    );
    assert!(!text.contains("draft"), "{text}");
    let found = site.get("/output/?q=JANE").await;
    assert_eq!(found.select("section h2"), ["Jane-Example-7"]);
    let none = site.get("/output/?q=%3Cb%3E").await;
    assert_eq!(none.select("section h2").len(), 0);
    // The names of files name their customer: they are not shown while csv-exporter is yet to remove them.
    site.sql(&format!(
        "UPDATE smd.authorization SET stage = 'erased', customer_name = NULL WHERE id = '{CUSTOMER}'"
    ))
    .await;
    let page = site.get("/output/").await;
    assert_eq!(page.select("section h2"), ["notes ü&?.txt"]);
    assert!(page.text().contains("1 in all"), "{}", page.text());
    let page = site.get(&format!("/console/customers/{CUSTOMER}")).await;
    assert!(page.text().contains("are being removed"), "{}", page.text());
    assert!(!page.text().contains("Jane"), "{}", page.text());
}
