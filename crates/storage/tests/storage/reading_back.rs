//! Readings in the order of an export.

use std::pin::pin;

use futures_util::TryStreamExt;
use storage::smd::reading::{SeriesCodes, StagedReading, in_order, series_of};

use crate::fixture::{Fixture, codes, feed, feed_series, hour, planned, row};

#[tokio::test]
async fn the_series_are_those_with_readings_once_per_multiplier() {
    let mut it = Fixture::new().await;
    let id = planned(&mut it.conn, "100", &["up-1", "up-2"]).await;
    let other = planned(&mut it.conn, "200", &["up-9"]).await;
    let export = SeriesCodes {
        flow: 19,
        ..codes("up-1")
    };
    let (mut second, mut third) = (row(1, 1), row(1, 1));
    (second.series, third.series) = (1, 2);
    let rows = [row(1, 1), row(2, 1), second, third];
    let empty = SeriesCodes {
        unit: 169,
        ..codes("up-1")
    };
    let series = [
        feed_series(0, id, codes("up-2")),
        feed_series(1, id, export.clone()),
        feed_series(2, id, codes("up-1")),
        feed_series(3, id, empty),
    ];
    feed(&mut it.conn, &rows, &series).await;
    let mut changed = feed_series(0, id, codes("up-2"));
    changed.multiplier = 0;
    feed(&mut it.conn, &[row(2, 1)], &[changed]).await;
    feed(
        &mut it.conn,
        &[row(1, 1)],
        &[feed_series(0, other, codes("up-9"))],
    )
    .await;

    let all = series_of(&mut it.conn, id).await.unwrap();
    let told: Vec<_> = all
        .iter()
        .map(|one| (one.codes.clone(), one.multiplier))
        .collect();
    assert_eq!(
        told,
        [
            (codes("up-1"), -3),
            (export, -3),
            (codes("up-2"), -3),
            (codes("up-2"), 0)
        ]
    );
}

#[tokio::test]
async fn readings_come_by_usage_point_start_duration_and_series() {
    let mut it = Fixture::new().await;
    // In byte order capitals come first, whatever the database's collation.
    let id = planned(&mut it.conn, "100", &["a", "B"]).await;
    let export = SeriesCodes {
        flow: 19,
        ..codes("a")
    };
    let rows: Vec<StagedReading> = [
        (0, 2, 3600),
        (0, 1, 3600),
        (0, 1, 900),
        (1, 1, 3600),
        (1, 2, 3600),
        (2, 5, 3600),
    ]
    .into_iter()
    .map(|(series, hours, duration)| StagedReading {
        series,
        duration,
        ..row(hours, 0)
    })
    .collect();
    let series = [
        feed_series(0, id, codes("a")),
        feed_series(1, id, export),
        feed_series(2, id, codes("B")),
    ];
    feed(&mut it.conn, &rows, &series).await;

    let mut wanted = series_of(&mut it.conn, id).await.unwrap();
    let flows: Vec<_> = wanted
        .iter()
        .map(|one| (one.codes.usage_point_id.as_str(), one.codes.flow))
        .collect();
    assert_eq!(flows, [("B", 1), ("a", 1), ("a", 19)]);
    // The order of the slice decides between series; here export first.
    wanted.swap(1, 2);
    let read: Vec<_> = in_order(&mut it.conn, &wanted)
        .await
        .unwrap()
        .try_collect()
        .await
        .unwrap();
    let told: Vec<_> = read
        .iter()
        .map(|one| (one.series, one.starts_at, one.duration))
        .collect();
    let expected = [
        (0, hour(5), 3600),
        (2, hour(1), 900),
        (1, hour(1), 3600),
        (2, hour(1), 3600),
        (1, hour(2), 3600),
        (2, hour(2), 3600),
    ];
    assert_eq!(told, expected);
}

#[tokio::test]
async fn only_the_wanted_series_and_multipliers_are_read() {
    let mut it = Fixture::new().await;
    let id = planned(&mut it.conn, "100", &["up-1"]).await;
    let full = StagedReading {
        quality: vec![8, 9],
        tou: Some(1),
        cpp: Some(2),
        cost: Some(3),
        ..row(1, 41)
    };
    feed(
        &mut it.conn,
        &[full, row(2, 42)],
        &[feed_series(0, id, codes("up-1"))],
    )
    .await;
    let mut changed = feed_series(0, id, codes("up-1"));
    changed.multiplier = 2;
    feed(&mut it.conn, &[row(3, 43)], &[changed]).await;
    let all = series_of(&mut it.conn, id).await.unwrap();
    assert_eq!(all.len(), 2);
    let read: Vec<_> = in_order(&mut it.conn, &all[..1])
        .await
        .unwrap()
        .try_collect()
        .await
        .unwrap();
    assert_eq!(
        read.iter().map(|one| one.value).collect::<Vec<_>>(),
        [41, 42]
    );
    let first = &read[0];
    assert_eq!(
        (first.quality.as_slice(), first.tou, first.cpp, first.cost),
        ([8, 9].as_slice(), Some(1), Some(2), Some(3))
    );
    let read: Vec<_> = in_order(&mut it.conn, &[])
        .await
        .unwrap()
        .try_collect()
        .await
        .unwrap();
    assert!(read.is_empty());
}

/// A reader may stop early; the connection is good afterwards.
#[tokio::test]
async fn a_stream_can_be_left_half_way() {
    let mut it = Fixture::new().await;
    let id = planned(&mut it.conn, "100", &["up-1"]).await;
    let rows: Vec<_> = (0..96)
        .flat_map(|n| {
            (1..=60).map(move |d| StagedReading {
                duration: d,
                ..row(n, 1)
            })
        })
        .collect();
    feed(&mut it.conn, &rows, &[feed_series(0, id, codes("up-1"))]).await;
    let wanted = series_of(&mut it.conn, id).await.unwrap();
    {
        let mut readings = pin!(in_order(&mut it.conn, &wanted).await.unwrap());
        assert_eq!(readings.try_next().await.unwrap().unwrap().duration, 1);
    }
    let mut all = 0;
    let mut readings = pin!(in_order(&mut it.conn, &wanted).await.unwrap());
    while readings.try_next().await.unwrap().is_some() {
        all += 1;
    }
    assert_eq!(all, 96 * 60);
}
