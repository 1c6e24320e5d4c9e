//! Of everything that may happen to a permission at once, exactly one thing does.

use std::sync::Arc;

use diesel_async::{AsyncConnection as _, AsyncPgConnection};
use reqwest::Method;
use serde_json::json;
use storage::aiida::event;
use tokio::sync::Barrier;

use crate::site::{FULL, Options, Site, handshake};

const ROUNDS: usize = 30;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_accept_reject_and_timeout_at_once_one_wins() {
    let site = Arc::new(
        Site::start_with(Options {
            arguments: vec![("--database-connections", "16".to_owned())],
            ..Options::default()
        })
        .await,
    );
    let mut winners = std::collections::BTreeMap::<String, usize>::new();
    for round in 0..ROUNDS {
        let code = site.request(&[FULL]).await;
        let id = code.permission_ids[0].to_string();
        let (url, token) = (handshake(&code, 0), code.access_token.clone());
        // Late enough that all arrive together.
        let operations = ["ACCEPT", "REJECT", "ACCEPT", "UNFULFILLABLE", "REJECT"];
        let barrier = Arc::new(Barrier::new(operations.len() + 1));
        let mut tasks = Vec::new();
        for operation in operations {
            let (site, barrier) = (Arc::clone(&site), Arc::clone(&barrier));
            let (url, token) = (url.clone(), token.clone());
            tasks.push(tokio::spawn(async move {
                barrier.wait().await;
                (operation, site.patch(&url, &token, operation).await)
            }));
        }
        if round % 3 == 0 {
            let old = format!(
                "UPDATE aiida.permission SET status_at = now() - interval '200 hours' WHERE id = '{id}'"
            );
            site.sql(&old).await;
        }
        barrier.wait().await;
        site.run_timeout().await;
        let mut won = Vec::new();
        for task in tasks {
            let (operation, answer) = task.await.unwrap();
            match answer.status {
                200 | 204 => won.push(operation),
                409 => assert_eq!(answer.errors().len(), 1),
                other => panic!("{operation}: {other} {}", answer.body),
            }
        }
        let status = site.status(&id).await;
        let expected: &[&str] = match status.as_str() {
            "ACCEPTED" => &["ACCEPT"],
            "REJECTED" => &["REJECT"],
            "UNFULFILLABLE" => &["UNFULFILLABLE"],
            "TIMED_OUT" => &[],
            other => panic!("{other}"),
        };
        assert_eq!(won, expected, "{status}");
        let history = site.history(&id).await;
        assert_eq!(history.len(), 4, "{history:?}");
        let credentials = format!("SELECT 'x' FROM aiida.credential WHERE permission_id = '{id}'");
        let is_accepted = usize::from(status == "ACCEPTED");
        assert_eq!(site.texts(&credentials).await.len(), is_accepted);
        assert_eq!(site.jobs("mqtt.grant", &id).await.len(), is_accepted);
        *winners.entry(status).or_default() += 1;
    }
    assert!(winners.len() > 1, "the same one always wins: {winners:?}");
}

/// Ten homes at once, one webhook: nobody waits for somebody else for long, and the events come in the order of ids.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_homes_at_once() {
    let site = Arc::new(
        Site::start_with(Options {
            arguments: vec![
                ("--webhook-url", "http://127.0.0.1:9/never".to_owned()),
                ("--webhook-secret", "w".repeat(32)),
            ],
            ..Options::default()
        })
        .await,
    );
    let body = json!({"connectionId": "c", "dataNeedIds": [FULL]});
    let barrier = Arc::new(Barrier::new(10));
    let tasks: Vec<_> = (0..10)
        .map(|_| {
            let (site, barrier, body) = (Arc::clone(&site), Arc::clone(&barrier), body.clone());
            tokio::spawn(async move {
                barrier.wait().await;
                let path = "/region-connectors/aiida/permission-request";
                let asked = site.ask(Method::POST, path, None, Some(&body)).await;
                let code: permission::code::Bundle = serde_json::from_str(&asked.body).unwrap();
                let answer = site
                    .patch(&handshake(&code, 0), &code.access_token, "ACCEPT")
                    .await;
                assert_eq!(answer.status, 200, "{}", answer.body);
            })
        })
        .collect();
    // Whoever reads with a cursor meanwhile misses nothing.
    let mut reader = AsyncPgConnection::establish(&site.database.url())
        .await
        .unwrap();
    let (mut cursor, mut seen) = (0, 0);
    while seen < 40 {
        let events = event::after(&mut reader, cursor, 3).await.unwrap();
        seen += events.len();
        if let Some(last) = events.last() {
            cursor = last.id;
        } else if tasks.iter().all(tokio::task::JoinHandle::is_finished) {
            let counted = "SELECT count(*) FROM aiida.permission_event";
            assert_eq!(site.texts(counted).await, [seen.to_string()]);
        }
    }
    for task in tasks {
        task.await.unwrap();
    }
    let counted = "SELECT count(*) FROM aiida.permission_event";
    assert_eq!(site.texts(counted).await, ["40"]);
    let jobs = "SELECT count(*) FROM jobs.job WHERE kind = 'webhook.deliver' AND state IN ('available', 'running')";
    assert_eq!(site.texts(jobs).await, ["1"]);
}
