//! Links of notifications: once each, and again where a custodian uses one link for several answers.

use storage::smd::notice::{
    Notice, bulk_of_the_hour, forget_old, get, insert, mark_collected, put_aside, waiting,
};
use storage::smd::plan::{mark_received, mark_requested, pulls};
use storage::smd::{AuthorizationId, NoticeId, erasure};

use crate::fixture::{Fixture, authorize, planned, uuid};

const LINK: &str = "https://custodian.example/Batch/Subscription/100/UsagePoint/up-1?correlationID=00000000-0000-0000-0000-000000000000";

fn notice(authorization: Option<AuthorizationId>) -> Notice {
    Notice {
        id: uuid().into(),
        link: LINK.to_owned(),
        authorization,
        usage_point: authorization.map(|_| "up-1".to_owned()),
        collected: false,
    }
}

async fn is_collected(it: &mut Fixture, id: NoticeId) -> bool {
    get(&mut it.conn, id).await.unwrap().unwrap().collected
}

#[tokio::test]
async fn a_link_announced_twice_is_collected_once() {
    let mut it = Fixture::new().await;
    let owner = authorize(&mut it.conn, "100").await;
    let first = notice(Some(owner));
    let id = insert(&mut it.conn, &first).await.unwrap();
    assert_eq!(id, first.id);
    assert_eq!(
        insert(&mut it.conn, &notice(Some(owner))).await.unwrap(),
        id
    );
    let known = get(&mut it.conn, id).await.unwrap().unwrap();
    assert_eq!(
        (
            known.link.as_str(),
            known.authorization,
            known.usage_point.as_deref()
        ),
        (LINK, Some(owner), Some("up-1"))
    );
    assert!(!known.collected);
    mark_collected(&mut it.conn, id).await.unwrap();
    assert_eq!(
        insert(&mut it.conn, &notice(Some(owner))).await.unwrap(),
        id
    );
    assert!(is_collected(&mut it, id).await);
    assert!(get(&mut it.conn, uuid().into()).await.unwrap().is_none());
}

#[tokio::test]
async fn a_link_is_followed_again_for_a_later_request() {
    for bulk in [false, true] {
        let mut it = Fixture::new().await;
        let owner = planned(&mut it.conn, "100", &["up-1"]).await;
        let windows = pulls(&mut it.conn, owner).await.unwrap();
        let announced = || notice((!bulk).then_some(owner));

        mark_requested(&mut it.conn, owner, &windows[0])
            .await
            .unwrap();
        let id = insert(&mut it.conn, &announced()).await.unwrap();
        mark_received(&mut it.conn, owner, &windows[0], 1)
            .await
            .unwrap();
        mark_collected(&mut it.conn, id).await.unwrap();
        insert(&mut it.conn, &announced()).await.unwrap();
        assert!(is_collected(&mut it, id).await, "a duplicate");

        mark_requested(&mut it.conn, owner, &windows[1])
            .await
            .unwrap();
        assert_eq!(insert(&mut it.conn, &announced()).await.unwrap(), id);
        assert!(
            !is_collected(&mut it, id).await,
            "the answer to the second request"
        );
    }
}

#[tokio::test]
async fn a_bulk_link_of_which_nothing_came_rests() {
    for bulk in [false, true] {
        let mut it = Fixture::new().await;
        let owner = planned(&mut it.conn, "100", &["up-1"]).await;
        let windows = pulls(&mut it.conn, owner).await.unwrap();
        let announced = || notice((!bulk).then_some(owner));
        let id = insert(&mut it.conn, &announced()).await.unwrap();
        put_aside(&mut it.conn, id).await.unwrap();
        assert!(is_collected(&mut it, id).await);
        mark_requested(&mut it.conn, owner, &windows[0])
            .await
            .unwrap();
        insert(&mut it.conn, &announced()).await.unwrap();
        assert_eq!(is_collected(&mut it, id).await, bulk);
        it.sql("UPDATE smd.pull SET requested_at = now() + interval '21 minutes' WHERE requested_at IS NOT NULL")
            .await;
        insert(&mut it.conn, &announced()).await.unwrap();
        assert!(!is_collected(&mut it, id).await, "bulk: {bulk}");
    }
}

#[tokio::test]
async fn bulk_links_count_for_an_hour_also_when_collected() {
    let mut it = Fixture::new().await;
    let owner = authorize(&mut it.conn, "100").await;
    let link = |nr: u32, authorization| Notice {
        link: format!("{LINK}&nr={nr}"),
        ..notice(authorization)
    };
    insert(&mut it.conn, &link(0, Some(owner))).await.unwrap();
    insert(&mut it.conn, &link(1, None)).await.unwrap();
    let id = insert(&mut it.conn, &link(2, None)).await.unwrap();
    mark_collected(&mut it.conn, id).await.unwrap();
    assert_eq!(bulk_of_the_hour(&mut it.conn).await.unwrap(), 2);
    assert_eq!(waiting(&mut it.conn, None).await.unwrap(), 1);
    it.sql("UPDATE smd.notice SET received_at = now() - interval '61 minutes'")
        .await;
    assert_eq!(bulk_of_the_hour(&mut it.conn).await.unwrap(), 0);
}

#[tokio::test]
async fn a_link_goes_over_to_the_newer_authorization() {
    let mut it = Fixture::new().await;
    let older = authorize(&mut it.conn, "100").await;
    let id = insert(&mut it.conn, &notice(Some(older))).await.unwrap();
    mark_collected(&mut it.conn, id).await.unwrap();
    let newer = authorize(&mut it.conn, "100").await;
    assert_eq!(
        insert(&mut it.conn, &notice(Some(newer))).await.unwrap(),
        id
    );
    let known = get(&mut it.conn, id).await.unwrap().unwrap();
    assert_eq!((known.authorization, known.collected), (Some(newer), false));
}

#[tokio::test]
async fn links_go_with_their_authorization_or_after_30_days() {
    let mut it = Fixture::new().await;
    let owner = authorize(&mut it.conn, "100").await;
    let id = insert(&mut it.conn, &notice(Some(owner))).await.unwrap();
    erasure::erase(&mut it.conn, owner).await.unwrap();
    assert!(get(&mut it.conn, id).await.unwrap().is_none());

    let id = insert(&mut it.conn, &notice(None)).await.unwrap();
    assert_eq!(forget_old(&mut it.conn).await.unwrap(), 0);
    it.sql("UPDATE smd.notice SET received_at = now() - interval '31 days'")
        .await;
    assert_eq!(forget_old(&mut it.conn).await.unwrap(), 1);
    assert!(get(&mut it.conn, id).await.unwrap().is_none());
}
