//! Every document reads back, and every feed holds exactly what the model says.

use custodian::model::DayRange;
use espi::{AuthorizationStatus, Binder, Content, Reader};
use jiff::civil::date;

use crate::harness::{BULK, REGISTRATION, Sandbox, entries, outline, read};

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

#[tokio::test]
async fn blocks_alone_need_their_reading_type_fetched() {
    let sandbox = Sandbox::start();
    let tokens = sandbox.authorize("fable").await;
    let point = sandbox.point("fable", 1);
    let base = format!("Subscription/{}/UsagePoint/{point}/MeterReading", tokens.id);
    let list = sandbox
        .get(&base, &tokens.access)
        .await
        .bytes()
        .await
        .unwrap();
    let readings = entries(&list);
    assert_eq!(readings.len(), 2);
    let days = DayRange::new(date(2026, 7, 1), date(2026, 7, 2));
    let mut sums = Vec::new();
    for reading in &readings {
        let own = reading.links.self_href.clone().unwrap();
        assert_eq!(sandbox.follow(&own, &tokens.access).await.status(), 200);
        let type_href = reading
            .links
            .related
            .iter()
            .find(|href| href.contains("/ReadingType/"))
            .unwrap();
        let kind = sandbox
            .follow(type_href, &tokens.access)
            .await
            .bytes()
            .await
            .unwrap();
        let Content::ReadingType(kind) = entries(&kind).remove(0).content else {
            panic!("a reading type")
        };
        let blocks = reading
            .links
            .related
            .iter()
            .find(|href| href.ends_with("/IntervalBlock"))
            .unwrap();
        let url = format!(
            "{blocks}?published-min=2026-07-01T07:00:00Z&published-max=2026-07-02T07:00:00Z"
        );
        let feed = sandbox
            .follow(&url, &tokens.access)
            .await
            .bytes()
            .await
            .unwrap();
        let mut binder = Binder::new().with_reading_type(type_href, kind.clone());
        for entry in Reader::new(&feed[..]) {
            let blocks = binder.push(entry.unwrap()).unwrap();
            sums.extend(
                blocks
                    .iter()
                    .flat_map(|block| &block.readings)
                    .map(|r| (kind.flow_direction.unwrap().code(), r.value)),
            );
        }
    }
    for flow in sandbox.truth("fable", &point, days) {
        let of_flow: Vec<i64> = sums
            .iter()
            .filter(|(code, _)| *code == flow.flow)
            .map(|(_, v)| *v)
            .collect();
        assert_eq!(
            (of_flow.len(), of_flow.iter().sum::<i64>()),
            (192, flow.sum)
        );
    }
}

#[tokio::test]
async fn single_documents_read_back() {
    let sandbox = Sandbox::start();
    let tokens = sandbox.authorize("awkward").await;
    let (id, access) = (tokens.id, &tokens.access);
    let fetch = async |path: &str, token: &str| {
        let response = sandbox.get(path, token).await;
        assert_eq!(response.status(), 200, "{path}");
        entries(&response.bytes().await.unwrap())
    };
    let points = fetch(&format!("Subscription/{id}/UsagePoint"), access).await;
    let kinds: Vec<_> = points
        .iter()
        .map(|entry| match &entry.content {
            Content::UsagePoint(point) => point.service_kind.unwrap().code(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(kinds, [0, 1]);
    let own = points[0].links.self_href.clone().unwrap();
    assert!(own.ends_with(&sandbox.point("awkward", 0)));
    assert_eq!(
        entries(&sandbox.follow(&own, access).await.bytes().await.unwrap()).len(),
        1
    );
    let time = fetch("LocalTimeParameters/1", access).await.remove(0);
    let Content::LocalTimeParameters(time) = time.content else {
        panic!("local time")
    };
    assert_eq!(time.dst_start_rule.unwrap().to_hex(), "360E2000");
    assert_eq!(fetch("ReadingType", access).await.len(), 3);
    fetch("ReadingType/NzI6bnVsbDo5MDA6MTk=", access).await;
    fetch("ReadingType/NzI6bnVsbDo5MDA6MTk%3D", access).await;
    let customer = fetch(&format!("Batch/RetailCustomer/{id}"), access).await;
    let names: Vec<_> = customer
        .iter()
        .filter_map(|entry| match &entry.content {
            Content::Customer(customer) => customer.name.clone(),
            _ => None,
        })
        .collect();
    assert_eq!(names, ["O'Brien & Söhne / \"Test\" <Solar>"]);
    let bills = fetch(
        &format!(
            "Subscription/{id}/UsagePoint/{}/UsageSummary",
            sandbox.point("awkward", 1)
        ),
        access,
    )
    .await;
    assert_eq!(bills.len(), 23, "the whole months of two years");
    let about = fetch(&format!("ApplicationInformation/{BULK}"), REGISTRATION)
        .await
        .remove(0);
    let Content::ApplicationInformation(about) = about.content else {
        panic!("a registration")
    };
    assert!(
        about
            .bulk_request_uri
            .unwrap()
            .ends_with("/Batch/Bulk/50916")
    );
}

#[tokio::test]
async fn an_authorization_tells_its_periods_in_milliseconds() {
    let sandbox = Sandbox::start();
    let tokens = sandbox.authorize("fable").await;
    let client = sandbox.client_token().await;
    let text = sandbox
        .get(&format!("Authorization/{}", tokens.id), &client)
        .await
        .text()
        .await
        .unwrap();
    let entry = entries(text.as_bytes()).remove(0);
    let Content::Authorization(authorization) = entry.content else {
        panic!("an authorization")
    };
    assert_eq!(authorization.status, Some(AuthorizationStatus::Active));
    let published = authorization.published_period.unwrap();
    let calendar = sandbox.model.calendar();
    assert_eq!(
        calendar.day_of(published.start.unwrap()),
        date(2024, 11, 20)
    );
    assert_eq!(
        published.end().unwrap().as_second(),
        calendar.bounds(date(2026, 11, 17)).unwrap().end
    );
    let milliseconds = format!(
        "<ns0:start>{}</ns0:start>",
        published.start.unwrap().as_millisecond()
    );
    assert!(text.contains(&milliseconds), "{text}");
    assert_eq!(
        authorization.expires_at.unwrap().as_second(),
        crate::harness::start_time().as_second() + 3_600
    );
    let list = entries(
        &sandbox
            .get("Authorization", &client)
            .await
            .bytes()
            .await
            .unwrap(),
    );
    assert_eq!(list.len(), 1);
}
