//! The list of pulls: fixed once, then each is a checkpoint.

use storage::smd::authorization::{get, mark_failed};
use storage::smd::erasure;
use storage::smd::plan::{
    any_outstanding, fix, has, mark_accepted, mark_received, mark_requested, pulls, waiting_for,
};

use crate::fixture::{Fixture, authorize, hour, planned};

#[tokio::test]
async fn the_list_is_fixed_once() {
    let mut it = Fixture::new().await;
    let id = authorize(&mut it.conn, "100").await;
    let points = ["up-2".to_owned(), "up-1".to_owned(), "up-2".to_owned()];
    let windows = [(hour(0), hour(48)), (hour(48), hour(96))];
    fix(&mut it.conn, id, &points, &windows).await.unwrap();
    fix(
        &mut it.conn,
        id,
        &["up-3".to_owned()],
        &[(hour(0), hour(1))],
    )
    .await
    .unwrap();
    let list: Vec<_> = pulls(&mut it.conn, id)
        .await
        .unwrap()
        .into_iter()
        .map(|pull| {
            assert!(
                !pull.requested
                    && !pull.received
                    && pull.accepted == 0
                    && pull.accepted_ms_ago.is_none()
            );
            (pull.usage_point, pull.number, pull.from, pull.until)
        })
        .collect();
    let expected = [
        ("up-1".to_owned(), 0, hour(0), hour(48)),
        ("up-1".to_owned(), 1, hour(48), hour(96)),
        ("up-2".to_owned(), 0, hour(0), hour(48)),
        ("up-2".to_owned(), 1, hour(48), hour(96)),
    ];
    assert_eq!(list, expected);
    assert!(get(&mut it.conn, id).await.unwrap().unwrap().planned);
    assert!(has(&mut it.conn, id, "up-1").await.unwrap());
    assert!(!has(&mut it.conn, id, "up-3").await.unwrap());
}

#[tokio::test]
async fn nothing_is_planned_for_what_was_erased_meanwhile() {
    let mut it = Fixture::new().await;
    let id = authorize(&mut it.conn, "100").await;
    erasure::erase(&mut it.conn, id).await.unwrap();
    fix(
        &mut it.conn,
        id,
        &["up-1".to_owned()],
        &[(hour(0), hour(1))],
    )
    .await
    .unwrap();
    assert!(pulls(&mut it.conn, id).await.unwrap().is_empty());
    assert_eq!(it.number("SELECT count(*) FROM smd.usage_point").await, 0);
}

#[tokio::test]
async fn a_pull_goes_from_requested_over_accepted_to_received() {
    let mut it = Fixture::new().await;
    let id = planned(&mut it.conn, "100", &["up-1"]).await;
    let first = pulls(&mut it.conn, id).await.unwrap().remove(0);

    mark_requested(&mut it.conn, id, &first).await.unwrap();
    let now = pulls(&mut it.conn, id).await.unwrap();
    assert!(now[0].requested && !now[0].received && now[0].accepted_ms_ago.is_none());
    assert!(!now[1].requested, "the other window is as it was");

    mark_accepted(&mut it.conn, id, &first).await.unwrap();
    let now = pulls(&mut it.conn, id).await.unwrap().remove(0);
    assert_eq!(now.accepted, 1);
    assert!((0..30_000).contains(&now.accepted_ms_ago.unwrap()));

    // Asked again: the count stays, the wait starts anew with the next answer.
    mark_requested(&mut it.conn, id, &first).await.unwrap();
    assert!(
        pulls(&mut it.conn, id).await.unwrap()[0]
            .accepted_ms_ago
            .is_none()
    );
    mark_accepted(&mut it.conn, id, &first).await.unwrap();
    assert_eq!(pulls(&mut it.conn, id).await.unwrap()[0].accepted, 2);

    mark_received(&mut it.conn, id, &first, 48).await.unwrap();
    assert!(pulls(&mut it.conn, id).await.unwrap()[0].received);
    // What comes late changes nothing.
    let before = it
        .number("SELECT hashtext(string_agg(p::text, ',')) FROM smd.pull p")
        .await;
    mark_accepted(&mut it.conn, id, &first).await.unwrap();
    mark_requested(&mut it.conn, id, &first).await.unwrap();
    mark_received(&mut it.conn, id, &first, 7).await.unwrap();
    assert_eq!(
        it.number("SELECT hashtext(string_agg(p::text, ',')) FROM smd.pull p")
            .await,
        before
    );
    assert_eq!(
        it.number("SELECT readings FROM smd.pull WHERE number = 0")
            .await,
        48
    );
}

/// A notification may overtake the answer 202.
#[tokio::test]
async fn an_answer_that_comes_after_the_data_changes_nothing() {
    let mut it = Fixture::new().await;
    let id = planned(&mut it.conn, "100", &["up-1"]).await;
    let first = pulls(&mut it.conn, id).await.unwrap().remove(0);
    mark_requested(&mut it.conn, id, &first).await.unwrap();
    mark_received(&mut it.conn, id, &first, 0).await.unwrap();
    mark_accepted(&mut it.conn, id, &first).await.unwrap();
    let now = pulls(&mut it.conn, id).await.unwrap().remove(0);
    assert!(now.received, "an empty window counts");
    assert_eq!((now.accepted, now.accepted_ms_ago), (0, None));
}

#[tokio::test]
async fn notifications_are_matched_against_open_requests() {
    let mut it = Fixture::new().await;
    let older = planned(&mut it.conn, "100", &["up-1"]).await;
    let newer = planned(&mut it.conn, "200", &["up-1", "up-2"]).await;
    assert!(!any_outstanding(&mut it.conn).await.unwrap());
    assert_eq!(waiting_for(&mut it.conn, "up-1").await.unwrap(), None);

    for id in [older, newer] {
        let first = pulls(&mut it.conn, id).await.unwrap().remove(0);
        mark_requested(&mut it.conn, id, &first).await.unwrap();
    }
    assert!(any_outstanding(&mut it.conn).await.unwrap());
    assert_eq!(
        waiting_for(&mut it.conn, "up-1").await.unwrap(),
        Some(newer),
        "the last request first"
    );
    assert_eq!(waiting_for(&mut it.conn, "up-2").await.unwrap(), None);

    let first = pulls(&mut it.conn, newer).await.unwrap().remove(0);
    mark_received(&mut it.conn, newer, &first, 1).await.unwrap();
    assert_eq!(
        waiting_for(&mut it.conn, "up-1").await.unwrap(),
        Some(older)
    );

    // A history that was given up waits for nothing.
    mark_failed(&mut it.conn, older, "words").await.unwrap();
    assert_eq!(waiting_for(&mut it.conn, "up-1").await.unwrap(), None);
    assert!(!any_outstanding(&mut it.conn).await.unwrap());
}
