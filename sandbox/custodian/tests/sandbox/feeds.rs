//! Every batch reads back and holds exactly what the model says.

use custodian::model::DayRange;
use espi::Content;
use jiff::civil::date;

use crate::harness::{Sandbox, entries, outline, read};

#[tokio::test]
async fn windows_are_whole_local_days_with_both_ends() {
    let sandbox = Sandbox::start();
    let tokens = sandbox.authorize("fable").await;
    for (first, last, quarter_hours) in [
        (date(2026, 3, 7), date(2026, 3, 9), 96 + 92 + 96),
        (date(2026, 3, 8), date(2026, 3, 8), 92),
        (date(2026, 11, 1), date(2026, 11, 1), 100),
        (date(2025, 11, 2), date(2025, 11, 3), 100 + 96),
        (date(2026, 6, 1), date(2026, 6, 28), 28 * 96),
    ] {
        for index in 0..3 {
            let point = sandbox.point("fable", index);
            let path = sandbox.batch(tokens.id, &point, first, last);
            let response = sandbox.get(&path, &tokens.access).await;
            assert_eq!(response.status(), 200, "{path}");
            let feed = response.bytes().await.unwrap();
            let truth = sandbox.truth("fable", &point, DayRange::new(first, last));
            assert_eq!(read(&feed), truth, "{path}");
            let days = u64::try_from((last - first).get_days()).unwrap() + 1;
            let expected = if index == 2 { days } else { quarter_hours };
            assert!(truth.iter().all(|flow| flow.count == expected), "{path}");
        }
    }
}

#[tokio::test]
async fn a_feed_looks_like_pge() {
    let sandbox = Sandbox::start();
    let tokens = sandbox.authorize("fable").await;
    let point = sandbox.point("fable", 1);
    let path = sandbox.batch(tokens.id, &point, date(2026, 10, 1), date(2026, 11, 2));
    let response = sandbox.get(&path, &tokens.access).await;
    assert_eq!(
        response.headers()["content-type"],
        "application/atom+xml;charset=UTF-8"
    );
    let text = response.text().await.unwrap();
    assert!(
        text.starts_with("<ns1:feed xmlns:ns0=\"http://naesb.org/espi\" xmlns:ns1="),
        "{}",
        &text[..80]
    );
    assert!(!text.contains('\n'), "one long line");
    let entries = entries(text.as_bytes());
    // The import's type comes before its blocks, the export's after them.
    assert_eq!(
        outline(&entries),
        [
            "LocalTimeParameters",
            "ReadingType",
            "UsagePoint",
            "MeterReading",
            "IntervalBlock",
            "MeterReading",
            "IntervalBlock",
            "ReadingType",
            "UsageSummary",
            "other",
        ]
    );
    let blocks: Vec<_> = entries
        .iter()
        .filter_map(|entry| match &entry.content {
            Content::IntervalBlocks(blocks) => Some(&blocks[0]),
            _ => None,
        })
        .collect();
    assert_eq!(blocks.len(), 2 * 33);
    let lengths: Vec<_> = blocks[30..33]
        .iter()
        .map(|block| block.duration.unwrap())
        .collect();
    assert_eq!(lengths, [86_400, 90_000, 86_400]);
    let qualities: Vec<u16> = blocks
        .iter()
        .flat_map(|b| &b.readings)
        .map(|r| r.quality[0])
        .collect();
    assert!(qualities.contains(&17) && qualities.contains(&19));
    let summary = entries
        .iter()
        .find(|entry| matches!(entry.content, Content::UsageSummary(_)))
        .unwrap();
    assert!(
        summary
            .links
            .self_href
            .as_ref()
            .unwrap()
            .ends_with("/1,790,838,000,000"),
        "{summary:?}"
    );
}

#[tokio::test]
async fn data_lag_and_what_is_beyond_is_no_content() {
    let sandbox = Sandbox::start();
    let tokens = sandbox.authorize("fable").await;
    let (point, last) = (sandbox.point("fable", 0), sandbox.last_day().await);
    assert_eq!(last, date(2026, 11, 17));
    let response = async |first, to| {
        let path = sandbox.batch(tokens.id, &point, first, to);
        sandbox.get(&path, &tokens.access).await
    };
    let feed = response(date(2026, 11, 16), date(2026, 11, 20))
        .await
        .bytes()
        .await
        .unwrap();
    assert_eq!(read(&feed)[0].count, 2 * 96);
    let recent: Vec<u16> = entries(&feed)
        .iter()
        .filter_map(|entry| match &entry.content {
            Content::IntervalBlocks(blocks) => Some(blocks[0].readings.iter()),
            _ => None,
        })
        .flat_map(|readings| readings.map(|reading| reading.quality[0]))
        .collect();
    assert!(
        recent.iter().all(|quality| *quality == 17),
        "the newest days are not final"
    );
    let empty = response(date(2026, 11, 18), date(2026, 11, 20)).await;
    assert_eq!(empty.status(), 204);
    assert_eq!(empty.bytes().await.unwrap().len(), 0);
    // 24 months were shared.
    assert_eq!(
        response(date(2024, 11, 1), date(2024, 11, 19))
            .await
            .status(),
        204
    );
    assert_eq!(
        response(date(2024, 11, 1), date(2024, 11, 20))
            .await
            .status(),
        200
    );
    sandbox.clock.advance(jiff::SignedDuration::from_hours(24));
    let tokens = sandbox.authorize("fable").await;
    let path = sandbox.batch(tokens.id, &point, date(2026, 11, 18), date(2026, 11, 18));
    assert_eq!(
        sandbox.status(&path, &tokens.access).await,
        200,
        "a day later there is one more day"
    );
}

#[tokio::test]
async fn a_newcomer_has_nothing_before_moving_in() {
    let sandbox = Sandbox::start();
    let tokens = sandbox.authorize("newcomer").await;
    let point = sandbox.point("newcomer", 0);
    let since = sandbox.model.customer("newcomer").unwrap().since;
    let before = since.yesterday().unwrap();
    let path = sandbox.batch(tokens.id, &point, date(2026, 6, 1), before);
    assert_eq!(sandbox.status(&path, &tokens.access).await, 204);
    let path = sandbox.batch(tokens.id, &point, before, since);
    let feed = sandbox
        .get(&path, &tokens.access)
        .await
        .bytes()
        .await
        .unwrap();
    assert_eq!(read(&feed)[0].count, 96);
}

#[tokio::test]
async fn two_years_come_as_one_stream() {
    let sandbox = Sandbox::start();
    let tokens = sandbox.authorize("fable").await;
    let point = sandbox.point("fable", 1);
    let path = format!("Batch/Subscription/{}/UsagePoint/{point}", tokens.id);
    let feed = sandbox
        .get(&path, &tokens.access)
        .await
        .bytes()
        .await
        .unwrap();
    let truth = sandbox.truth(
        "fable",
        &point,
        DayRange::new(date(2024, 11, 20), date(2026, 11, 17)),
    );
    assert_eq!(truth[0].count, 728 * 96);
    assert_eq!(read(&feed), truth);
}

#[tokio::test]
async fn iso_times_and_nonsense() {
    let sandbox = Sandbox::start();
    let tokens = sandbox.authorize("fable").await;
    let point = sandbox.point("fable", 2);
    let base = format!("Batch/Subscription/{}/UsagePoint/{point}", tokens.id);
    let iso =
        format!("{base}?published-min=2026-03-08T08:00:00Z&published-max=2026-03-10T07:00:00Z");
    let feed = sandbox
        .get(&iso, &tokens.access)
        .await
        .bytes()
        .await
        .unwrap();
    assert_eq!(
        read(&feed),
        sandbox.truth(
            "fable",
            &point,
            DayRange::new(date(2026, 3, 8), date(2026, 3, 10))
        )
    );
    for query in [
        "published-min=soon",
        "published-min=2&published-max=1",
        "correlationID=1",
    ] {
        assert_eq!(
            sandbox
                .status(&format!("{base}?{query}"), &tokens.access)
                .await,
            400,
            "{query}"
        );
    }
}
