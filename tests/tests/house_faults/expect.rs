//! What must come of a misdeed.

use home::Answer;

/// What the other side must say to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Said {
    /// Nothing was asked.
    Nothing,
    /// Yes, each time.
    Yes,
    /// Every connection is ended, none of it taken.
    Dropped,
    /// The first thing is not taken; the connection may go on.
    NotTaken,
    /// Something is taken, and then the connection is ended.
    TakenThenDropped,
    /// No, each time, with one of these reason codes.
    No(&'static [u8]),
    /// These HTTP statuses, in this order.
    Http(&'static [u16]),
    /// One HTTP request succeeds, the others are refused.
    OneOfThem,
    /// The client does not wait for what is said, or it may be this or that: what counts is what comes of it.
    Whatever,
}

impl Said {
    pub(crate) fn is(self, answers: &[Answer]) -> bool {
        let all = |wanted: fn(&Answer) -> bool| !answers.is_empty() && answers.iter().all(wanted);
        let ended = |answer: &Answer| matches!(answer, Answer::Closed(_));
        match self {
            Self::Nothing => answers.is_empty(),
            Self::Yes => all(|answer| *answer == Answer::Taken),
            Self::Dropped => {
                all(|answer| matches!(answer, Answer::Refused(_) | Answer::Closed(_)))
                    && answers.last().is_some_and(ended)
            }
            Self::NotTaken => answers
                .first()
                .is_some_and(|answer| *answer != Answer::Taken),
            Self::TakenThenDropped => {
                answers.first() == Some(&Answer::Taken) && answers.last().is_some_and(ended)
            }
            Self::No(codes) => {
                !answers.is_empty()
                    && answers.iter().all(
                        |answer| matches!(answer, Answer::Refused(code) if codes.contains(code)),
                    )
            }
            Self::Http(statuses) => {
                let wanted = statuses.iter().map(|status| Answer::Http(*status));
                answers.iter().copied().eq(wanted)
            }
            Self::OneOfThem => {
                let good = |answer: &&Answer| **answer == Answer::Http(200);
                let rest = |answer: &&Answer| matches!(answer, Answer::Http(400..=499));
                answers.iter().filter(good).count() == 1
                    && answers.iter().filter(rest).count() + 1 == answers.len()
            }
            Self::Whatever => true,
        }
    }
}

/// What must have been stored and counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Neither.
    Nothing,
    /// So many messages of each schema are stored, once each.
    Stored(usize),
    /// A whole flood of them.
    Flooded,
    /// The first schema's.
    StoredOne,
    /// Each schema's is refused for this reason.
    Refused(&'static str),
    /// The same, unless it was shut out before.
    RefusedInTime(&'static str),
    /// The same, but what only the two sides understand is stored as it is.
    Unreadable(&'static str),
}

/// The whole of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Expect {
    pub(crate) said: Said,
    pub(crate) effect: Effect,
    /// Where the permission may stand afterwards.
    pub(crate) status: &'static [&'static str],
}
