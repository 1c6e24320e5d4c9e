//! What homes tell later, what time does, and what was left lying.

use test_support::wait;

use crate::site::{DEADLINE, FULL, INBOUND, RAW, Site};

#[tokio::test(flavor = "multi_thread")]
async fn a_household_revokes() {
    let site = Site::start().await;
    for (told, status) in [("REVOKED", "REVOKED"), ("FULFILLED", "FULFILLED")] {
        let (id, _) = site.accepted(FULL).await;
        site.tell(&id, told).await;
        let history = site.history(&id).await;
        assert_eq!(history.last().unwrap(), &format!("{status} home"));
        assert_eq!(site.jobs("mqtt.revoke", &id).await, ["available"]);
        // Twice, and late, and another word after the end.
        for again in [told, "REVOKED", "FULFILLED", "EXTERNALLY_TERMINATED"] {
            site.tell(&id, again).await;
        }
        assert_eq!(site.history(&id).await, history);
        assert_eq!(site.jobs("mqtt.revoke", &id).await.len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_home_confirms_its_termination() {
    let site = Site::start().await;
    for told in ["EXTERNALLY_TERMINATED", "REVOKED"] {
        let (id, _) = site.accepted(FULL).await;
        require_termination(&site, &id).await;
        site.tell(&id, told).await;
        assert_eq!(site.status(&id).await, "EXTERNALLY_TERMINATED");
        assert_eq!(site.jobs("mqtt.revoke", &id).await, ["available"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operator_terminates_what_is_accepted() {
    let site = Site::start().await;
    let (id, _) = site.accepted(FULL).await;
    let payload = format!("{{\"permission\": \"{id}\"}}");
    site.run("aiida.terminate", &payload, &id).await;
    let history = site.history(&id).await;
    assert!(
        history.ends_with(&[
            "TERMINATED operator".to_owned(),
            "REQUIRES_EXTERNAL_TERMINATION operator".to_owned()
        ]),
        "{history:?}"
    );
    let commands = format!("SELECT name FROM aiida.outgoing WHERE permission_id = '{id}'");
    assert_eq!(site.texts(&commands).await, ["TERMINATE"]);
    // Once more: there is nothing to end, and nothing changes.
    site.sql(&format!(
        "SELECT jobs.enqueue('{{aiida.terminate}}', ARRAY['{payload}'::jsonb], '{{{id}}}', '{{0}}', '{{0}}', NULL)"
    ))
    .await;
    wait::until(DEADLINE, "the second job to be cancelled", async || {
        let states = site.jobs("aiida.terminate", &id).await;
        (states == ["completed", "cancelled"]).then_some(())
    })
    .await;
    assert_eq!(site.history(&id).await, history);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_word_that_does_not_fit_changes_nothing() {
    let site = Site::start().await;
    let (accepted, _) = site.accepted(FULL).await;
    let asked = site.request(&[FULL]).await.permission_ids[0].to_string();
    for told in [
        "ACCEPTED",
        "CREATED",
        "TERMINATED",
        "EXTERNALLY_TERMINATED",
        "TIMED_OUT",
    ] {
        site.tell(&accepted, told).await;
    }
    for told in ["REVOKED", "FULFILLED", "ACCEPTED", "EXTERNALLY_TERMINATED"] {
        site.tell(&asked, told).await;
    }
    site.tell("00000000-0000-4000-8000-000000000000", "REVOKED")
        .await;
    assert_eq!(site.status(&accepted).await, "ACCEPTED");
    assert_eq!(
        site.status(&asked).await,
        "SENT_TO_PERMISSION_ADMINISTRATOR"
    );
    let revocations = "SELECT payload FROM jobs.job WHERE kind = 'mqtt.revoke'";
    assert!(site.texts(revocations).await.is_empty());
    let ignored = service_kit::metrics::install().unwrap().render();
    assert!(
        ignored.contains(r#"aiida_status_messages_total{status="REVOKED",outcome="ignored"}"#),
        "{ignored}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn time_ends_what_nobody_answers() {
    let site = Site::start().await;
    let code = site.request(&[FULL, RAW, INBOUND]).await;
    let [old, young, _] = [0, 1, 2].map(|number| code.permission_ids[number].to_string());
    let age = |id: &str, hours: u32| {
        format!(
            "UPDATE aiida.permission SET status_at = now() - interval '{hours} hours' WHERE id = '{id}'"
        )
    };
    site.sql(&age(&old, 169)).await;
    site.sql(&age(&young, 167)).await;
    site.run_timeout().await;
    assert_eq!(site.history(&old).await.last().unwrap(), "TIMED_OUT clock");
    assert_eq!(
        site.status(&young).await,
        "SENT_TO_PERMISSION_ADMINISTRATOR"
    );
    assert!(
        site.jobs("mqtt.revoke", &old).await.is_empty(),
        "nothing was handed out"
    );
    let late = site
        .patch(
            &crate::site::handshake(&code, 0),
            &code.access_token,
            "ACCEPT",
        )
        .await;
    assert_eq!(late.status, 409);
    assert!(site.jobs("mqtt.grant", &old).await.is_empty());
}

/// Many at once: a flood ends in one pass, and nobody's event waits for the whole of it.
#[tokio::test(flavor = "multi_thread")]
async fn a_flood_ends_in_small_transactions() {
    let site = Site::start().await;
    site.request(&[FULL]).await;
    site.sql(
        "INSERT INTO aiida.permission (id, bundle_id, connection_id, data_need_id, data_need, status, status_at)
         SELECT gen_random_uuid(), bundle_id, connection_id, data_need_id, data_need, status,
                now() - interval '200 hours'
         FROM aiida.permission, generate_series(1, 720)",
    )
    .await;
    site.run_timeout().await;
    let ended =
        "SELECT count(*) FROM aiida.permission WHERE status = 'TIMED_OUT' GROUP BY status_at";
    let mut batches: Vec<u32> = site
        .texts(ended)
        .await
        .iter()
        .map(|count| count.parse().unwrap())
        .collect();
    batches.sort_unstable();
    assert_eq!(batches, [20, 100, 100, 100, 100, 100, 100, 100]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_ended_long_ago_is_deleted() {
    let site = Site::start().await;
    let mut kept = Vec::new();
    let mut gone = Vec::new();
    // Never accepted.
    for (days, status, stays) in [
        (91, "TIMED_OUT", false),
        (91, "REJECTED", false),
        (91, "INVALID", false),
        (91, "MALFORMED", false),
        (91, "UNFULFILLABLE", false),
        (89, "TIMED_OUT", true),
    ] {
        let id = site.request(&[FULL]).await.permission_ids[0].to_string();
        ended(&site, &id, status, days, "").await;
        if stays { kept.push(id) } else { gone.push(id) }
    }
    // Accepted: not before nothing is left of it at the broker, nor before its readings.
    let stored = "removed_at = now(), first_message_at = now() - interval '92 days'";
    for (days, status, more, stays) in [
        (91, "REVOKED", "removed_at = now()", false),
        (91, "FULFILLED", "removed_at = now()", false),
        (91, "UNFULFILLABLE", "removed_at = now()", false),
        (91, "FAILED_TO_TERMINATE", "removed_at = now()", false),
        (91, "EXTERNALLY_TERMINATED", "removed_at = now()", false),
        (91, "REVOKED", "removed_at = NULL", true),
        (89, "REVOKED", "removed_at = now()", true),
        (91, "REVOKED", stored, true),
        (95, "REVOKED", stored, false),
        (
            400,
            "REQUIRES_EXTERNAL_TERMINATION",
            "removed_at = NULL",
            true,
        ),
    ] {
        let (id, _) = site.accepted(FULL).await;
        ended(&site, &id, status, days, more).await;
        if stays { kept.push(id) } else { gone.push(id) }
    }
    let (live, _) = site.accepted(FULL).await;
    site.sql(&format!(
        "UPDATE aiida.permission SET accepted_at = now() - interval '400 days', status_at = now() - interval '400 days'
         WHERE id = '{live}';
         UPDATE aiida.permission SET granted_at = now();
         INSERT INTO aiida.outgoing (id, permission_id, kind, name, payload)
         SELECT gen_random_uuid(), id, 'command', 'TERMINATE', 'x' FROM aiida.permission;
         INSERT INTO aiida.refusal SELECT id, 'malformed', 1, now() FROM aiida.permission;
         SELECT aiida.make_partitions(ARRAY[(now() AT TIME ZONE 'UTC')::date - 93])"
    ))
    .await;
    kept.push(live);
    kept.sort_unstable();
    site.run_timeout().await;
    // The one that was to be terminated is given up by the same pass; it has only just come to its end.
    let left = "SELECT id FROM aiida.permission ORDER BY 1";
    let found = site.texts(left).await;
    for id in &gone {
        assert!(!found.contains(id), "{id} is still there");
    }
    assert_eq!(found, kept);
    for table in ["permission_event", "credential", "outgoing", "refusal"] {
        let owners = format!("SELECT DISTINCT permission_id FROM aiida.{table}");
        for id in site.texts(&owners).await {
            assert!(kept.contains(&id), "{table} of {id}");
        }
    }
}

/// Brings a permission to an end that was so many days ago.
async fn ended(site: &Site, id: &str, status: &str, days: u32, more: &str) {
    let more = if more.is_empty() {
        String::new()
    } else {
        format!(", {more}")
    };
    site.sql(&format!(
        "UPDATE aiida.permission SET status = '{status}', status_at = now() - interval '{days} days'{more}
         WHERE id = '{id}'"
    ))
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_the_time_frame_fulfils() {
    let site = Site::start().await;
    let (over, _) = site.accepted(FULL).await;
    let (last_day, _) = site.accepted(FULL).await;
    let (open, _) = site.accepted(RAW).await;
    let ends = |id: &str, ends: &str| {
        format!(
            "UPDATE aiida.permission SET starts_on = starts_on - 30, ends_on = ((now() AT TIME ZONE 'UTC')::date - {ends})
             WHERE id = '{id}'"
        )
    };
    site.sql(&ends(&over, "1")).await;
    site.sql(&ends(&last_day, "0")).await;
    site.run_timeout().await;
    assert_eq!(site.history(&over).await.last().unwrap(), "FULFILLED clock");
    assert_eq!(site.jobs("mqtt.revoke", &over).await, ["available"]);
    assert_eq!(
        site.status(&last_day).await,
        "ACCEPTED",
        "its last day is not over"
    );
    assert_eq!(site.status(&open).await, "ACCEPTED", "it has no end");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_home_that_never_answers_is_shut_out() {
    let site = Site::start().await;
    let (silent, _) = site.accepted(FULL).await;
    let (young, _) = site.accepted(FULL).await;
    for (id, days) in [(&silent, 8), (&young, 6)] {
        require_termination(&site, id).await;
        site.sql(&format!(
            "UPDATE aiida.permission SET status_at = now() - interval '{days} days' WHERE id = '{id}'"
        ))
        .await;
    }
    site.run_timeout().await;
    assert_eq!(site.status(&silent).await, "FAILED_TO_TERMINATE");
    assert_eq!(site.jobs("mqtt.revoke", &silent).await, ["available"]);
    assert_eq!(site.status(&young).await, "REQUIRES_EXTERNAL_TERMINATION");
    assert!(site.jobs("mqtt.revoke", &young).await.is_empty());
}

/// A step whose job is gone: the sweep finds it, once it is not just under way.
#[tokio::test(flavor = "multi_thread")]
async fn steps_without_a_job_are_found() {
    let site = Site::start().await;
    let (granted, _) = site.accepted(FULL).await;
    let (ungranted, _) = site.accepted(FULL).await;
    let (revoked, _) = site.accepted(FULL).await;
    let (removed, _) = site.accepted(FULL).await;
    let (fresh, _) = site.accepted(FULL).await;
    for id in [&revoked, &removed] {
        site.tell(id, "REVOKED").await;
    }
    site.sql("DELETE FROM jobs.job WHERE kind IN ('mqtt.grant', 'mqtt.revoke')")
        .await;
    site.sql(&format!(
        "UPDATE aiida.permission SET status_at = now() - interval '2 minutes' WHERE id <> '{fresh}';
         UPDATE aiida.permission SET granted_at = now() WHERE id = '{granted}';
         UPDATE aiida.permission SET removed_at = now() WHERE id = '{removed}'"
    ))
    .await;
    site.run_timeout().await;
    assert_eq!(site.jobs("mqtt.grant", &ungranted).await.len(), 1);
    assert_eq!(site.jobs("mqtt.revoke", &revoked).await, ["available"]);
    for id in [&granted, &removed, &fresh] {
        assert!(site.jobs("mqtt.grant", id).await.is_empty(), "{id}");
        assert!(site.jobs("mqtt.revoke", id).await.is_empty(), "{id}");
    }
}

/// As the eligible party's API brings it about.
async fn require_termination(site: &Site, id: &str) {
    site.sql(&format!(
        "UPDATE aiida.permission SET status = 'REQUIRES_EXTERNAL_TERMINATION', status_at = now() WHERE id = '{id}'"
    ))
    .await;
}
