//! Homes from which something should have come by now, as the console counts them.

use storage::console::overview;

use crate::fixture::{Fixture, Role, uuid};

#[tokio::test]
async fn a_home_is_silent_when_it_was_due_and_sent_nothing() {
    let mut it = Fixture::with_roles().await;
    let mut console = it.connect_as(Role::Console).await;
    let mut expected = 0;
    for (kind, schedule, columns, is_silent) in [
        (
            "outbound",
            "*/5 * * * * *",
            "now() - interval '20 min', NULL, NULL",
            true,
        ),
        (
            "outbound",
            "*/5 * * * * *",
            "now() - interval '10 min', NULL, NULL",
            false,
        ),
        (
            "outbound",
            "*/5 * * * * *",
            "now() - interval '20 min', NULL, now()",
            false,
        ),
        // A home that only receives has nothing to send.
        (
            "inbound",
            "*/5 * * * * *",
            "now() - interval '20 min', NULL, NULL",
            false,
        ),
        // The first day is yet to come, or has come long since.
        (
            "outbound",
            "*/5 * * * * *",
            "now() - interval '3 days', current_date + 2, NULL",
            false,
        ),
        (
            "outbound",
            "*/5 * * * * *",
            "now() - interval '3 days', current_date - 2, NULL",
            true,
        ),
        // Once a day: at noon, whatever the time is now.
        (
            "outbound",
            "0 0 12 * * *",
            "now() - interval '3 days', NULL, NULL",
            true,
        ),
        (
            "outbound",
            "0 0 12 * * *",
            "now() - interval '20 min', current_date + 1, NULL",
            false,
        ),
        // Every leap year.
        (
            "outbound",
            "0 0 0 29 2 *",
            "now() - interval '20 min', NULL, NULL",
            false,
        ),
        (
            "outbound",
            "none",
            "now() - interval '20 min', NULL, NULL",
            true,
        ),
    ] {
        let id = uuid();
        it.sql(&format!(
            "INSERT INTO aiida.permission (id, bundle_id, connection_id, data_need_id, data_need, status, accepted_at,
                 starts_on, first_message_at)
             SELECT '{id}', '{id}', 'c', '{id}', jsonb_build_object('type', '{kind}-aiida', 'transmissionSchedule', '{schedule}'),
                 'ACCEPTED', {columns}"
        ))
        .await;
        expected += i64::from(is_silent);
        let counted = overview::count(&mut console).await.unwrap();
        assert_eq!(
            counted.concerns.silent_homes, expected,
            "{kind} {schedule} {columns}"
        );
    }
}
