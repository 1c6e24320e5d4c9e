//! Ten thousand of each: every page stays below 60 kB, and lists walk through all of them exactly once. How quick they
//! are is a benchmark's (`crowd`).

use std::collections::HashSet;

use crate::site::{CUSTOMER, Site};

const CROWD: i64 = 10_000;
/// No page is larger.
const MOST_BYTES: usize = 60_000;

const LISTS: [&str; 8] = [
    "/console/",
    "/console/customers",
    "/console/customers?stage=fetched",
    "/console/permissions",
    "/console/permissions?status=ACCEPTED",
    "/console/jobs?kind=smd.collect",
    "/console/discarded",
    "/console/audit",
];

async fn add(site: &Site, number: i64) {
    site.sql(&format!(
        "INSERT INTO smd.authorization (id, subscription_id, stage, authorized_at, customer_name, released_at)
             SELECT md5('a' || n)::uuid, 's' || n, 'fetched', now() - (n / 10) * interval '1 s', 'Made Up' || n, now()
             FROM generate_series(1, {number}) n ON CONFLICT DO NOTHING;
         INSERT INTO aiida.permission (id, bundle_id, connection_id, data_need_id, data_need, status, created_at)
             SELECT md5('p' || n)::uuid, md5('b' || n)::uuid, 'connection-' || n, md5('d')::uuid, '{{\"name\": \"Live\"}}',
                 'ACCEPTED', now() - (n / 10) * interval '1 s'
             FROM generate_series(1, {number}) n ON CONFLICT DO NOTHING;
         INSERT INTO jobs.job (kind, payload, state, run_at, finished_at, errors)
             SELECT 'smd.collect', '{{}}', s, now() + n * interval '1 s', CASE s WHEN 'discarded' THEN now() END,
                 ARRAY[repeat('What went wrong. ', 15)]
             FROM generate_series(1, {number}) n, unnest('{{discarded,available}}'::text[]) s;
         INSERT INTO audit.event (action, subject, detail)
             SELECT 'smd.exported', md5('a' || n)::uuid, '{{}}' FROM generate_series(1, {number}) n;
         ANALYZE"
    ))
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_makes_no_page_large() {
    let site = Site::start().await;
    add(&site, CROWD).await;
    for path in LISTS {
        let page = site.get(path).await;
        assert_eq!(page.status, 200);
        assert!(
            page.body.len() < MOST_BYTES,
            "{path}: {} bytes",
            page.body.len()
        );
    }
    for (path, form) in [
        ("/console/customers", "q=made"),
        ("/console/permissions", "q=connection-"),
    ] {
        let page = site.post(path, form).await;
        assert_eq!(page.select("tbody tr").len(), 30);
        assert!(
            page.body.len() < MOST_BYTES,
            "{path}: {} bytes",
            page.body.len()
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_list_is_walked_through_once() {
    let site = Site::start().await;
    // Many have the same time: the id tells them apart.
    add(&site, 130).await;
    for list in &LISTS[1..] {
        let (rows, pages) = walk(&site, list).await;
        assert_eq!((rows.len(), pages), (130, 5), "{list}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_lines_about_one_customer_are_walked_through_once() {
    let site = Site::start().await;
    // Every third is about this one, all of the same time.
    site.sql(&format!(
        "INSERT INTO audit.event (action, subject, detail)
         SELECT 'smd.exported', CASE n % 3 WHEN 0 THEN '{CUSTOMER}'::uuid ELSE md5('a' || n)::uuid END,
             jsonb_build_object('nr', n)
         FROM generate_series(1, 360) n"
    ))
    .await;
    let list = format!("/console/audit?subject={CUSTOMER}");
    let (rows, pages) = walk(&site, &list).await;
    assert_eq!((rows.len(), pages), (120, 4));
    for row in &rows {
        assert!(row.contains(CUSTOMER), "{row}");
    }
    for nr in (3..=360).step_by(3) {
        let detail = format!("nr {nr}");
        let is_it = |row: &String| row.rsplit(CUSTOMER).next().unwrap().trim() == detail;
        assert!(rows.iter().any(is_it), "{nr}");
    }
}

/// The rows of all pages of a list, each of which comes once, and how many pages there are.
async fn walk(site: &Site, list: &str) -> (HashSet<String>, usize) {
    let mut seen = HashSet::new();
    let mut next = Some(list.to_owned());
    let mut pages = 0;
    while let Some(path) = next {
        let page = site.get(&path).await;
        for row in page.select("tbody tr") {
            assert!(seen.insert(row.clone()), "{list}: {row} twice");
        }
        pages += 1;
        next = page.attribute("a[rel=next]", "href");
    }
    (seen, pages)
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_files_are_a_page() {
    let site = Site::start().await;
    for nr in 0..2_500 {
        for part in ["electricity.csv", "gas.csv", "report.html", "readme.txt"] {
            let name = format!(
                "Made-Up-{nr}-20260102T{:02}{:02}{:02}Z-{part}",
                nr / 3600,
                nr / 60 % 60,
                nr % 60
            );
            std::fs::write(site.output.join(name), "x").unwrap();
        }
    }
    let page = site.get("/output/").await;
    assert!(page.body.len() < MOST_BYTES, "{}", page.body.len());
    assert!(page.text().contains("2500 in all"), "{}", page.text());
    let found = site.get("/output/?q=made-up-77-").await;
    assert_eq!(found.select("section h2"), ["Made-Up-77"]);
    let mut seen = HashSet::new();
    let mut next = Some("/output/?q=Made-Up-1".to_owned());
    while let Some(path) = next {
        let page = site.get(&path).await;
        seen.extend(page.select("section h2"));
        next = page.attribute("a[rel=next]", "href");
    }
    // 1, 10 to 19, 100 to 199, 1000 to 1999.
    assert_eq!(seen.len(), 1_111);
}
