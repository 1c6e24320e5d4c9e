//! Who guesses passwords of the download folder is slowed.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::endpoints::basic;
use super::http::{Request, exchange};
use super::tls::Target;
use crate::{BoxError, Claims};

/// Guesses at once, each on connections of its own.
const GUESSERS: usize = 4;
/// The most guesses that are made.
const GUESSES: usize = 400;

/// Wrong passwords are answered with 401, and soon with 429.
pub(super) fn is_slowed(target: &Target, claims: &mut Claims) {
    let guesses = AtomicUsize::new(0);
    let statuses: Vec<u16> = thread::scope(|scope| {
        let threads = [(); GUESSERS].map(|()| scope.spawn(|| guess(target, &guesses)));
        let ended = threads.into_iter().filter_map(|it| it.join().ok());
        ended.flatten().collect()
    });
    let made = guesses.load(Ordering::Relaxed).min(GUESSES);
    claims.note(
        "guessing the download folder's password is slowed",
        statuses.contains(&429) && statuses.iter().all(|it| [401, 429].contains(it)),
        format!("after {made} wrong passwords: {statuses:?}"),
    );
}

/// Guesses until something else than 401 comes back; what that was.
fn guess(target: &Target, guesses: &AtomicUsize) -> Option<u16> {
    loop {
        let nr = guesses.fetch_add(1, Ordering::Relaxed);
        if nr >= GUESSES {
            return None;
        }
        match once(target, nr) {
            Ok(401) => {}
            Ok(other) => return Some(other),
            // No answer at all is no 429.
            Err(_) => return Some(0),
        }
    }
}

fn once(target: &Target, nr: usize) -> Result<u16, BoxError> {
    let request = Request {
        method: "GET",
        target: "/output/",
        host: &target.authority,
        authorization: Some(basic("metergate", &format!("guess-{nr}"))),
        body: "",
    };
    Ok(exchange(target.connect()?, &request)?.status)
}
