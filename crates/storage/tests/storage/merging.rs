//! Staging and merging: one row per interval, the later publication wins, nothing comes back to what
//! has ended.

use diesel_async::AsyncConnection;
use storage::smd::authorization::{Stage, lock, mark_withdrawn};
use storage::smd::reading::{self, SeriesCodes, StagedReading};
use storage::smd::{AuthorizationId, erasure};

use crate::fixture::{
    Fixture, authorize, begin, codes, commit, feed, feed_series, fetched, hour, planned, row,
    until_blocked, uuid,
};

const READINGS: &str = "SELECT count(*) FROM smd.reading";
const VALUE: &str = "SELECT sum(value) FROM smd.reading";

fn published(hours: i64, value: i64, published: Option<i64>) -> StagedReading {
    StagedReading {
        published_at: published.map(hour),
        ..row(hours, value)
    }
}

async fn prepared() -> (Fixture, AuthorizationId) {
    let mut it = Fixture::new().await;
    let id = planned(&mut it.conn, "100", &["up-1"]).await;
    (it, id)
}

#[tokio::test]
async fn a_feed_is_stored_as_it_was_read() {
    let (mut it, id) = prepared().await;
    let full = StagedReading {
        duration: 900,
        quality: vec![17, 19],
        tou: Some(2),
        cpp: Some(3),
        cost: Some(-45_000),
        ..row(5, -120)
    };
    let bare = StagedReading {
        quality: vec![],
        published_at: None,
        ..row(6, i64::MAX)
    };
    assert_eq!(
        feed(
            &mut it.conn,
            &[full, bare],
            &[feed_series(0, id, codes("up-1"))]
        )
        .await,
        2
    );
    let stored = "SELECT count(*) FROM smd.reading WHERE duration = 900 AND quality = '{17,19}' AND tou = 2 AND cpp = 3
                  AND cost = -45000 AND value = -120 AND multiplier = -3 AND starts_at = '2024-03-01T13:00Z'
                  AND published_at IS NOT NULL";
    assert_eq!(it.number(stored).await, 1);
    let stored = "SELECT count(*) FROM smd.reading WHERE quality = '{}' AND tou IS NULL AND cpp IS NULL AND cost IS NULL
                  AND published_at IS NULL AND value = 9223372036854775807";
    assert_eq!(it.number(stored).await, 1);
    assert_eq!(
        it.number("SELECT count(*) FROM smd.staged_reading").await,
        0
    );
}

#[tokio::test]
async fn a_feed_that_repeats_an_interval_gives_it_once() {
    let (mut it, id) = prepared().await;
    let rows = [
        published(1, 10, Some(2)),
        published(1, 30, Some(3)),
        published(1, 20, Some(1)),
        published(1, 5, None),
        // Another duration is another interval.
        StagedReading {
            duration: 900,
            ..published(1, 100, Some(1))
        },
    ];
    assert_eq!(
        feed(&mut it.conn, &rows, &[feed_series(0, id, codes("up-1"))]).await,
        5
    );
    assert_eq!(it.number(READINGS).await, 2);
    assert_eq!(it.number(VALUE).await, 130);
}

#[tokio::test]
async fn of_equal_publications_the_one_that_came_later_wins() {
    let (mut it, id) = prepared().await;
    let series = [feed_series(0, id, codes("up-1"))];
    let mut rows: Vec<_> = (0..50).map(|n| published(1, n, Some(7))).collect();
    rows.extend((0..50).map(|n| published(2, n, None)));
    feed(&mut it.conn, &rows, &series).await;
    assert_eq!(it.number(VALUE).await, 49 + 49, "inside a feed");
    feed(
        &mut it.conn,
        &[published(1, 1_000, Some(7)), published(2, 2_000, None)],
        &series,
    )
    .await;
    assert_eq!(it.number(VALUE).await, 3_000, "across feeds");
}

#[tokio::test]
async fn a_later_publication_corrects_and_an_older_one_does_not() {
    let (mut it, id) = prepared().await;
    let series = [feed_series(0, id, codes("up-1"))];
    feed(&mut it.conn, &[published(1, 10, Some(5))], &series).await;
    let corrected = StagedReading {
        quality: vec![19],
        ..published(1, 11, Some(6))
    };
    feed(&mut it.conn, &[corrected], &series).await;
    assert_eq!(
        it.number("SELECT count(*) FROM smd.reading WHERE value = 11 AND quality = '{19}'")
            .await,
        1
    );
    feed(&mut it.conn, &[published(1, 12, Some(4))], &series).await;
    feed(&mut it.conn, &[published(1, 13, None)], &series).await;
    assert_eq!(it.number(VALUE).await, 11);
    assert_eq!(it.number(READINGS).await, 1);
}

#[tokio::test]
async fn the_same_feed_twice_changes_nothing() {
    let (mut it, id) = prepared().await;
    let series = [feed_series(0, id, codes("up-1"))];
    let rows: Vec<_> = (0..96).map(|n| row(n, n * 3)).collect();
    feed(&mut it.conn, &rows, &series).await;
    let content = "SELECT hashtext(string_agg(r::text, ',' ORDER BY starts_at)) FROM smd.reading r";
    let before = it.number(content).await;
    assert_eq!(feed(&mut it.conn, &rows, &series).await, 96);
    assert_eq!(it.number(content).await, before);
    assert_eq!(it.number(READINGS).await, 96);
}

#[tokio::test]
async fn readings_outside_the_history_are_dropped() {
    let (mut it, id) = prepared().await;
    let rows = [row(-1, 1), row(0, 10), row(95, 100), row(96, 1_000)];
    assert_eq!(
        feed(&mut it.conn, &rows, &[feed_series(0, id, codes("up-1"))]).await,
        4
    );
    assert_eq!(it.number(VALUE).await, 110);
}

#[tokio::test]
async fn series_that_are_not_named_are_dropped() {
    let (mut it, id) = prepared().await;
    let other = StagedReading {
        series: 1,
        ..row(1, 100)
    };
    assert_eq!(
        feed(
            &mut it.conn,
            &[row(1, 1), other],
            &[feed_series(0, id, codes("up-1"))]
        )
        .await,
        2
    );
    assert_eq!(it.number(VALUE).await, 1);
    assert_eq!(feed(&mut it.conn, &[row(2, 5)], &[]).await, 1);
    assert_eq!(it.number(VALUE).await, 1);
}

#[tokio::test]
async fn series_are_told_apart_by_what_they_mean() {
    let (mut it, id) = prepared().await;
    let export = SeriesCodes {
        flow: 19,
        ..codes("up-1")
    };
    let second = StagedReading {
        series: 1,
        ..row(1, 100)
    };
    let series = [
        feed_series(0, id, codes("up-1")),
        feed_series(1, id, export),
    ];
    feed(&mut it.conn, &[row(1, 1), second], &series).await;
    assert_eq!(it.number("SELECT count(*) FROM smd.series").await, 2);
    assert_eq!(it.number(READINGS).await, 2);
    // Two series of a feed that mean the same are one; the default quality is no part of the meaning.
    let twin = SeriesCodes {
        default_quality: 19,
        ..codes("up-1")
    };
    let second = StagedReading {
        series: 1,
        ..row(2, 100)
    };
    let series = [feed_series(0, id, codes("up-1")), feed_series(1, id, twin)];
    feed(&mut it.conn, &[row(2, 1), second], &series).await;
    assert_eq!(it.number("SELECT count(*) FROM smd.series").await, 2);
    assert_eq!(it.number(READINGS).await, 3);
}

#[tokio::test]
async fn a_changed_multiplier_is_kept_with_its_readings() {
    let (mut it, id) = prepared().await;
    let mut series = feed_series(0, id, codes("up-1"));
    feed(
        &mut it.conn,
        &[row(1, 1_000), row(2, 1_000)],
        &[series.clone()],
    )
    .await;
    series.multiplier = 0;
    feed(&mut it.conn, &[row(2, 1)], &[series]).await;
    assert_eq!(it.number("SELECT count(*) FROM smd.series").await, 1);
    let both = "SELECT count(*) FROM smd.reading WHERE (value, multiplier) IN ((1000, -3), (1, 0))";
    assert_eq!(it.number(both).await, 2);
}

#[tokio::test]
async fn a_feed_for_several_authorizations_fills_those_still_pulled() {
    let mut it = Fixture::new().await;
    let open = planned(&mut it.conn, "100", &["up-1"]).await;
    let done = fetched(&mut it.conn, "200").await;
    let before = it.number(READINGS).await;
    let second = StagedReading {
        series: 1,
        ..row(20, 1)
    };
    let series = [
        feed_series(0, open, codes("up-1")),
        feed_series(1, done, codes("up-2")),
    ];
    assert_eq!(feed(&mut it.conn, &[row(20, 1), second], &series).await, 2);
    assert_eq!(it.number(READINGS).await, before + 1);
    assert_eq!(
        it.number("SELECT count(*) FROM smd.series WHERE usage_point_id = 'up-2'")
            .await,
        0
    );
}

/// The feed is on its way when the customer ends the authorization, authorizes again or is erased.
#[tokio::test]
async fn nothing_comes_back_to_what_has_ended() {
    for end in ["withdrawn", "superseded", "erased"] {
        let mut it = Fixture::new().await;
        let id = planned(&mut it.conn, "100", &["up-1"]).await;
        let batch = uuid();
        reading::stage(&mut it.conn, batch, &[row(1, 1)])
            .await
            .unwrap();
        match end {
            "withdrawn" => mark_withdrawn(&mut it.conn, id).await.unwrap(),
            "superseded" => drop(authorize(&mut it.conn, "100").await),
            _ => erasure::erase(&mut it.conn, id).await.unwrap(),
        }
        let merged = reading::merge(&mut it.conn, batch, 1, &[feed_series(0, id, codes("up-1"))])
            .await
            .unwrap();
        assert_eq!(merged, 1);
        let left = "SELECT (SELECT count(*) FROM smd.reading) + (SELECT count(*) FROM smd.series)
                         + (SELECT count(*) FROM smd.staged_reading)";
        assert_eq!(it.number(left).await, 0, "{end}");
    }
}

/// The erasure holds the row: the merge waits for it, and then finds the tombstone.
#[tokio::test]
async fn a_merge_during_an_erasure_waits_and_adds_nothing() {
    let mut it = Fixture::new().await;
    let id = planned(&mut it.conn, "100", &["up-1"]).await;
    let batch = uuid();
    reading::stage(&mut it.conn, batch, &[row(1, 1)])
        .await
        .unwrap();
    let mut second = it.connect().await;
    begin(&mut it.conn).await;
    lock(&mut it.conn, id).await.unwrap();
    let merging = tokio::spawn(async move {
        let series = [feed_series(0, id, codes("up-1"))];
        second
            .transaction(async |conn| reading::merge(conn, batch, 1, &series).await)
            .await
    });
    until_blocked(&mut it.conn).await;
    erasure::erase(&mut it.conn, id).await.unwrap();
    commit(&mut it.conn).await;
    assert_eq!(merging.await.unwrap().unwrap(), 1);
    assert_eq!(it.number(READINGS).await, 0);
    assert_eq!(it.number("SELECT count(*) FROM smd.series").await, 0);
    assert_eq!(it.stage_of(id).await, Stage::Erased);
}
