//! Readings, records and refusals, page by page.

use permission::PermissionId;
use serde_json::{Value, json};

use crate::site::Site;

/// Records of the last days as the stream stores them: eleven, a minute apart, with two values each.
async fn stored(site: &Site, id: PermissionId) {
    site.sql(&format!(
        "SELECT aiida.make_partitions(ARRAY['2026-11-01'::date, '2026-11-02']);
         INSERT INTO aiida.reading (permission_id, sent_at, digest, nr, measured_at, obis, value, unit, quality)
         SELECT '{id}', at, decode(lpad(to_hex(n), 32, '0'), 'hex'), nr, at - interval '250 ms',
                CASE nr WHEN 0 THEN '1-0:1.8.0' ELSE '1-0:1.7.0' END,
                CASE nr WHEN 0 THEN 1234.500 + n ELSE -0.10 * n END,
                CASE nr WHEN 0 THEN 'kWh' ELSE 'kW' END, CASE n WHEN 3 THEN '=1+1' END
         FROM generate_series(0, 10) n, generate_series(0, 1) nr,
              LATERAL (SELECT '2026-11-01T23:55:00Z'::timestamptz + n * interval '1 min' AS at) t;
         INSERT INTO aiida.message (permission_id, sent_at, digest, channel, schema, received_at, payload)
         SELECT DISTINCT ON (sent_at) permission_id, sent_at, digest, 'data', 'SMART-METER-P1-RAW',
                '2026-11-02T12:00:00Z'::timestamptz, '{{\"values\":[]}}'::bytea
         FROM aiida.reading"
    ))
    .await;
}

async fn permitted(site: &Site) -> PermissionId {
    let need = site.need(json!({})).await;
    let id = site.accepted(&need).await;
    stored(site, id).await;
    id
}

/// Follows `Link` to the end; answers the rows and how many pages there were.
async fn all(site: &Site, path: &str, key: &str) -> (Vec<Value>, usize) {
    let (mut rows, mut pages, mut path) = (Vec::new(), 0, path.to_owned());
    loop {
        let answer = site.get(&path).await;
        rows.extend(answer.ok(200)[key].as_array().unwrap().iter().cloned());
        pages += 1;
        match next(answer.header("link")) {
            Some(next) => path = next,
            None => return (rows, pages),
        }
    }
}

fn next(link: &str) -> Option<String> {
    let link = link.strip_prefix('<')?;
    Some(link.strip_suffix(">; rel=\"next\"").unwrap().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn readings_are_exact_and_paged_without_gaps() {
    let site = Site::start().await;
    let id = permitted(&site).await;
    let path = format!("/api/v1/permissions/{id}/readings");
    let (rows, pages) = all(&site, &path, "readings").await;
    assert_eq!((rows.len(), pages), (22, 1));
    assert_eq!(
        rows[0],
        json!({"measuredAt": "2026-11-01T23:54:59.75Z", "sentAt": "2026-11-01T23:55:00Z",
               "obis": "1-0:1.8.0", "value": "1234.500", "unit": "kWh"})
    );
    assert_eq!(rows[7]["value"], "-0.30");
    assert_eq!(rows[7]["quality"], "=1+1");
    for limit in [1, 3, 22] {
        let (again, _) = all(&site, &format!("{path}?limit={limit}"), "readings").await;
        assert_eq!(again, rows, "{limit}");
    }
    let (power, pages) = all(&site, &format!("{path}?obis=1-0:1.7.0&limit=4"), "readings").await;
    assert_eq!((power.len(), pages), (11, 3));
    let midnight = "2026-11-02T00:00:00Z";
    let (mut both, _) = all(
        &site,
        &format!("{path}?until={midnight}&limit=3"),
        "readings",
    )
    .await;
    assert_eq!(both.len(), 10);
    both.extend(
        all(
            &site,
            &format!("{path}?from={midnight}&limit=3"),
            "readings",
        )
        .await
        .0,
    );
    assert_eq!(both, rows);
    let (none, _) = all(
        &site,
        &format!("{path}?from={midnight}&until={midnight}"),
        "readings",
    )
    .await;
    assert_eq!(none.len(), 0);

    // Late records go to their place: pages that are read meanwhile keep what they had.
    let first = site.get(&format!("{path}?limit=10")).await;
    site.sql(&format!(
        "INSERT INTO aiida.reading VALUES
         ('{id}', '2026-11-01T23:50:00Z', '\\x01', 0, '2026-11-01T23:50:00Z', '1-0:1.8.0', 1, 'kWh', NULL),
         ('{id}', '2026-11-02T00:04:30Z', '\\x01', 0, '2026-11-02T00:04:30Z', '1-0:1.8.0', 2, 'kWh', NULL)"
    ))
    .await;
    let mut while_written = first.ok(200)["readings"].as_array().unwrap().clone();
    while_written.extend(
        all(&site, &next(first.header("link")).unwrap(), "readings")
            .await
            .0,
    );
    let late = while_written
        .iter()
        .filter(|row| row["value"] == "2")
        .count();
    assert_eq!((while_written.len(), late), (23, 1));
    while_written.retain(|row| row["value"] != "2");
    assert_eq!(while_written, rows);
}

#[tokio::test(flavor = "multi_thread")]
async fn readings_come_as_csv_too() {
    let site = Site::start().await;
    let id = permitted(&site).await;
    let path = format!("/api/v1/permissions/{id}/readings");
    let by_header = site
        .get_accepting(&format!("{path}?limit=8"), "text/csv")
        .await;
    let by_query = site
        .get_accepting(&format!("{path}?limit=8&format=csv"), "application/json")
        .await;
    assert_eq!(by_header.body, by_query.body);
    assert_eq!(
        by_header.header("content-type"),
        "text/csv; charset=utf-8; header=present"
    );
    insta::assert_snapshot!("readings.csv", by_header.text());
    // The pages of both have the same rows.
    let mut lines = by_query.text().lines().count() - 1;
    let mut link = next(by_query.header("link"));
    while let Some(path) = link {
        assert!(path.contains("format=csv"), "{path}");
        let page = site.get(&path).await;
        lines += page.text().lines().count() - 1;
        link = next(page.header("link"));
    }
    assert_eq!(lines, 22);
    let json = site
        .get_accepting(&format!("{path}?format=json"), "text/csv")
        .await;
    assert_eq!(json.ok(200)["readings"].as_array().unwrap().len(), 22);
    let any = site
        .get_accepting(&path, "application/json, text/csv;q=0.5")
        .await;
    assert_eq!(any.header("content-type"), "application/json");
}

#[tokio::test(flavor = "multi_thread")]
async fn records_come_as_they_were_received() {
    let site = Site::start().await;
    let id = permitted(&site).await;
    site.sql(&format!(
        "INSERT INTO aiida.message VALUES
         ('{id}', '2026-11-02T00:05:00.5Z', '\\x01', 'acknowledgement', 'ACKNOWLEDGEMENT-CIM-V1-12', '2026-11-02T12:00:00Z', '\\xff00')"
    ))
    .await;
    let path = format!("/api/v1/permissions/{id}/messages");
    let (rows, pages) = all(&site, &format!("{path}?limit=5"), "messages").await;
    assert_eq!((rows.len(), pages), (12, 3));
    assert_eq!(
        rows[0],
        json!({"sentAt": "2026-11-01T23:55:00Z", "receivedAt": "2026-11-02T12:00:00Z", "channel": "data",
               "schema": "SMART-METER-P1-RAW", "encoding": "utf-8", "payload": "{\"values\":[]}"})
    );
    assert_eq!(rows[11]["encoding"], "base64");
    assert_eq!(rows[11]["payload"], "/wA=");
    let (some, _) = all(
        &site,
        &format!("{path}?from=2026-11-02T00:00:00Z&until=2026-11-02T00:02:00Z"),
        "messages",
    )
    .await;
    assert_eq!(some.len(), 2);
}

/// However large the records are, an answer is not.
#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_large_records_ends_early() {
    let site = Site::start().await;
    let need = site.need(json!({})).await;
    let id = site.accepted(&need).await;
    site.sql(&format!(
        "SELECT aiida.make_partitions(ARRAY['2026-11-01'::date]);
         INSERT INTO aiida.message (permission_id, sent_at, digest, channel, schema, payload)
         SELECT '{id}', '2026-11-01T00:00:00Z'::timestamptz + n * interval '1 s', int4send(n), 'data', 'OPAQUE',
                convert_to(repeat('x', 1500000), 'UTF8')
         FROM generate_series(1, 7) n"
    ))
    .await;
    let path = format!("/api/v1/permissions/{id}/messages");
    let first = site.get(&format!("{path}?limit=1000")).await;
    assert!(first.body.len() < 4_200_000, "{} bytes", first.body.len());
    assert_eq!(first.ok(200)["messages"].as_array().unwrap().len(), 2);
    let (rows, pages) = all(&site, &format!("{path}?limit=1000"), "messages").await;
    assert_eq!((rows.len(), pages), (7, 4));
    let times: std::collections::BTreeSet<_> = rows
        .iter()
        .map(|row| row["sentAt"].as_str().unwrap())
        .collect();
    assert_eq!(times.len(), 7);
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_messages_can_be_looked_at() {
    let site = Site::start().await;
    let id = permitted(&site).await;
    site.sql(&format!(
        "INSERT INTO aiida.refusal VALUES ('{id}', 'unreadable', 70, '2026-11-02T12:00:00Z');
         INSERT INTO aiida.refused_message (permission_id, topic, reason, received_at, payload)
         SELECT '{id}', 'aiida/v1/{id}/data/outbound/opaque', 'unreadable', '2026-11-02T12:00:00Z', n::text::bytea
         FROM generate_series(1, 7) n"
    ))
    .await;
    let path = format!("/api/v1/permissions/{id}/refused");
    let (rows, pages) = all(&site, &format!("{path}?limit=3"), "refused").await;
    assert_eq!((rows.len(), pages), (7, 3));
    assert_eq!(rows[0]["payload"], "7");
    assert_eq!(rows[6]["reason"], "unreadable");
    let counts = site.get(&path).await.ok(200)["counts"].clone();
    assert_eq!(
        counts,
        json!([{"reason": "unreadable", "messages": 70, "lastAt": "2026-11-02T12:00:00Z"}])
    );
}
