//! Single documents and small lists read back.

use custodian::model::DayRange;
use espi::{AuthorizationStatus, Binder, Content, Reader};
use jiff::civil::date;

use crate::harness::{BULK, REGISTRATION, Sandbox, entries};

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
