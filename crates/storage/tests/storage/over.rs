//! Statuses in which a permission rests for good: one list in Rust, and the index that serves it.

use permission::Status;

use crate::fixture::Fixture;

#[tokio::test]
async fn the_index_of_ended_permissions_holds_every_status_that_is_over_and_no_other() {
    let mut fixture = Fixture::new().await;
    for status in Status::ALL {
        let indexed = format!(
            "SELECT count(*) FROM pg_index WHERE indexrelid = 'aiida.permission_ended'::regclass
               AND pg_get_expr(indpred, indrelid) LIKE '%''{status}''%'"
        );
        let expected = i64::from(status.is_over());
        assert_eq!(fixture.number(&indexed).await, expected, "{status}");
    }
}
