//! Notifications: anybody can send them, so each link is looked at before anything is done.

use crate::browser::Browser;
use crate::site::Site;

fn list(links: &[String]) -> String {
    let links: Vec<String> = links.iter().map(|it| it.replace('&', "&amp;")).collect();
    let resources = links.join("</ns0:resources><ns0:resources>");
    format!(
        r#"<ns0:BatchList xmlns:ns0="http://naesb.org/espi"><ns0:resources>{resources}</ns0:resources></ns0:BatchList>"#
    )
}

async fn notify(site: &Site, links: &[String]) -> u16 {
    Browser::new(site).notify(list(links)).await.status
}

fn links(site: &Site) -> Vec<String> {
    site.counts_of("smd_notification_links_total")
}

fn counted(outcome: &str, links: usize) -> String {
    format!("smd_notification_links_total{{outcome=\"{outcome}\"}} {links}")
}

async fn jobs(site: &Site) -> Vec<String> {
    let query = "SELECT kind || ' ' || state FROM jobs.job WHERE kind <> 'smd.fetch' ORDER BY id";
    site.texts(query).await
}

/// An authorization with one usage point whose first window is asked for.
async fn waiting(site: &Site) -> (String, String) {
    site.authorized().await;
    site.sql(
        "INSERT INTO smd.usage_point SELECT id, '1000000001' FROM smd.authorization;
         INSERT INTO smd.pull (authorization_id, usage_point_id, number, starts_at, ends_at, requested_at)
             SELECT id, '1000000001', 0, now() - interval '28 days', now(), now() FROM smd.authorization",
    )
    .await;
    let subscription = site
        .texts("SELECT subscription_id FROM smd.authorization")
        .await
        .remove(0);
    (subscription, "1000000001".to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn links_that_point_elsewhere_are_counted_and_not_followed() {
    let site = Site::start().await;
    let (subscription, _) = waiting(&site).await;
    let own = site.resource(&format!("Authorization/{subscription}"));
    let port = site.custodian.api.port();
    let host = format!("localhost:{port}");
    let elsewhere = [
        own.replace(&host, "evil.example"),
        own.replace(&host, "localhost"),
        own.replace(&host, &format!("localhost:{}", port ^ 1)),
        own.replace(&host, &format!("127.0.0.1:{port}")),
        own.replace(&host, &format!("localhost.evil.example:{port}")),
        own.replace(&host, &format!("localhost:{port}@evil.example")),
        own.replace("https://", "https://user:word@"),
        own.replace("https://", "https://user@"),
        own.replace("https://", "http://"),
        own.replace("https://", "ftp://"),
        own.replace("/resource/", "/resource/../../../../admin/"),
        own.replace("/resource/", "/resource/%2e%2e/%2E%2e/"),
        own.replace("/resource/", "/resource%2f"),
        own.replace("/resource/", "/resource/x%5c..%5c"),
        own.replace("/resource/", "/resources/"),
        own.replace("/resource/", "/resource-evil/"),
        own.replace("/GreenButtonConnect", ""),
        format!("//{host}/x"),
        "javascript:alert(1)".to_owned(),
        "file:///etc/passwd".to_owned(),
        "Authorization/1".to_owned(),
    ];
    assert_eq!(notify(&site, &elsewhere).await, 200);
    assert_eq!(links(&site), [counted("foreign", elsewhere.len())]);
    assert!(jobs(&site).await.is_empty());
    assert_eq!(site.count("smd.notice").await, 0);
    site.assert_nothing_private_was_logged();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_ours_to_fetch_is_counted_by_reason() {
    let site = Site::start().await;
    let (subscription, point) = waiting(&site).await;
    let other_point =
        format!("Batch/Subscription/{subscription}/UsagePoint/1000000009?correlationID=1");
    let cases = [
        (
            site.resource("Authorization/999999"),
            "unknown_authorization",
        ),
        (
            site.resource(&format!("Batch/Subscription/999999/UsagePoint/{point}")),
            "unknown_authorization",
        ),
        (site.resource(&other_point), "not_asked_for"),
        (site.resource("ReadingType/1"), "unknown_resource"),
        (site.resource("Authorization"), "unknown_resource"),
        (
            site.resource(&format!(
                "Batch/Subscription/{subscription}/UsagePoint/{point}/x"
            )),
            "unknown_resource",
        ),
        (
            site.resource(&format!(
                "Authorization/{subscription}?x={}",
                "y".repeat(3000)
            )),
            "too_long",
        ),
    ];
    for (link, _) in &cases {
        assert_eq!(
            notify(&site, std::slice::from_ref(link)).await,
            200,
            "{link}"
        );
    }
    let mut expected: Vec<String> = vec![
        counted("not_asked_for", 1),
        counted("too_long", 1),
        counted("unknown_authorization", 2),
        counted("unknown_resource", 3),
    ];
    expected.sort();
    assert_eq!(links(&site), expected);
    assert!(jobs(&site).await.is_empty());
    site.assert_nothing_private_was_logged();
}

#[tokio::test(flavor = "multi_thread")]
async fn data_we_have_asked_for_is_collected_once() {
    let site = Site::start().await;
    let (subscription, point) = waiting(&site).await;
    let correlation = "00000000-0000-0000-0000-000000000000";
    let link = site.resource(&format!(
        "Batch/Subscription/{subscription}/UsagePoint/{point}?correlationID={correlation}"
    ));
    // Twice in one notification, and the notification twice.
    for _ in 0..2 {
        assert_eq!(notify(&site, &[link.clone(), link.clone()]).await, 200);
    }
    assert_eq!(
        links(&site),
        [counted("collect", 2), counted("repeated", 2)]
    );
    assert_eq!(jobs(&site).await, ["smd.collect available"]);
    assert_eq!(
        site.texts("SELECT usage_point_id || ' ' || link FROM smd.notice")
            .await,
        [format!("{point} {link}")]
    );
    // Once the data is in, an announcement is of no use.
    site.sql("UPDATE smd.pull SET received_at = now(), readings = 1")
        .await;
    let later = link.replace(correlation, "later");
    assert_eq!(notify(&site, &[later]).await, 200);
    assert!(links(&site).contains(&counted("not_asked_for", 1)));
    assert_eq!(site.count("smd.notice").await, 1);
    site.assert_nothing_private_was_logged();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_authorization_is_read_again_once() {
    let site = Site::start().await;
    let (subscription, _) = waiting(&site).await;
    let link = site.resource(&format!("Authorization/{subscription}"));
    let variant = format!("{link}?correlationID=1");
    assert_eq!(notify(&site, &[link.clone(), variant]).await, 200);
    assert_eq!(notify(&site, &[link]).await, 200);
    assert_eq!(links(&site), [counted("recheck", 3)]);
    assert_eq!(jobs(&site).await, ["smd.recheck available"]);
    site.assert_nothing_private_was_logged();
}

#[tokio::test(flavor = "multi_thread")]
async fn bulk_data_is_collected_only_while_something_is_asked_for() {
    let site = Site::start().await;
    let bulk = site.resource("Batch/Bulk/50916?correlationID=1");
    assert_eq!(notify(&site, std::slice::from_ref(&bulk)).await, 200);
    assert_eq!(links(&site), [counted("not_asked_for", 1)]);
    waiting(&site).await;
    assert_eq!(notify(&site, &[bulk]).await, 200);
    assert!(links(&site).contains(&counted("collect", 1)));
    assert_eq!(jobs(&site).await, ["smd.collect available"]);
    site.assert_nothing_private_was_logged();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_captured_notification_with_a_literal_backslash_n_is_read() {
    let site = Site::start().await;
    let (subscription, _) = waiting(&site).await;
    let link = site.resource(&format!("Authorization/{subscription}"));
    let captured = format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>\n{}"#,
        list(&[link])
    );
    assert_eq!(Browser::new(&site).notify(captured).await.status, 200);
    assert_eq!(links(&site), [counted("recheck", 1)]);
    site.assert_nothing_private_was_logged();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_notification_is_refused() {
    let site = Site::start().await;
    let link = list(&[site.resource("Authorization/52111")]);
    let entity = format!(
        r#"<!DOCTYPE l [<!ENTITY x SYSTEM "file:///etc/passwd">]>{}"#,
        link.replace("52111", "&x;")
    );
    let bodies: [Vec<u8>; 8] = [
        Vec::new(),
        b"garbage".to_vec(),
        b"{\"resources\": []}".to_vec(),
        vec![0xff, 0xfe, 0x00, 0x3c],
        link.as_bytes()[..link.len() - 5].to_vec(),
        format!("<!DOCTYPE x>{link}").into_bytes(),
        entity.into_bytes(),
        link.replace("52111", "&x;").into_bytes(),
    ];
    let count = bodies.len();
    for body in bodies {
        let answer = Browser::new(&site).notify(body.clone()).await;
        assert_eq!(answer.status, 400, "{body:?}");
        assert_eq!(answer.header("content-type"), "application/problem+json");
        assert!(!answer.body.contains("root:"), "{}", answer.body);
    }
    assert_eq!(links(&site), [counted("unreadable", count)]);
    assert!(jobs(&site).await.is_empty());
    site.assert_nothing_private_was_logged();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_large_is_refused_before_it_is_read() {
    let site = Site::start().await;
    let answer = Browser::new(&site)
        .notify(vec![b' '; 1024 * 1024 + 1])
        .await;
    assert_eq!(answer.status, 413);
    assert_eq!(links(&site), [counted("oversized", 1)]);
    site.assert_nothing_private_was_logged();
}

#[tokio::test(flavor = "multi_thread")]
async fn of_very_many_links_only_some_are_looked_at_and_fewer_collected() {
    let site = Site::start().await;
    let (subscription, point) = waiting(&site).await;
    let many: Vec<String> = (0..1500)
        .map(|nr| {
            let path =
                format!("Batch/Subscription/{subscription}/UsagePoint/{point}?correlationID={nr}");
            site.resource(&path)
        })
        .collect();
    assert_eq!(notify(&site, &many).await, 200);
    assert_eq!(
        links(&site),
        [
            counted("collect", 100),
            counted("too_many", 500),
            counted("too_many_waiting", 900)
        ]
    );
    assert_eq!(jobs(&site).await.len(), 100);
    site.assert_nothing_private_was_logged();
}

#[tokio::test(flavor = "multi_thread")]
async fn made_up_bulk_links_are_bounded_by_the_hour() {
    let site = Site::start().await;
    waiting(&site).await;
    let made_up = |name: &str| -> Vec<String> {
        let link = |nr| site.resource(&format!("Batch/Bulk/1?correlationID={name}{nr}"));
        (0..100).map(link).collect()
    };
    // Two at once do not both find room.
    let (first, second) = (made_up("a"), made_up("b"));
    let answers = tokio::join!(notify(&site, &first), notify(&site, &second));
    assert_eq!(answers, (200, 200));
    let bounded = [counted("collect", 100), counted("too_many_waiting", 100)];
    assert_eq!(links(&site), bounded);
    // Nor is there any when they were followed, and brought nothing.
    site.sql("UPDATE smd.notice SET collected_at = now()").await;
    assert_eq!(notify(&site, &made_up("c")).await, 200);
    assert!(links(&site).contains(&counted("too_many_waiting", 200)));
    assert_eq!(jobs(&site).await.len(), 100);
    site.sql("UPDATE smd.notice SET received_at = now() - interval '61 minutes'")
        .await;
    assert_eq!(notify(&site, &made_up("d")).await, 200);
    assert!(links(&site).contains(&counted("collect", 200)));
    site.assert_nothing_private_was_logged();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notification_that_cannot_be_stored_is_asked_for_again() {
    let site = Site::start().await;
    let (subscription, _) = waiting(&site).await;
    let link = site.resource(&format!("Authorization/{subscription}"));
    site.sql("ALTER TABLE smd.pull RENAME TO hidden").await;
    let answer = Browser::new(&site)
        .notify(list(std::slice::from_ref(&link)))
        .await;
    assert_eq!((answer.status, answer.header("retry-after")), (503, "60"));
    assert_eq!(links(&site), [counted("trouble", 1)]);
    site.sql("ALTER TABLE smd.hidden RENAME TO pull").await;
    assert_eq!(notify(&site, &[link]).await, 200);
    assert_eq!(jobs(&site).await, ["smd.recheck available"]);
    site.assert_nothing_private_was_logged();
}
