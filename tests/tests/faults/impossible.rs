//! Which fault cannot be at which step, and why: with the table, every pair is accounted for.

use crate::kinds::Kind::{self, *};
use crate::places::Place::{self, *};

/// What cannot be, and why.
pub(crate) const IMPOSSIBLE: &[(&[Place], &[Kind], &str)] = &[
    (
        &[Exchange, Refresh],
        &[WrongNamespace],
        "tokens are JSON, which has no namespaces",
    ),
    (
        &[Exchange, Refresh],
        &[Foreign],
        "it is the token endpoint that tells whose tokens they are: nothing is known to compare with",
    ),
    (
        &[Exchange, Refresh],
        &[Expired],
        "the token endpoint is asked with our secret, not with a token",
    ),
    (
        &[
            Exchange,
            Authorization,
            LocalTime,
            Name,
            UsagePoints,
            ReadingType,
            Refresh,
            Delete,
            Confirm,
        ],
        &[OtherWindow],
        "no window is asked for",
    ),
    (
        &[Announced],
        &[OtherWindow],
        "which time was announced is decided when the request is accepted",
    ),
    (
        &[LocalTime, ReadingType],
        &[Foreign],
        "it names nobody and is the same for everybody",
    ),
    (
        &[AcceptedWindow],
        &[
            Drip,
            EndlessDrip,
            ResetHalf,
            TruncatedHonest,
            TruncatedDishonest,
            WrongNamespace,
            Foreign,
        ],
        "a 202 has no body",
    ),
    (
        &[Delete],
        &[
            Drip,
            EndlessDrip,
            ResetHalf,
            TruncatedHonest,
            TruncatedDishonest,
            WrongNamespace,
            Foreign,
        ],
        "the answer to a deletion has no body that anybody reads",
    ),
    (
        &[Confirm],
        &[
            Drip,
            EndlessDrip,
            ResetHalf,
            TruncatedHonest,
            TruncatedDishonest,
            WrongNamespace,
            Foreign,
        ],
        "what was deleted answers 404: there is no document to break",
    ),
    (
        &[Confirm],
        &[Revoked, RevokedSilently],
        "nothing is left to be withdrawn",
    ),
];
