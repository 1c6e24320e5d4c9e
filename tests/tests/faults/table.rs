//! What becomes of every fault at every step: the table that the runs follow.

use crate::kinds::Kind::{self, *};
use crate::places::Place::{self, *};

/// How a customer's journey ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// The files hold exactly what the custodian has; the authorization is deleted.
    Delivered,
    /// The same, and the customer's name is not in the file names: it could not be read.
    Nameless,
    /// The files hold exactly what the custodian gave: it said of a window that there is nothing in it.
    Shorter,
    /// Given up: the page says so, nothing is left of the data, the authorization is deleted.
    Failed,
    /// The customer withdrew: the page says so, nothing is left of the data.
    Withdrawn,
    /// The code came to nothing, the page says so; the customer starts again and is delivered. What the
    /// custodian may have granted the first time is superseded.
    StartsAgain,
}

/// How often a fault acts when it does not pass at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lasting {
    /// Always.
    Always,
    /// So many times in all.
    Times(u64),
}

/// Faults at steps that end alike.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row {
    pub(crate) places: &'static [Place],
    pub(crate) kinds: &'static [Kind],
    /// When it acts once.
    pub(crate) once: End,
    /// When it lasts; absent where that is nothing else.
    pub(crate) lasting: Option<(Lasting, End)>,
}

const fn row(places: &'static [Place], kinds: &'static [Kind], once: End) -> Row {
    Row {
        places,
        kinds,
        once,
        lasting: None,
    }
}

impl Row {
    const fn always(self, end: End) -> Self {
        Self {
            lasting: Some((Lasting::Always, end)),
            ..self
        }
    }

    const fn times(self, times: u64, end: End) -> Self {
        Self {
            lasting: Some((Lasting::Times(times), end)),
            ..self
        }
    }
}

const PULL: &[Place] = &[
    UsagePoints,
    FirstWindow,
    LaterWindow,
    ReadingType,
    Announced,
];
const PREPARE_AND_PULL: &[Place] = &[
    LocalTime,
    Name,
    UsagePoints,
    FirstWindow,
    LaterWindow,
    ReadingType,
    Announced,
];
const RELEASE: &[Place] = &[Delete, Confirm];

/// The request did not happen and may be repeated.
const HICCUPS: &[Kind] = &[ServerError, ResetBefore, Page, PageNotFound, Certificate];
/// The custodian asks for fewer requests.
const THROTTLES: &[Kind] = &[TooMany, TooManyBare, Unavailable, UnavailableBare];
/// The request happened; the answer did not come, or not whole.
const LOST: &[Kind] = &[Silent, ServerErrorAfter, AnswerLost];
const BROKEN: &[Kind] = &[EndlessDrip, ResetHalf, TruncatedHonest, TruncatedDishonest];
/// An answer that is none.
const NOTHING: &[Kind] = &[NoContent, Empty, Json];
const WITHDRAWALS: &[Kind] = &[Revoked, RevokedSilently];

/// More than the ten attempts of a fetch: its release meets the fault, too.
const BEYOND_THE_FETCH: u64 = 12;

pub(crate) const TABLE: &[Row] = &[
    // What is slow but comes is no fault.
    row(
        &[
            Exchange,
            Authorization,
            LocalTime,
            Name,
            UsagePoints,
            FirstWindow,
            LaterWindow,
            ReadingType,
            Refresh,
            Announced,
        ],
        &[Slow, Drip],
        End::Delivered,
    )
    .times(3, End::Delivered),
    row(&[AcceptedWindow, Delete, Confirm], &[Slow], End::Delivered).times(3, End::Delivered),
    // A code is good once: whatever happens to it, the customer starts again.
    row(&[Exchange], HICCUPS, End::StartsAgain).times(2, End::StartsAgain),
    row(&[Exchange], THROTTLES, End::StartsAgain).times(2, End::StartsAgain),
    row(&[Exchange], LOST, End::StartsAgain).times(2, End::StartsAgain),
    row(&[Exchange], BROKEN, End::StartsAgain).times(2, End::StartsAgain),
    row(&[Exchange], NOTHING, End::StartsAgain).times(2, End::StartsAgain),
    row(&[Exchange], WITHDRAWALS, End::StartsAgain),
    // Waiting costs no attempts.
    row(
        &[
            Authorization,
            LocalTime,
            Name,
            UsagePoints,
            FirstWindow,
            LaterWindow,
            ReadingType,
            Refresh,
            AcceptedWindow,
            Announced,
            Delete,
            Confirm,
        ],
        THROTTLES,
        End::Delivered,
    )
    .times(4, End::Delivered),
    // What may pass is tried again, ten times.
    row(&[Authorization], HICCUPS, End::Delivered).times(BEYOND_THE_FETCH, End::Failed),
    row(&[Authorization], LOST, End::Delivered).times(BEYOND_THE_FETCH, End::Failed),
    row(&[Authorization], BROKEN, End::Delivered).times(BEYOND_THE_FETCH, End::Failed),
    row(&[Authorization], NOTHING, End::Delivered).times(BEYOND_THE_FETCH, End::Failed),
    row(
        &[Authorization],
        &[WrongNamespace, Foreign, Expired],
        End::Delivered,
    )
    .times(BEYOND_THE_FETCH * 2, End::Failed),
    row(PREPARE_AND_PULL, HICCUPS, End::Delivered).always(End::Failed),
    row(PREPARE_AND_PULL, LOST, End::Delivered).always(End::Failed),
    row(PREPARE_AND_PULL, BROKEN, End::Delivered).always(End::Failed),
    row(PULL, &[Empty, Json], End::Delivered).always(End::Failed),
    row(PULL, &[WrongNamespace], End::Delivered).always(End::Failed),
    row(&[UsagePoints, ReadingType], &[NoContent], End::Delivered).always(End::Failed),
    // Local time has a configured zone to fall back on, and the name is not needed.
    row(&[LocalTime], NOTHING, End::Delivered).always(End::Delivered),
    row(&[LocalTime], &[WrongNamespace, Expired], End::Delivered).always(End::Delivered),
    row(&[Name], NOTHING, End::Nameless),
    row(&[Name], &[WrongNamespace], End::Nameless),
    row(&[Name], &[Foreign], End::Nameless),
    row(&[Name], &[Expired], End::Delivered).always(End::Nameless),
    // An empty window is a result.
    row(&[FirstWindow, AcceptedWindow], &[NoContent], End::Shorter).always(End::Failed),
    row(&[LaterWindow], &[NoContent], End::Shorter).always(End::Shorter),
    // An announced one only when it says so twice: it does not tell which window it is of.
    row(&[Announced], &[NoContent], End::Delivered).always(End::Failed),
    // Somebody else's data, and data of another time.
    row(&[UsagePoints], &[Foreign], End::Failed),
    row(
        &[FirstWindow, LaterWindow, Announced],
        &[Foreign],
        End::Delivered,
    )
    .always(End::Failed),
    row(
        &[FirstWindow, LaterWindow, AcceptedWindow],
        &[OtherWindow],
        End::Delivered,
    )
    .always(End::Failed),
    // A token that has expired is refreshed, once.
    row(PULL, &[Expired], End::Delivered).always(End::Failed),
    row(&[AcceptedWindow], &[Expired], End::Delivered).always(End::Failed),
    row(
        &[
            Authorization,
            LocalTime,
            Name,
            UsagePoints,
            FirstWindow,
            LaterWindow,
            ReadingType,
            Refresh,
            AcceptedWindow,
            Announced,
        ],
        WITHDRAWALS,
        End::Withdrawn,
    ),
    // A refresh that did not happen is repeated; one that happened unheard has used the token up.
    row(&[Refresh], HICCUPS, End::Delivered).always(End::Failed),
    row(&[Refresh], NOTHING, End::Delivered).always(End::Failed),
    row(&[Refresh], LOST, End::Failed),
    row(&[Refresh], BROKEN, End::Failed),
    // A request for later that seemed to fail is announced all the same.
    row(&[AcceptedWindow], HICCUPS, End::Delivered).always(End::Failed),
    row(&[AcceptedWindow], &[Empty, Json], End::Delivered).always(End::Failed),
    row(&[AcceptedWindow], LOST, End::Delivered),
    // A release is never given up.
    row(RELEASE, HICCUPS, End::Delivered).times(4, End::Delivered),
    row(RELEASE, LOST, End::Delivered).times(4, End::Delivered),
    row(RELEASE, NOTHING, End::Delivered).times(4, End::Delivered),
    row(RELEASE, &[Expired], End::Delivered).times(4, End::Delivered),
    row(&[Delete], WITHDRAWALS, End::Delivered),
    // Notifications.
    row(
        &[Notification],
        &[
            NotifiedTwice,
            NotifiedForeign,
            NotifiedGarbage,
            NotifiedEarly,
        ],
        End::Delivered,
    )
    .always(End::Delivered),
    row(&[Notification], &[NotifiedLate], End::Delivered),
    row(
        &[Notification],
        &[NeverNotified, NotifiedForeignOnly, NotifiedGarbageOnly],
        End::Delivered,
    )
    .always(End::Failed),
];
