//! What all customers have in common: our own token, our certificate, the custodian's list of authorizations
//! and its status. A fault there is a fault for everybody, so each has the stack for itself, one after the other.

use custodian::faults::{Fault, Moment, Rule, Step};
use custodian::ledger::RequestKind;
use demo::Customer;

use crate::kinds::Kind;
use crate::table::End;
use crate::verdict::judge_page;
use crate::world::World;

const WHOLE_GATEWAY: [Step; 10] = [
    Step::TokenCode,
    Step::TokenRefresh,
    Step::TokenClient,
    Step::Request(RequestKind::Authorization),
    Step::Request(RequestKind::Authorizations),
    Step::Request(RequestKind::AuthorizationDelete),
    Step::Request(RequestKind::LocalTimeParameters),
    Step::Request(RequestKind::BatchRetailCustomer),
    Step::Request(RequestKind::UsagePoints),
    Step::Request(RequestKind::BatchUsagePoint),
];

/// What can be wrong with our own token for a while.
const OF_OUR_TOKEN: [Kind; 21] = [
    Kind::Slow,
    Kind::Silent,
    Kind::Drip,
    Kind::EndlessDrip,
    Kind::TooMany,
    Kind::TooManyBare,
    Kind::Unavailable,
    Kind::UnavailableBare,
    Kind::ServerError,
    Kind::ServerErrorAfter,
    Kind::ResetBefore,
    Kind::AnswerLost,
    Kind::ResetHalf,
    Kind::TruncatedHonest,
    Kind::TruncatedDishonest,
    Kind::Page,
    Kind::NoContent,
    Kind::Empty,
    Kind::Json,
    Kind::Certificate,
    Kind::Expired,
];

impl World {
    /// A customer of the crowd authorizes.
    async fn arrives(&self, number: usize) -> Customer {
        let site = &self.site;
        let mut customer = Customer::new(site, &format!("crowd-{number}"))
            .await
            .unwrap();
        customer.authorize(site).await.unwrap();
        customer
    }

    async fn ends(&self, customer: &mut Customer, end: End) {
        let limit = std::time::Duration::from_mins(2);
        let page = customer.wait(limit, |_| {}).await.unwrap();
        judge_page(end, &page).unwrap();
    }

    /// The next request about an authorization asks for a new token of our own.
    async fn forget_our_token(&self) {
        let rule = Rule {
            times: Some(1),
            ..Rule::new(
                Step::Request(RequestKind::Authorization),
                Fault::ForgetToken,
            )
        };
        self.give(&rule).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn our_own_token_may_fail_in_every_way() {
    let world = World::start_with(&[("CROWD", "40")]).await;
    world
        .quickly(async {
            for (kind, number) in OF_OUR_TOKEN.into_iter().zip(1..) {
                world.forget_our_token().await;
                let rule = if kind == Kind::Expired {
                    // The new one as well.
                    Rule {
                        from: 2,
                        times: Some(1),
                        ..Rule::new(
                            Step::Request(RequestKind::Authorization),
                            Fault::ForgetToken,
                        )
                    }
                } else {
                    Rule {
                        times: Some(2),
                        ..Rule::new(Step::TokenClient, kind.fault())
                    }
                };
                world.give(&rule).await;
                let mut customer = world.arrives(number).await;
                world.ends(&mut customer, End::Delivered).await;
                let fired = world.faults().await;
                assert!(fired.iter().all(|it| it.fired > 0), "{kind:?}: {fired:?}");
                world.mend().await;
            }
        })
        .await;
    assert_eq!(world.books(&[]).await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_certificate_is_shown_and_everything_is_released_when_it_is_accepted_again() {
    let world = World::start_with(&[("CROWD", "3")]).await;
    let mut customer = world.arrives(1).await;
    for step in WHOLE_GATEWAY {
        world.give(&Rule::new(step, Fault::Certificate)).await;
    }
    world
        .quickly(async {
            let failed = "SELECT count(*) = 1 FROM smd.authorization WHERE stage = 'failed' AND released_at IS NULL";
            assert!(world.soon(failed).await, "{}", world.stack.logs());
            let page = customer.visitor.reload().await.unwrap().text();
            let words = "Something is wrong with our own access";
            assert!(page.contains(words), "{page}");
            // The release is not given up, and the operator finds what to do.
            let errors = "SELECT bool_and(errors::text LIKE '%METERGATE_SMD_CERTIFICATE%') FROM jobs.job
                WHERE kind = 'smd.release'";
            assert!(world.soon(errors).await);
            let shown = world.metergate(&["jobs", "list", "--kind", "smd.release"]);
            assert!(shown.contains("smd.release"), "{shown}");
            let doctor = world.metergate(&["doctor"]);
            assert!(doctor.contains("does not accept our client certificate"), "{doctor}");
            world.mend().await;
            world.ends(&mut customer, End::Failed).await;
            let mut customer = world.arrives(2).await;
            world.ends(&mut customer, End::Delivered).await;
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_custodian_that_says_it_is_down_is_shown_by_doctor_and_a_lost_authorization_by_the_sweep()
{
    let world = World::start_with(&[("CROWD", "3")]).await;
    let status = Step::Request(RequestKind::ServiceStatus);
    world.give(&Rule::new(status, Fault::Down)).await;
    let doctor = world.metergate(&["doctor"]);
    assert!(doctor.contains("down"), "{doctor}");
    world.mend().await;

    let lost = Rule {
        times: Some(1),
        ..Rule::new(
            Step::TokenCode,
            Fault::Reset {
                moment: Moment::Processed,
            },
        )
    };
    world.give(&lost).await;
    let site = &world.site;
    let mut customer = Customer::new(site, "crowd-1").await.unwrap();
    customer.log_in(site).await.unwrap();
    let decide = "form button[value=authorize]";
    let page = customer.visitor.submit(decide, &[]).await.unwrap().clone();
    assert_eq!(page.status, 502);
    assert!(page.text().contains("start again"), "{}", page.text());
    assert_eq!(site.authorization_of("crowd-1").await.unwrap().status, 1);
    // Unknown to two sweeps in a row: the operator is told. A list that cannot be read tells nothing.
    let broken = Rule {
        times: Some(1),
        ..Rule::new(Step::Request(RequestKind::Authorizations), Fault::Page)
    };
    world.give(&broken).await;
    for sweeps in 1..=4 {
        let due = "UPDATE jobs.schedule SET due_at = now() WHERE kind = 'smd.sweep'";
        world.stack.sql(due).await.unwrap();
        let swept = format!(
            "SELECT count(*) >= {sweeps} FROM jobs.job WHERE kind = 'smd.sweep' AND state = 'completed'"
        );
        assert!(world.soon(&swept).await, "sweep {sweeps}");
    }
    let metrics = world.stack.metrics().unwrap();
    assert!(
        metrics.contains("smd_unknown_authorizations 1\n"),
        "{metrics}"
    );
    assert!(
        world
            .stack
            .logs()
            .contains("end them in the Share My Data portal")
    );
    // The customer starts again: that ends the lost one.
    world
        .quickly(async {
            let mut customer = world.arrives(1).await;
            world.ends(&mut customer, End::Delivered).await;
        })
        .await;
    let all = world.authorizations("crowd-1").await;
    assert!(all.iter().all(|it| (it.status, it.live_tokens) == (0, 0)));
}
