//! What resources bring when all goes well, and bodies of readings that do not arrive whole.

use std::io::{self, BufRead, Read};

use espi::{AuthorizationStatus, FlowDirection, ServiceKind, service_status::ServiceStatus};
use smd_client::{Batch, Bearer, Body, Client, Error, Link, Window, WindowFormat};

use crate::server::{Custodian, CustomerTokens, RESOURCES, Reply};

pub(crate) const USAGE_POINTS: &str = r#"<ns1:feed xmlns:ns1="http://www.w3.org/2005/Atom"><ns1:id>1</ns1:id>
  <ns1:entry><ns1:id>2</ns1:id><ns1:link rel="self" href="https://api.pge.com/espi/Subscription/52111/UsagePoint/1000000001"/>
    <ns1:content><ns0:UsagePoint xmlns:ns0="http://naesb.org/espi"><ns0:ServiceCategory><ns0:kind>0</ns0:kind></ns0:ServiceCategory></ns0:UsagePoint></ns1:content></ns1:entry>
  <ns1:entry><ns1:id>3</ns1:id><ns1:link rel="self" href="https://api.pge.com/espi/Subscription/52111/UsagePoint/1000000002"/>
    <ns1:content><ns0:UsagePoint xmlns:ns0="http://naesb.org/espi"><ns0:ServiceCategory><ns0:kind>1</ns0:kind></ns0:ServiceCategory></ns0:UsagePoint></ns1:content></ns1:entry>
  <ns1:entry><ns1:id>3</ns1:id><ns1:link rel="self" href="https://api.pge.com/espi/Subscription/52111/UsagePoint/1000000002"/>
    <ns1:content><ns0:UsagePoint xmlns:ns0="http://naesb.org/espi"><ns0:ServiceCategory><ns0:kind>1</ns0:kind></ns0:ServiceCategory></ns0:UsagePoint></ns1:content></ns1:entry>
</ns1:feed>"#;

fn entry(content: &str) -> String {
    format!(
        r#"<a:entry xmlns:a="http://www.w3.org/2005/Atom" xmlns:e="http://naesb.org/espi" xmlns:c="http://naesb.org/espi/customer"><a:id>1</a:id><a:content>{content}</a:content></a:entry>"#
    )
}

#[tokio::test]
async fn all_usage_points_come_with_their_service() {
    let custodian = Custodian::start(|_| Reply::xml(USAGE_POINTS));
    let tokens = CustomerTokens::default();
    let points = custodian
        .client()
        .usage_points(&"52111".parse().unwrap(), &tokens)
        .await
        .unwrap();
    let found: Vec<_> = points
        .iter()
        .map(|it| (it.id.as_str(), it.service_kind))
        .collect();
    assert_eq!(
        found,
        [
            ("1000000001", Some(ServiceKind::Electricity)),
            ("1000000002", Some(ServiceKind::Gas))
        ]
    );
    let seen = &custodian.seen()[0];
    assert_eq!(
        seen.target,
        format!("{RESOURCES}/Subscription/52111/UsagePoint")
    );
    assert_eq!(seen.header("authorization"), "Bearer access-0");
    assert!(seen.header("accept").contains("atom+xml"));
}

#[tokio::test]
async fn a_usage_point_without_a_usable_link_is_not_left_out_silently() {
    let custodian = Custodian::start(|_| Reply::xml(&entry("<e:UsagePoint/>")));
    let tokens = CustomerTokens::default();
    let error = custodian
        .client()
        .usage_points(&"1".parse().unwrap(), &tokens)
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Malformed { .. }), "{error}");
}

#[tokio::test]
async fn reads_an_authorization_with_the_client_token() {
    let custodian = Custodian::with_tokens(|_| {
        Reply::xml(&entry(
            "<e:Authorization><e:publishedPeriod><e:duration>31536000000</e:duration><e:start>1440585200000</e:start></e:publishedPeriod><e:status>1</e:status></e:Authorization>",
        ))
    });
    let client = custodian.client();
    let uri = custodian.resource("Authorization/52111");
    let authorization = client.authorization(&uri).await.unwrap();
    assert_eq!(authorization.status, Some(AuthorizationStatus::Active));
    assert_eq!(
        authorization
            .published_period
            .unwrap()
            .start
            .unwrap()
            .as_second(),
        1_440_585_200
    );
    let last = custodian.seen().pop().unwrap();
    assert_eq!(last.target, format!("{RESOURCES}/Authorization/52111"));
    assert_eq!(last.header("authorization"), "Bearer client-1");
}

#[tokio::test]
async fn lists_every_authorization_or_fails() {
    let listed = |uri: &str| {
        format!(
            "<a:entry><a:id>1</a:id><a:content><e:Authorization><e:status>0</e:status><e:authorizationURI>{uri}</e:authorizationURI></e:Authorization></a:content></a:entry>"
        )
    };
    let feed = |inner: String| {
        format!(
            r#"<a:feed xmlns:a="http://www.w3.org/2005/Atom" xmlns:e="http://naesb.org/espi">{inner}</a:feed>"#
        )
    };
    let two = feed(format!(
        "{}{}",
        listed("https://h/Authorization/1"),
        listed("https://h/x/2")
    ));
    let custodian = Custodian::with_tokens(move |_| Reply::xml(&two));
    let list = custodian.client().authorizations().await.unwrap();
    assert_eq!(
        list.iter().map(|it| it.id.as_str()).collect::<Vec<_>>(),
        ["1", "2"]
    );
    assert_eq!(
        list[0].authorization.status,
        Some(AuthorizationStatus::Revoked)
    );

    let none = feed(String::new());
    let custodian = Custodian::with_tokens(move |_| Reply::xml(&none));
    assert!(
        custodian
            .client()
            .authorizations()
            .await
            .unwrap()
            .is_empty()
    );

    let bad = feed(listed("https://h/.."));
    let custodian = Custodian::with_tokens(move |_| Reply::xml(&bad));
    assert!(custodian.client().authorizations().await.is_err());
}

#[tokio::test]
async fn reading_types_are_found_by_link_or_id_but_only_at_our_custodian() {
    let custodian = Custodian::start(|_| {
        Reply::xml(&entry(
            "<e:ReadingType><e:flowDirection>19</e:flowDirection><e:uom>72</e:uom></e:ReadingType>",
        ))
    });
    let (client, tokens) = (custodian.client(), CustomerTokens::default());
    for link in [
        custodian.resource("ReadingType/pDw=="),
        format!("{RESOURCES}/ReadingType/pDw=="),
        "pDw==".to_owned(),
    ] {
        let found = client.reading_type(&link, &tokens).await.unwrap();
        assert_eq!(
            found.flow_direction,
            Some(FlowDirection::from_code(19)),
            "{link}"
        );
    }
    let targets = custodian.targets();
    assert!(
        targets
            .iter()
            .all(|it| *it == format!("GET {RESOURCES}/ReadingType/pDw==")),
        "{targets:?}"
    );
    for foreign in [
        "https://evil.example/ReadingType/1",
        "/datacustodian/oauth/v2/token",
        "..",
    ] {
        let error = client.reading_type(foreign, &tokens).await.unwrap_err();
        assert!(
            matches!(error, Error::ForeignLink { .. }),
            "{foreign}: {error}"
        );
    }
    assert_eq!(custodian.seen().len(), 3);
}

#[tokio::test]
async fn reads_local_time_name_status_and_sample() {
    let custodian = Custodian::with_tokens(|seen| {
        let name = seen.target.rsplit('/').next().unwrap();
        Reply::xml(&match name {
            "1" => entry("<e:LocalTimeParameters><e:tzOffset>-28800</e:tzOffset></e:LocalTimeParameters>"),
            "52111" => entry("<c:Customer><c:name> EXAMPLE, ADA </c:name></c:Customer>"),
            "52112" => entry("<c:Customer/>"),
            "ReadServiceStatus" => r#"<ServiceStatus xmlns="http://naesb.org/espi"><currentStatus>0</currentStatus></ServiceStatus>"#.to_owned(),
            "DownloadSampleData" => USAGE_POINTS.to_owned(),
            other => panic!("{other}"),
        })
    });
    let (client, tokens) = (custodian.client(), CustomerTokens::default());
    let local = client.local_time_parameters(&tokens).await.unwrap();
    assert_eq!(local.tz_offset, Some(-28800));
    let name = client
        .retail_customer(&"52111".parse().unwrap(), &tokens)
        .await
        .unwrap();
    assert_eq!(name.as_deref(), Some("EXAMPLE, ADA"));
    assert_eq!(
        client
            .retail_customer(&"52112".parse().unwrap(), &tokens)
            .await
            .unwrap(),
        None
    );
    assert_eq!(client.service_status().await.unwrap(), ServiceStatus::Down);
    let sample = client.download_sample_data().await.unwrap();
    assert_eq!(
        (sample.bytes, sample.entries),
        (USAGE_POINTS.len(), Some(3))
    );
}

async fn batch(client: &Client) -> Result<Batch, Error> {
    let window = Window {
        start: "2019-10-16T07:00:00Z".parse().unwrap(),
        end: "2019-11-13T07:59:59Z".parse().unwrap(),
    };
    let (subscription, usage_point) = ("52111".parse().unwrap(), "1000000001".parse().unwrap());
    client
        .batch(
            &subscription,
            &usage_point,
            window,
            &CustomerTokens::default(),
        )
        .await
}

async fn read(body: Body) -> io::Result<String> {
    let mut reader = body.into_blocking_reader();
    tokio::task::spawn_blocking(move || {
        let mut text = String::new();
        reader.read_to_string(&mut text).map(|_| text)
    })
    .await
    .unwrap()
}

fn feed(batch: Batch) -> Body {
    match batch {
        Batch::Feed(body) => body,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_batch_is_a_feed_a_promise_or_nothing() {
    let custodian = Custodian::start(|seen| {
        assert!(
            seen.target
                .contains("published-min=2019-10-16T07%3A00%3A00Z"),
            "{}",
            seen.target
        );
        Reply::xml(USAGE_POINTS).chunked()
    });
    let client = custodian.client_with(|it| it.window_format = WindowFormat::Iso8601);
    let body = feed(batch(&client).await.unwrap());
    assert_eq!(body.content_type(), Some("application/atom+xml"));
    let reader = body.into_blocking_reader();
    let entries = tokio::task::spawn_blocking(move || espi::Reader::new(reader).count()).await;
    assert_eq!(entries.unwrap(), 3);

    let custodian = Custodian::start(|seen| {
        let base = format!("{RESOURCES}/Batch/Subscription/52111/UsagePoint/1000000001");
        let query = "published-min=1571209200&published-max=1573631999";
        assert_eq!(seen.target, format!("{base}?{query}"));
        Reply::status(202)
    });
    assert!(matches!(
        batch(&custodian.client()).await.unwrap(),
        Batch::Accepted
    ));
    let custodian = Custodian::start(|_| Reply::status(204));
    assert!(matches!(
        batch(&custodian.client()).await.unwrap(),
        Batch::Empty
    ));
}

#[tokio::test]
async fn a_page_or_nothing_in_place_of_a_feed_is_an_error() {
    let page = || {
        Reply::status(200)
            .header("content-type", "text/html")
            .body("<p>Maintenance")
    };
    let custodian = Custodian::start(move |_| page());
    assert!(matches!(
        batch(&custodian.client()).await,
        Err(Error::Html { .. })
    ));
    let custodian = Custodian::start(|_| Reply::xml("<!doctype HTML><p>"));
    assert!(matches!(
        batch(&custodian.client()).await,
        Err(Error::Html { .. })
    ));
    let custodian = Custodian::start(|_| Reply::xml(""));
    assert!(matches!(
        batch(&custodian.client()).await,
        Err(Error::Malformed { .. })
    ));
    let custodian = Custodian::start(|_| Reply::status(206).body("<feed"));
    assert!(matches!(
        batch(&custodian.client()).await,
        Err(Error::Malformed { .. })
    ));
}

#[tokio::test]
async fn a_feed_that_is_cut_off_is_an_error_in_the_reader() {
    for chunked in [false, true] {
        let custodian = Custodian::start(move |_| {
            let reply = Reply::xml(USAGE_POINTS).cut_at(700);
            if chunked { reply.chunked() } else { reply }
        });
        let body = feed(batch(&custodian.client()).await.unwrap());
        let reader = body.into_blocking_reader();
        let error = tokio::task::spawn_blocking(move || {
            espi::Reader::new(reader)
                .collect::<Result<Vec<_>, _>>()
                .unwrap_err()
        })
        .await
        .unwrap();
        let error = Error::from_read(smd_client::RequestKind::Batch, &error);
        assert!(
            matches!(error, Error::Network { .. }) && error.is_transient(),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_feed_over_the_limit_is_an_error() {
    let custodian = Custodian::start(|_| Reply::xml(USAGE_POINTS));
    let client = custodian.client_with(|it| it.max_body_bytes = 100);
    let error = read(feed(batch(&client).await.unwrap())).await.unwrap_err();
    let error = Error::from_body(smd_client::RequestKind::Batch, &error);
    assert!(
        matches!(error, Error::TooLarge { limit: 100, .. }),
        "{error}"
    );
    assert!(!error.is_transient());
}

#[tokio::test]
async fn a_feed_arrives_while_it_is_read() {
    // Far more than any buffer between here and there.
    let filler = "<!-- filler -->".repeat(400_000);
    let long = USAGE_POINTS.replace("</ns1:feed>", &format!("{filler}</ns1:feed>"));
    let length = long.len();
    let custodian = Custodian::start(move |_| Reply::xml(&long));
    let mut reader = feed(batch(&custodian.client()).await.unwrap()).into_blocking_reader();
    let (first, rest) = tokio::task::spawn_blocking(move || {
        let first = reader.fill_buf().unwrap().len();
        let mut rest = Vec::new();
        reader.read_to_end(&mut rest).unwrap();
        (first, rest.len())
    })
    .await
    .unwrap();
    assert!(first < length && rest == length, "{first} {rest} {length}");
}

#[tokio::test]
async fn only_our_own_links_are_followed() {
    let custodian = Custodian::with_tokens(|seen| match seen.header("authorization") {
        "Bearer client-1" | "Bearer access-0" => Reply::xml(USAGE_POINTS),
        _ => Reply::status(400),
    });
    let (client, tokens) = (custodian.client(), CustomerTokens::default());
    let bulk = client
        .own_link(&custodian.resource("Batch/Bulk/50916?correlationID=1"))
        .unwrap();
    assert!(matches!(
        client.follow(&bulk, Bearer::Client).await.unwrap(),
        Batch::Feed(_)
    ));
    let own = client
        .own_link(&custodian.resource("Batch/Subscription/1"))
        .unwrap();
    let brought = client
        .follow(&own, Bearer::Customer(&tokens))
        .await
        .unwrap();
    assert!(matches!(brought, Batch::Feed(_)));
    assert_eq!(client.target_of(&bulk), Some(Link::Bulk));
    let usage_point = None;
    let subscription = "1".parse().unwrap();
    assert_eq!(
        client.target_of(&own),
        Some(Link::Readings {
            subscription,
            usage_point
        })
    );
    let before = custodian.seen().len();
    for foreign in [
        "https://evil.example/x",
        "https://localhost/x",
        "http://localhost/x",
    ] {
        assert!(client.own_link(foreign).is_err());
        assert_eq!(client.target_of(&foreign.parse().unwrap()), None);
        let error = client
            .follow(&foreign.parse().unwrap(), Bearer::Client)
            .await
            .unwrap_err();
        assert!(matches!(error, Error::ForeignLink { .. }), "{error}");
    }
    assert!(client.own_link("not a link").is_err());
    assert_eq!(custodian.seen().len(), before);
}
