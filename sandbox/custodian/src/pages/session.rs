//! What is remembered between two pages, under a token that only the page's forms know.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};
use service_kit::random::Random;

/// For how long a page can be used.
const LIFETIME: SignedDuration = SignedDuration::from_mins(30);

/// A third party's request, on its way through the pages.
#[derive(Debug, Clone)]
pub(super) struct Flow {
    pub(super) client_id: String,
    pub(super) redirect_uri: String,
    pub(super) state: Option<String>,
    /// The third party wants the authorization to last at least until then.
    pub(super) earliest_end: Option<Timestamp>,
    /// The third party would like the authorization to last until then.
    pub(super) preferred_end: Option<Timestamp>,
    /// The key of the customer, once logged in.
    pub(super) customer: Option<String>,
}

/// What a session is about.
#[derive(Debug, Clone)]
pub(super) enum Session {
    /// An authorization in the making.
    Authorize(Flow),
    /// Somebody who looks at what is shared.
    Manage(Visitor),
}

/// Who looks at what is shared.
#[derive(Debug, Clone)]
pub(super) enum Visitor {
    /// Nobody knows before the login.
    Unknown,
    /// The customer with this key.
    Customer(String),
}

/// All sessions.
#[derive(Debug, Default)]
pub(crate) struct Sessions(HashMap<String, (Session, Timestamp)>);

impl Sessions {
    /// Begins a session and gives its token.
    pub(super) fn begin(
        &mut self,
        now: Timestamp,
        random: &dyn Random,
        session: Session,
    ) -> String {
        self.0.retain(|_, (_, until)| now < *until);
        let token = random.token(24);
        let until = now.checked_add(LIFETIME).unwrap_or(Timestamp::MAX);
        self.0.insert(token.clone(), (session, until));
        token
    }

    /// The session with this token, which is then good for nothing any more: each page has its own.
    pub(super) fn take(&mut self, now: Timestamp, token: &str) -> Option<Session> {
        let (session, until) = self.0.remove(token)?;
        (now < until).then_some(session)
    }
}

#[cfg(test)]
mod tests {
    use jiff::ToSpan as _;
    use service_kit::random::SeededRandom;

    use super::*;

    #[test]
    fn a_session_is_good_once_and_for_half_an_hour() {
        let now: Timestamp = "2026-11-20T18:00:00Z".parse().unwrap();
        let (mut sessions, random) = (Sessions::default(), SeededRandom::new(1));
        let begin = |sessions: &mut Sessions| {
            sessions.begin(now, &random, Session::Manage(Visitor::Unknown))
        };
        let token = begin(&mut sessions);
        assert!(sessions.take(now, "guessed").is_none());
        assert!(sessions.take(now, &token).is_some());
        assert!(sessions.take(now, &token).is_none());
        let token = begin(&mut sessions);
        assert!(sessions.take(now + 30.minutes(), &token).is_none());
    }
}
