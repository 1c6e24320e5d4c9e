//! The one-time state: redeemed once, by its browser, in its time.

use std::sync::Arc;
use std::time::Duration;

use storage::smd::login::{Refused, forget_old, redeem, start};
use tokio::sync::Barrier;

use crate::fixture::Fixture;

const TEN_MINUTES: Duration = Duration::from_mins(10);

/// A database in which the browser `browser` was given the state `state`.
async fn started(lifetime: Duration) -> Fixture {
    let mut it = Fixture::new().await;
    start(&mut it.conn, "state", "browser", lifetime)
        .await
        .unwrap();
    it
}

async fn redeemed(it: &mut Fixture, state: &str, browser: Option<&str>) -> Result<(), Refused> {
    redeem(&mut it.conn, state, browser).await.unwrap()
}

#[tokio::test]
async fn a_state_is_good_once() {
    let mut it = started(TEN_MINUTES).await;
    assert_eq!(redeemed(&mut it, "state", Some("browser")).await, Ok(()));
    assert_eq!(
        redeemed(&mut it, "state", Some("browser")).await,
        Err(Refused::Replayed)
    );
}

#[tokio::test]
async fn an_unknown_state_is_refused() {
    let mut it = started(TEN_MINUTES).await;
    assert_eq!(
        redeemed(&mut it, "another", Some("browser")).await,
        Err(Refused::Unknown)
    );
}

#[tokio::test]
async fn another_browser_neither_redeems_nor_spoils_a_state() {
    let mut it = started(TEN_MINUTES).await;
    for foreign in [Some("another"), Some(""), None] {
        assert_eq!(
            redeemed(&mut it, "state", foreign).await,
            Err(Refused::Foreign)
        );
    }
    assert_eq!(redeemed(&mut it, "state", Some("browser")).await, Ok(()));
    // Nor does it learn that the state was used.
    assert_eq!(
        redeemed(&mut it, "state", None).await,
        Err(Refused::Foreign)
    );
}

#[tokio::test]
async fn an_expired_state_is_refused_and_forgotten_a_day_later() {
    let mut it = started(Duration::ZERO).await;
    assert_eq!(
        redeemed(&mut it, "state", Some("browser")).await,
        Err(Refused::Expired)
    );
    assert_eq!(forget_old(&mut it.conn).await.unwrap(), 0);
    it.sql("UPDATE smd.login SET expires_at = now() - interval '25 hours'")
        .await;
    assert_eq!(forget_old(&mut it.conn).await.unwrap(), 1);
    assert_eq!(
        redeemed(&mut it, "state", Some("browser")).await,
        Err(Refused::Unknown)
    );
}

#[tokio::test]
async fn the_database_holds_neither_state_nor_cookie() {
    let mut it = Fixture::new().await;
    start(
        &mut it.conn,
        "a-state-in-clear",
        "a-cookie-in-clear",
        TEN_MINUTES,
    )
    .await
    .unwrap();
    let found = "SELECT count(*) FROM smd.login l WHERE position('in-clear'::bytea IN state_hash || browser_hash) > 0
                 OR l::text LIKE '%in-clear%'";
    assert_eq!(it.number(found).await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_several_at_once_exactly_one_wins() {
    const AT_ONCE: usize = 8;
    let mut it = Fixture::new().await;
    for round in 0..5 {
        let state = format!("state-{round}");
        start(&mut it.conn, &state, "browser", TEN_MINUTES)
            .await
            .unwrap();
        let barrier = Arc::new(Barrier::new(AT_ONCE));
        let mut attempts = Vec::new();
        for _ in 0..AT_ONCE {
            let (mut conn, barrier, state) =
                (it.connect().await, Arc::clone(&barrier), state.clone());
            attempts.push(tokio::spawn(async move {
                barrier.wait().await;
                redeem(&mut conn, &state, Some("browser")).await.unwrap()
            }));
        }
        let mut outcomes = Vec::new();
        for attempt in attempts {
            outcomes.push(attempt.await.unwrap());
        }
        assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
        assert_eq!(
            outcomes
                .iter()
                .filter(|outcome| **outcome == Err(Refused::Replayed))
                .count(),
            AT_ONCE - 1
        );
    }
}
