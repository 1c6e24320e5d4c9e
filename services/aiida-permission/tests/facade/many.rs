//! Many open pages are one question to the database.

use diesel_async::{AsyncConnection as _, AsyncPgConnection, SimpleAsyncConnection as _};
use futures_util::future::join_all;
use reqwest::Response;
use test_support::wait;

use crate::page::shown;
use crate::site::{DEADLINE, FULL, Site};

const PAGES: usize = 300;

/// Copies the only permission: as many pages, with tickets of their own.
const COPY: &str = "INSERT INTO aiida.permission (id, bundle_id, connection_id, data_need_id, data_need, status, created_at,
         status_at, sent_at, ticket_hash)
     SELECT md5('made up ' || n)::uuid, md5('request ' || n)::uuid, 'household ' || n, data_need_id, data_need, status,
         created_at, status_at, sent_at, sha256(convert_to('ticket-' || n, 'UTF8'))
     FROM aiida.permission, generate_series(1, 300) n";

/// Until the stream says so; what came before is forgotten.
async fn until(stream: &mut Response, wanted: &str) {
    let mut told = String::new();
    let reading = async {
        while !told.contains(wanted) {
            let chunk = stream.chunk().await.unwrap().expect("the stream has ended");
            told += std::str::from_utf8(&chunk).unwrap();
        }
    };
    let reading = tokio::time::timeout(DEADLINE, reading).await;
    assert!(reading.is_ok(), "{wanted} in {told}");
}

/// Questions for the permissions of tickets that wait for the table, those that have for this long.
async fn waiting(site: &Site, seconds: u32) -> usize {
    let query = format!(
        "SELECT count(*) FROM pg_stat_activity
         WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%ticket_hash%'
           AND query_start <= clock_timestamp() - {seconds} * interval '1 second'"
    );
    site.texts(&query).await[0].parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn many_open_pages_are_one_question_to_the_database() {
    let site = Site::start().await;
    shown(&site, &[FULL]).await;
    site.sql(COPY).await;
    let open = async |number: usize| {
        let url = site.url(&format!("/permissions/ticket-{number}/events"));
        let mut stream = site.http.get(url).send().await.unwrap();
        assert_eq!(stream.status(), 200);
        until(&mut stream, "data: asked\n").await;
        stream
    };
    let mut streams = join_all((1..=PAGES).map(open)).await;
    // While nobody can read the table, whoever wants to is seen: for longer than pages go without a look.
    let mut holder = AsyncPgConnection::establish(&site.database.url())
        .await
        .unwrap();
    let lock = "BEGIN; LOCK TABLE aiida.permission IN ACCESS EXCLUSIVE MODE";
    holder.batch_execute(lock).await.unwrap();
    wait::until(DEADLINE, "a look at all pages", async || {
        (waiting(&site, 6).await > 0).then_some(())
    })
    .await;
    assert_eq!(waiting(&site, 0).await, 1, "for {PAGES} pages");
    // No event tells of this: it shows with the next look, on every page.
    let change = "UPDATE aiida.permission SET code = 'bundle', starts_on = current_date; COMMIT";
    holder.batch_execute(change).await.unwrap();
    join_all(
        streams
            .iter_mut()
            .map(|stream| until(stream, "data: seen\n")),
    )
    .await;
}
