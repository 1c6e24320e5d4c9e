//! The whole process model: every pair of states.
#![allow(clippy::unwrap_used, reason = "tests fail loudly")]

use permission::{IllegalStep, Status};

/// Rows are where a permission stands, columns where it goes, both in the order of [`Status::ALL`]; `x` is a step.
const MODEL: [(&str, &str); 16] = [
    ("CREATED", ".xx............."),
    ("VALIDATED", "...xx..........."),
    ("MALFORMED", "................"),
    ("UNABLE_TO_SEND", ".x.............."),
    ("SENT_TO_PERMISSION_ADMINISTRATOR", ".....xxxx...x..."),
    ("TIMED_OUT", "................"),
    ("ACCEPTED", ".........xxxx..."),
    ("REJECTED", "................"),
    ("INVALID", "................"),
    ("REVOKED", "................"),
    ("TERMINATED", ".............x.."),
    ("FULFILLED", ".............x.."),
    ("UNFULFILLABLE", ".............x.."),
    ("REQUIRES_EXTERNAL_TERMINATION", "..............xx"),
    ("FAILED_TO_TERMINATE", ".............x.."),
    ("EXTERNALLY_TERMINATED", "................"),
];

#[test]
fn every_pair_of_states_is_a_step_or_refused() {
    let mut pairs = 0;
    for (from, (name, row)) in Status::ALL.into_iter().zip(MODEL) {
        assert_eq!(from.name(), name);
        for (to, cell) in Status::ALL.into_iter().zip(row.chars()) {
            pairs += 1;
            match (from.step(to), cell) {
                (Ok(step), 'x') => assert_eq!((step.from(), step.to()), (from, to)),
                (Err(error), '.') => assert_eq!(error, IllegalStep { from, to }),
                (step, _) => panic!("{from} to {to} is {step:?}"),
            }
        }
        assert_eq!(from.next().is_empty(), !row.contains('x'), "{from}");
    }
    assert_eq!(pairs, 256);
}

#[test]
fn names_read_back_and_others_are_refused() {
    for status in Status::ALL {
        assert_eq!(status.name().parse::<Status>().unwrap(), status);
        let json = serde_json::to_string(&status).unwrap();
        assert_eq!(json, format!("\"{status}\""));
        assert_eq!(serde_json::from_str::<Status>(&json).unwrap(), status);
    }
    for junk in ["", "accepted", "ACCEPTED ", "TIMEDOUT"] {
        assert!(junk.parse::<Status>().is_err(), "{junk:?}");
    }
}

#[test]
fn credentials_outlive_the_end_while_the_home_must_be_told() {
    let connecting: Vec<_> = Status::ALL.into_iter().filter(|s| s.needs_iam()).collect();
    assert_eq!(
        connecting,
        [
            Status::Accepted,
            Status::Terminated,
            Status::RequiresExternalTermination
        ]
    );
}

/// What is over may be forgotten: nothing flows, and the only step from there repeats what a home was told.
#[test]
fn what_is_over_needs_nobody() {
    let over: Vec<_> = Status::ALL.into_iter().filter(|s| s.is_over()).collect();
    assert_eq!(over.len(), 9);
    for status in over {
        assert!(!status.needs_iam(), "{status}");
        assert!(
            matches!(status.next(), [] | [Status::RequiresExternalTermination]),
            "{status}"
        );
    }
    for status in Status::ALL.into_iter().filter(|s| s.next().is_empty()) {
        assert!(status.is_over(), "{status} leads nowhere");
    }
}
