use jiff::ToSpan as _;
use jiff::civil::date;
use service_kit::random::SeededRandom;

use super::*;

const CALLBACK: &str = "https://example.test/OAuthCallback";

fn start() -> Timestamp {
    "2026-11-20T18:00:00Z".parse().unwrap()
}

fn grants() -> (Grants, SeededRandom) {
    let lifetimes = Lifetimes {
        code: SignedDuration::from_secs(600),
        access: SignedDuration::from_secs(3_600),
        refresh: SignedDuration::from_hours(24 * 365),
    };
    (Grants::new(lifetimes, 4_000_000), SeededRandom::new(1))
}

fn choice(customer: &str) -> Choice {
    Choice {
        customer: customer.to_owned(),
        usage_points: vec!["1234567890".to_owned()],
        data: DataGroups {
            usage: true,
            billing: true,
            account: true,
        },
        history_from: date(2024, 11, 20),
        history_seconds: 63_072_000,
        until: None,
    }
}

#[test]
fn a_code_is_good_once_and_its_replay_revokes() {
    let (mut grants, random) = grants();
    let authorized = grants.authorize(start(), &random, "a", CALLBACK, choice("fable"));
    let exchange = |grants: &mut Grants, code: &str| {
        grants.exchange(start(), &random, "a", code, Some(CALLBACK))
    };
    let issued = exchange(&mut grants, &authorized.code).unwrap();
    assert_eq!(
        grants.bearer(start(), &issued.access),
        Ok(Bearer::Access(4_000_000))
    );
    assert_eq!(
        exchange(&mut grants, &authorized.code).unwrap_err(),
        GrantError::ReplayedCode
    );
    assert_eq!(
        grants.bearer(start(), &issued.access),
        Err(Refused::Unknown)
    );
    assert_eq!(
        grants
            .refresh(start(), &random, "a", &issued.refresh)
            .unwrap_err(),
        GrantError::UnknownRefresh
    );
    assert_eq!(
        grants.get(4_000_000).unwrap().status(start()),
        1,
        "the consent itself stands"
    );
}

#[test]
fn a_code_belongs_to_its_client_redirect_and_minutes() {
    let (mut grants, random) = grants();
    let code = grants
        .authorize(start(), &random, "a", CALLBACK, choice("fable"))
        .code;
    let late = start() + 600.seconds();
    assert_eq!(
        grants
            .exchange(start(), &random, "b", &code, Some(CALLBACK))
            .unwrap_err(),
        GrantError::UnknownCode
    );
    assert_eq!(
        grants
            .exchange(start(), &random, "a", &code, None)
            .unwrap_err(),
        GrantError::OtherRedirect
    );
    assert_eq!(
        grants
            .exchange(late, &random, "a", &code, Some(CALLBACK))
            .unwrap_err(),
        GrantError::ExpiredCode
    );
    assert!(
        grants
            .exchange(late - 1.second(), &random, "a", &code, Some(CALLBACK))
            .is_ok()
    );
}

#[test]
fn refreshing_rotates_both_tokens() {
    let (mut grants, random) = grants();
    let code = grants
        .authorize(start(), &random, "a", CALLBACK, choice("fable"))
        .code;
    let first = grants
        .exchange(start(), &random, "a", &code, Some(CALLBACK))
        .unwrap();
    let later = start() + 1.hour();
    assert_eq!(grants.bearer(later, &first.access), Err(Refused::Expired));
    let second = grants.refresh(later, &random, "a", &first.refresh).unwrap();
    assert_ne!(first.refresh, second.refresh);
    assert_eq!(
        grants.bearer(later, &second.access),
        Ok(Bearer::Access(second.authorization))
    );
    assert_eq!(
        grants
            .refresh(later, &random, "a", &first.refresh)
            .unwrap_err(),
        GrantError::UnknownRefresh
    );
    let next_year = later + (24 * 365).hours();
    assert_eq!(
        grants
            .refresh(next_year, &random, "a", &second.refresh)
            .unwrap_err(),
        GrantError::ExpiredRefresh
    );
}

#[test]
fn authorizing_again_ends_the_older_one_of_that_customer_only() {
    let (mut grants, random) = grants();
    let code = grants
        .authorize(start(), &random, "a", CALLBACK, choice("fable"))
        .code;
    let first = grants
        .exchange(start(), &random, "a", &code, Some(CALLBACK))
        .unwrap();
    let other = grants.authorize(start(), &random, "a", CALLBACK, choice("awkward"));
    assert!(other.superseded.is_empty());
    let again = grants.authorize(start(), &random, "a", CALLBACK, choice("fable"));
    assert_eq!(again.superseded, [first.authorization]);
    assert_eq!(grants.bearer(start(), &first.access), Err(Refused::Unknown));
    assert_eq!(
        grants.get(first.authorization).unwrap().state,
        State::Superseded
    );
    // Another third party's authorization is none of this one's business.
    assert!(
        grants
            .authorize(start(), &random, "b", CALLBACK, choice("fable"))
            .superseded
            .is_empty()
    );
}

#[test]
fn the_end_of_the_period_ends_the_tokens() {
    let (mut grants, random) = grants();
    let until = start() + 30.minutes();
    let code = grants
        .authorize(
            start(),
            &random,
            "a",
            CALLBACK,
            Choice {
                until: Some(until),
                ..choice("fable")
            },
        )
        .code;
    let issued = grants
        .exchange(start(), &random, "a", &code, Some(CALLBACK))
        .unwrap();
    assert_eq!(grants.bearer(until, &issued.access), Err(Refused::Ended));
    assert_eq!(
        grants
            .refresh(until, &random, "a", &issued.refresh)
            .unwrap_err(),
        GrantError::Ended
    );
    assert_eq!(grants.get(issued.authorization).unwrap().status(until), 0);
}

#[test]
fn revocation_keeps_the_authorization_and_deletion_ends_it_for_good() {
    let (mut grants, random) = grants();
    let code = grants
        .authorize(start(), &random, "a", CALLBACK, choice("fable"))
        .code;
    let id = grants
        .exchange(start(), &random, "a", &code, Some(CALLBACK))
        .unwrap()
        .authorization;
    assert_eq!(
        grants.revoke(start(), "awkward", Some(id)),
        [0; 0],
        "of another customer"
    );
    assert_eq!(grants.revoke(start(), "fable", None), [id]);
    assert_eq!(grants.live_tokens(start(), id), 0);
    assert!(!grants.delete(start(), "b", id), "of another client");
    assert!(grants.delete(start(), "a", id));
    assert!(!grants.delete(start(), "a", id));
    assert_eq!(grants.get(id).unwrap().state, State::Deleted);
}
