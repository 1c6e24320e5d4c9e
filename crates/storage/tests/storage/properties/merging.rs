//! Feeds of any order, with duplicates, overlaps and corrections: each interval is there exactly once, with the value
//! that was published last, or else came last.

use std::collections::BTreeMap;

use diesel::QueryableByName;
use diesel::sql_types::BigInt;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use storage::smd::reading::{SeriesCodes, StagedReading};
use tokio::sync::Mutex;

use super::{for_all, runtime};
use crate::fixture::{Fixture, codes, feed, feed_series, hour, planned, row};

/// Hours that the plan covers: what is before or after is dropped.
const HISTORY: std::ops::Range<i64> = 0..96;

/// A reading: which of two series, hour, duration, when published.
type Sent = (i32, i64, i32, Option<i64>);

fn sent() -> impl Strategy<Value = Sent> {
    let hours = prop_oneof![6 => 0..4_i64, 1 => 94..98_i64, 1 => -2..1_i64];
    let duration = prop::sample::select(vec![900, 3600]);
    (0..2_i32, hours, duration, of(0..3_i64))
}

#[derive(QueryableByName, Debug, PartialEq, Eq)]
struct Stored {
    #[diesel(sql_type = BigInt)]
    flow: i64,
    #[diesel(sql_type = BigInt)]
    hour: i64,
    #[diesel(sql_type = BigInt)]
    duration: i64,
    #[diesel(sql_type = BigInt)]
    value: i64,
}

async fn stored(conn: &mut AsyncPgConnection) -> Vec<Stored> {
    let query = format!(
        "SELECT s.flow::bigint, (extract(epoch FROM r.starts_at - '{}'::timestamptz) / 3600)::bigint AS hour,
                r.duration::bigint, r.value
         FROM smd.reading r JOIN smd.series s ON s.id = r.series_id ORDER BY 1, 2, 3",
        hour(0)
    );
    diesel::sql_query(query).load(conn).await.unwrap()
}

/// What has to be there: per interval the publication (none is the oldest) and the value.
type Model = BTreeMap<(i64, i64, i64), (Option<i64>, i64)>;

fn merge(model: &mut Model, (series, hour, duration, published): Sent, value: i64) {
    if !HISTORY.contains(&hour) {
        return;
    }
    let flow = if series == 0 { 1 } else { 19 };
    let newest = model
        .entry((flow, hour, i64::from(duration)))
        .or_insert((published, value));
    if published >= newest.0 {
        *newest = (published, value);
    }
}

#[test]
fn every_interval_is_there_once_and_the_newest_wins() {
    let runtime = runtime();
    let it = Mutex::new(runtime.block_on(Fixture::new()));
    let feeds = vec(vec(sent(), 0..12), 1..5);
    for_all(48, &feeds, &runtime, async |feeds| {
        let mut it = it.lock().await;
        it.sql("TRUNCATE smd.reading, smd.series, smd.pull, smd.usage_point, smd.authorization CASCADE")
            .await;
        let id = planned(&mut it.conn, "100", &["up-1"]).await;
        let export = SeriesCodes {
            flow: 19,
            ..codes("up-1")
        };
        let series = [
            feed_series(0, id, codes("up-1")),
            feed_series(1, id, export),
        ];
        let mut model = Model::new();
        let mut value = 0;
        for sent in feeds {
            let mut rows = Vec::new();
            for one in sent {
                value += 1;
                merge(&mut model, one, value);
                let (series, hours, duration, published) = one;
                rows.push(StagedReading {
                    series,
                    duration,
                    published_at: published.map(hour),
                    ..row(hours, value)
                });
            }
            feed(&mut it.conn, &rows, &series).await;
            let expected: Vec<_> = model
                .iter()
                .map(|((flow, hour, duration), (_, value))| Stored {
                    flow: *flow,
                    hour: *hour,
                    duration: *duration,
                    value: *value,
                })
                .collect();
            assert_eq!(stored(&mut it.conn).await, expected);
        }
    });
}
