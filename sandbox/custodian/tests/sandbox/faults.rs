//! Faults on demand, as a client meets them.

use std::time::{Duration, Instant};

use custodian::NotificationRecord;
use custodian::faults::{Fault, FaultReport, Moment, News, Rule, Step};
use custodian::ledger::RequestKind;
use jiff::civil::date;

use crate::harness::{Inbox, Sandbox, Tokens, json, text};

const USAGE_POINTS: Step = Step::Request(RequestKind::UsagePoints);

impl Sandbox {
    async fn give(&self, rule: &Rule) -> u64 {
        let body = serde_json::to_vec(rule).unwrap();
        let request = self.http.post(self.page("/sandbox/faults")).body(body);
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 200, "{rule:?}");
        answer.text().await.unwrap().parse().unwrap()
    }

    /// The body of the usage points under this fault, or the error that a client has.
    async fn usage_points(
        &self,
        tokens: &Tokens,
        fault: Fault,
    ) -> Result<(u16, String), reqwest::Error> {
        let rule = Rule {
            times: Some(1),
            ..Rule::new(USAGE_POINTS, fault)
        };
        self.give(&rule).await;
        let url = self.resource(&format!("Subscription/{}/UsagePoint", tokens.id));
        let answer = self
            .http
            .get(url)
            .bearer_auth(&tokens.access)
            .send()
            .await?;
        let status = answer.status().as_u16();
        Ok((status, answer.text().await?))
    }
}

#[tokio::test]
async fn answers_are_late_cut_or_other_than_they_should_be() {
    let sandbox = Sandbox::start();
    let tokens = sandbox.authorize("fable").await;
    let path = format!("Subscription/{}/UsagePoint", tokens.id);
    let right = sandbox
        .get(&path, &tokens.access)
        .await
        .text()
        .await
        .unwrap();

    let started = Instant::now();
    let drip = Fault::Drip {
        bytes: right.len() / 3,
        pause_ms: 50,
    };
    assert_eq!(
        sandbox.usage_points(&tokens, drip).await.unwrap(),
        (200, right.clone())
    );
    assert!(started.elapsed() >= Duration::from_millis(150));
    let delay = Fault::Delay { ms: 100 };
    assert_eq!(sandbox.usage_points(&tokens, delay).await.unwrap().0, 200);
    let status = Fault::Status {
        status: 503,
        retry_after: Some(9),
        processed: false,
    };
    assert_eq!(
        sandbox.usage_points(&tokens, status).await.unwrap(),
        (503, String::new())
    );
    for moment in [Moment::Before, Moment::Processed, Moment::Half] {
        let broken = sandbox.usage_points(&tokens, Fault::Reset { moment }).await;
        assert!(broken.is_err(), "{moment:?}: {broken:?}");
    }
    let dishonest = Fault::Truncate { honest: false };
    assert!(sandbox.usage_points(&tokens, dishonest).await.is_err());
    let (_, half) = sandbox
        .usage_points(&tokens, Fault::Truncate { honest: true })
        .await
        .unwrap();
    assert!(right.starts_with(&half) && half.len() < right.len());
    for (fault, status, start) in [
        (Fault::Page, 200, "<!DOCTYPE html>"),
        (Fault::PageNotFound, 404, "<!DOCTYPE html>"),
        (Fault::Json, 200, "{"),
        (Fault::NoContent, 204, ""),
        (Fault::Empty, 200, ""),
        (Fault::Certificate, 400, "\"Invalid Certificate\""),
    ] {
        let (was, body) = sandbox.usage_points(&tokens, fault.clone()).await.unwrap();
        assert!(
            was == status && body.starts_with(start),
            "{fault:?}: {was} {body}"
        );
    }
    let (_, other) = sandbox
        .usage_points(&tokens, Fault::WrongNamespace)
        .await
        .unwrap();
    assert!(right.contains("naesb.org/espi") && !other.contains("naesb.org"));
    let (_, foreign) = sandbox.usage_points(&tokens, Fault::Foreign).await.unwrap();
    assert!(!foreign.contains(&sandbox.point("fable", 0)));
    // Everything was told, and is over.
    assert_eq!(
        sandbox
            .get(&path, &tokens.access)
            .await
            .text()
            .await
            .unwrap(),
        right
    );
    let rules: Vec<FaultReport> = sandbox.control("/sandbox/faults").await;
    assert!(
        rules
            .iter()
            .all(|rule| (rule.fired, rule.rule.times) == (1, Some(1)))
    );
}

#[tokio::test]
async fn a_lost_answer_is_of_something_that_happened() {
    let sandbox = Sandbox::start();
    let tokens = sandbox.authorize("fable").await;
    for step in [
        Step::TokenRefresh,
        Step::Request(RequestKind::AuthorizationDelete),
    ] {
        let moment = Moment::Processed;
        let rule = Rule {
            customer: Some("fable".to_owned()),
            authorization: Some(tokens.id),
            ..Rule::new(step, Fault::Reset { moment })
        };
        sandbox.give(&rule).await;
    }
    let form = [
        ("grant_type", "refresh_token"),
        ("refresh_token", &tokens.refresh),
    ];
    let request = sandbox.http.post(sandbox.token_url()).form(&form);
    let request = request.basic_auth(crate::harness::CLIENT_ID, Some(crate::harness::SECRET));
    assert!(request.send().await.is_err());
    // The rotation happened: the old pair is worth nothing any more.
    let again = sandbox.token_request(&form).await;
    assert_eq!(text(&json(again).await, "error"), "invalid_grant");
    let client = sandbox.client_token().await;
    let path = format!("Authorization/{}", tokens.id);
    let delete = sandbox
        .http
        .delete(sandbox.resource(&path))
        .bearer_auth(&client);
    assert!(delete.send().await.is_err());
    assert_eq!(sandbox.status(&path, &client).await, 404);
}

#[tokio::test]
async fn tokens_are_forgotten_and_consent_is_withdrawn_on_the_way() {
    let sandbox = Sandbox::start();
    let tokens = sandbox.authorize("fable").await;
    assert_eq!(
        sandbox
            .usage_points(&tokens, Fault::ForgetToken)
            .await
            .unwrap()
            .0,
        401
    );
    let form = [
        ("grant_type", "refresh_token"),
        ("refresh_token", &tokens.refresh),
    ];
    let fresh = crate::harness::tokens(&json(sandbox.token_request(&form).await).await);
    let revoke = Fault::Revoke { silent: true };
    assert_eq!(sandbox.usage_points(&fresh, revoke).await.unwrap().0, 401);
    let all = sandbox.authorizations().await;
    assert_eq!((all[0].status, all[0].live_tokens), (0, 0));
}

#[tokio::test]
async fn feeds_come_without_types_or_of_another_time() {
    let sandbox = Sandbox::start();
    let tokens = sandbox.authorize("fable").await;
    let point = sandbox.point("fable", 1);
    let path = sandbox.batch(tokens.id, &point, date(2026, 11, 1), date(2026, 11, 2));
    let right = sandbox
        .get(&path, &tokens.access)
        .await
        .text()
        .await
        .unwrap();
    let batch = Step::Request(RequestKind::BatchUsagePoint);
    for fault in [Fault::NoReadingTypes, Fault::OtherWindow] {
        let rule = Rule {
            times: Some(1),
            ..Rule::new(batch, fault)
        };
        sandbox.give(&rule).await;
    }
    let untyped = sandbox
        .get(&path, &tokens.access)
        .await
        .text()
        .await
        .unwrap();
    assert!(right.contains("ReadingType xmlns") && !untyped.contains("ReadingType xmlns"));
    assert_eq!(
        untyped.matches("<ns0:start>").count(),
        right.matches("<ns0:start>").count()
    );
    crate::harness::entries(untyped.as_bytes());
    let earlier = sandbox
        .get(&path, &tokens.access)
        .await
        .text()
        .await
        .unwrap();
    let first = sandbox
        .model
        .calendar()
        .bounds(date(2026, 11, 1))
        .unwrap()
        .start;
    assert!(right.contains(&first.to_string()) && !earlier.contains(&first.to_string()));
    assert!(earlier.contains("<ns0:IntervalBlock"));
}

#[tokio::test]
async fn notifications_go_wrong_too_and_rules_are_taken_back() {
    let mut inbox = Inbox::open(0);
    let sandbox = Sandbox::start_with(&[("--notification-uri", &inbox.url)]);
    let tokens = sandbox.authorize("later").await;
    let point = sandbox.point("later", 0);
    let path = sandbox.batch(tokens.id, &point, date(2026, 11, 1), date(2026, 11, 2));
    for (news, instead) in [
        (News::Right, false),
        (News::Foreign, true),
        (News::Nothing, true),
    ] {
        let fault = Fault::Notification { news, instead };
        let rule = Rule {
            times: Some(1),
            ..Rule::new(Step::Notification, fault)
        };
        sandbox.give(&rule).await;
    }
    assert_eq!(sandbox.status(&path, &tokens.access).await, 202);
    let right = inbox.next().await;
    assert_eq!(inbox.next().await, right, "twice");
    assert_eq!(sandbox.status(&path, &tokens.access).await, 202);
    let foreign = inbox.next().await;
    assert!(foreign.len() > 5 && foreign.iter().all(|link| !right.contains(link)));
    assert_eq!(sandbox.status(&path, &tokens.access).await, 202);
    assert_eq!(sandbox.status(&path, &tokens.access).await, 202);
    inbox.next().await;
    assert!(inbox.is_empty(), "the third one was never sent");
    let sent: Vec<NotificationRecord> = sandbox.control("/sandbox/notifications").await;
    assert_eq!(sent.len(), 4);
    let wrong = sandbox.http.post(sandbox.page("/sandbox/faults"));
    let wrong = wrong.body(r#"{"at":"notification","fault":{"do":"page"}}"#);
    assert_eq!(wrong.send().await.unwrap().status(), 400);
    let gone = sandbox.http.delete(sandbox.page("/sandbox/faults?id=2"));
    assert_eq!(gone.send().await.unwrap().text().await.unwrap(), "1");
    let rules: Vec<FaultReport> = sandbox.control("/sandbox/faults").await;
    assert_eq!(rules.iter().map(|rule| rule.id).collect::<Vec<_>>(), [1, 3]);
}
