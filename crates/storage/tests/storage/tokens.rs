//! Tokens at rest: not readable, bound to row and column, rotated, erased.

use std::time::Duration;

use service_kit::secret::{ExposeSecret, KeyringError};
use storage::smd::tokens::{TokenError, erase, read, read_locked, replace};

use crate::fixture::{Fixture, authorize, begin, commit, keyring, tokens, until_blocked};

const HOUR: Duration = Duration::from_hours(1);

#[tokio::test]
async fn what_was_stored_is_read_back() {
    let mut it = Fixture::new().await;
    let id = authorize(&mut it.conn, "1").await;
    let stored = read(&mut it.conn, &keyring(&["a"]), id).await.unwrap();
    assert_eq!(stored.access.expose_secret(), "an-access-token");
    assert_eq!(stored.refresh.unwrap().expose_secret(), "a-refresh-token");
    let left = "SELECT extract(epoch FROM access_expires_at - now()) FROM smd.authorization";
    assert!((3590..=3600).contains(&it.number(left).await));
}

#[tokio::test]
async fn the_table_holds_no_token_in_the_clear() {
    let mut it = Fixture::new().await;
    authorize(&mut it.conn, "1").await;
    for plain in ["an-access-token", "a-refresh-token", "ticket-"] {
        // As text, and in the raw bytes of every column of bytes.
        let found = format!(
            "SELECT count(*) FROM smd.authorization a
             WHERE a::text LIKE '%{plain}%'
                OR position(encode('{plain}', 'hex') IN a::text) > 0
                OR position('{plain}'::bytea IN access_token || refresh_token || ticket_hash) > 0"
        );
        assert_eq!(it.number(&found).await, 0, "{plain}");
    }
    // The same search does find what is there.
    let found = "SELECT count(*) FROM smd.authorization a
                 WHERE position(substr(access_token, 3, 9) IN access_token || refresh_token || ticket_hash) > 0
                   AND position(encode(substr(access_token, 3, 9), 'hex') IN a::text) > 0";
    assert_eq!(it.number(found).await, 1);
}

#[tokio::test]
async fn a_token_opens_in_its_own_row_and_column_only() {
    let mut it = Fixture::new().await;
    let (one, other) = (
        authorize(&mut it.conn, "1").await,
        authorize(&mut it.conn, "2").await,
    );
    let keys = keyring(&["a"]);
    let does_not_open = |outcome: Result<_, TokenError>| {
        matches!(
            outcome,
            Err(TokenError::Sealed(KeyringError::DoesNotOpen { .. }))
        )
    };

    it.sql(
        "UPDATE smd.authorization SET access_token = refresh_token, refresh_token = access_token",
    )
    .await;
    assert!(does_not_open(read(&mut it.conn, &keys, one).await));
    it.sql(
        "UPDATE smd.authorization SET access_token = refresh_token, refresh_token = access_token",
    )
    .await;
    assert!(read(&mut it.conn, &keys, one).await.is_ok());

    it.sql(&format!(
        "UPDATE smd.authorization a SET access_token = b.access_token FROM smd.authorization b
         WHERE a.id = '{one}' AND b.id = '{other}'"
    ))
    .await;
    assert!(does_not_open(read(&mut it.conn, &keys, one).await));
    assert!(read(&mut it.conn, &keys, other).await.is_ok());
}

#[tokio::test]
async fn keys_rotate() {
    let mut it = Fixture::new().await;
    let id = authorize(&mut it.conn, "1").await;
    let (rotated, new_only) = (keyring(&["b", "a"]), keyring(&["b"]));
    assert!(read(&mut it.conn, &rotated, id).await.is_ok());
    let unknown = read(&mut it.conn, &new_only, id).await.unwrap_err();
    assert!(
        matches!(&unknown, TokenError::Sealed(KeyringError::UnknownKey { id }) if id == "a"),
        "{unknown}"
    );

    // A refresh token that was not renewed stays under its old key.
    replace(&mut it.conn, &rotated, id, &tokens("second", None), HOUR)
        .await
        .unwrap();
    let mixed = read(&mut it.conn, &rotated, id).await.unwrap();
    assert_eq!(mixed.access.expose_secret(), "second");
    assert_eq!(mixed.refresh.unwrap().expose_secret(), "a-refresh-token");
    assert!(read(&mut it.conn, &new_only, id).await.is_err());

    replace(
        &mut it.conn,
        &rotated,
        id,
        &tokens("third", Some("newer")),
        HOUR,
    )
    .await
    .unwrap();
    let stored = read(&mut it.conn, &new_only, id).await.unwrap();
    assert_eq!(stored.refresh.unwrap().expose_secret(), "newer");
}

#[tokio::test]
async fn erased_tokens_are_gone_for_good() {
    let mut it = Fixture::new().await;
    let id = authorize(&mut it.conn, "1").await;
    erase(&mut it.conn, id).await.unwrap();
    let keys = keyring(&["a"]);
    assert!(matches!(
        read(&mut it.conn, &keys, id).await,
        Err(TokenError::Gone)
    ));
    // A refresh that comes too late does not bring them back.
    let late = replace(&mut it.conn, &keys, id, &tokens("late", Some("late")), HOUR).await;
    assert!(matches!(late, Err(TokenError::Gone)));
    let left =
        "SELECT count(*) FROM smd.authorization WHERE num_nonnulls(access_token, access_key_id,
                access_expires_at, refresh_token, refresh_key_id) > 0";
    assert_eq!(it.number(left).await, 0);
    let nobody = crate::fixture::uuid().into();
    assert!(matches!(
        read(&mut it.conn, &keys, nobody).await,
        Err(TokenError::Gone)
    ));
}

/// Whoever refreshes reads under the lock first: the second finds the first's pair.
#[tokio::test]
async fn refreshes_come_one_after_the_other() {
    let mut it = Fixture::new().await;
    let id = authorize(&mut it.conn, "1").await;
    let mut second = it.connect().await;
    let keys = keyring(&["a"]);
    begin(&mut it.conn).await;
    read_locked(&mut it.conn, &keys, id).await.unwrap();
    let waiting = tokio::spawn(async move { read_locked(&mut second, &keyring(&["a"]), id).await });
    until_blocked(&mut it.conn).await;
    replace(
        &mut it.conn,
        &keys,
        id,
        &tokens("fresh", Some("newer")),
        HOUR,
    )
    .await
    .unwrap();
    commit(&mut it.conn).await;
    assert_eq!(
        waiting.await.unwrap().unwrap().access.expose_secret(),
        "fresh"
    );
}
