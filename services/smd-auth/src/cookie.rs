//! The cookie that binds a state to the browser it was given to; one per state, so that two tabs do not
//! disturb each other.

pub(crate) mod running;

use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::cookie::{Cookie, SameSite, time};
use storage::digest;

/// A browser takes such a cookie from nobody but this very host: a neighbour in the same domain cannot
/// plant the state of an authorization that somebody else began.
const PREFIX: &str = "__Host-metergate-";

/// Authorizations that one browser may have begun at a time. Far more would fill the request head, which
/// nginx bounds, and lock the customer out.
const MOST: usize = 8;

/// The name of a state's cookie; says nothing of the state.
pub(crate) fn name(state: &str) -> String {
    let short = digest(state)
        .iter()
        .take(8)
        .fold(0, |number: u64, byte| (number << 8) | u64::from(*byte));
    format!("{PREFIX}{short:016x}")
}

/// The cookie for a new state.
pub(crate) fn issue(state: &str, browser: String, valid_for: Duration) -> Cookie<'static> {
    build(name(state), browser, valid_for)
}

/// The cookie that takes the one of this name back.
pub(crate) fn take_back(name: String) -> Cookie<'static> {
    let mut cookie = build(name, String::new(), Duration::ZERO);
    cookie.make_removal();
    cookie
}

/// The names of the oldest cookies that must go, so that one more can come.
pub(crate) fn surplus(request: &HttpRequest) -> Vec<String> {
    let Ok(cookies) = request.cookies() else {
        return Vec::new();
    };
    // Browsers send the oldest first (RFC 6265 section 5.4).
    let ours: Vec<&str> = cookies
        .iter()
        .map(Cookie::name)
        .filter(|name| name.starts_with(PREFIX))
        .collect();
    let too_many = (ours.len() + 1).saturating_sub(MOST);
    ours.into_iter().take(too_many).map(str::to_owned).collect()
}

fn build(name: String, value: String, valid_for: Duration) -> Cookie<'static> {
    Cookie::build(name, value)
        .path("/")
        .http_only(true)
        .secure(true)
        // It must come along when the custodian redirects back.
        .same_site(SameSite::Lax)
        .max_age(time::Duration::try_from(valid_for).unwrap_or(time::Duration::HOUR))
        .finish()
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn browser_with(count: usize) -> HttpRequest {
        (0..count)
            .map(|nr| {
                issue(
                    &format!("state {nr}"),
                    "x".to_owned(),
                    Duration::from_mins(1),
                )
            })
            .fold(TestRequest::default(), TestRequest::cookie)
            .cookie(Cookie::new("another", "cookie"))
            .to_http_request()
    }

    #[test]
    fn the_oldest_cookies_make_room() {
        assert!(surplus(&browser_with(0)).is_empty());
        assert!(surplus(&browser_with(MOST - 1)).is_empty());
        assert_eq!(surplus(&browser_with(MOST + 1)).len(), 2);
    }

    #[test]
    fn a_cookie_is_bound_to_this_host_and_hidden_from_scripts() {
        let cookie = issue("state", "x".to_owned(), Duration::from_mins(1));
        let text = cookie.to_string();
        assert!(text.starts_with("__Host-metergate-"), "{text}");
        for word in ["Secure", "HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=60"] {
            assert!(text.contains(word), "{word} is not in {text}");
        }
        assert!(
            !text.contains("Domain") && !text.contains("state"),
            "{text}"
        );
        assert_eq!(
            take_back(cookie.name().to_owned()).max_age(),
            Some(time::Duration::ZERO)
        );
    }
}
