//! The cookie that leads from the consent page back to an authorization that this browser has just given. It holds the
//! ticket, which is in the address of that page anyway, and is shown to no script and no other site.

use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::cookie::Cookie;

use super::build;

/// Not one of a state's, which are counted.
const NAME: &str = "__Host-authorized";

/// Longer than most histories take; short, as a browser may be used by several people.
const KEPT: Duration = Duration::from_hours(1);

/// For the authorization with this ticket.
pub(crate) fn issue(ticket: &str) -> Cookie<'static> {
    build(NAME.to_owned(), ticket.to_owned(), KEPT)
}

/// The ticket that this browser brings along, if it can be one.
pub(crate) fn ticket(request: &HttpRequest) -> Option<String> {
    let cookie = request.cookie(NAME)?;
    let is_token = |c: u8| c.is_ascii_alphanumeric() || c == b'-' || c == b'_';
    let ticket = cookie.value();
    let fits = (1..=crate::status::LONGEST_TICKET).contains(&ticket.len());
    (fits && ticket.bytes().all(is_token)).then(|| ticket.to_owned())
}

/// The cookie that takes it back.
pub(crate) fn take_back() -> Cookie<'static> {
    super::take_back(NAME.to_owned())
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn only_what_may_be_a_ticket_is_taken() {
        let read = |value: &str| {
            let cookie = Cookie::new(NAME, value.to_owned());
            ticket(&TestRequest::default().cookie(cookie).to_http_request())
        };
        assert_eq!(read("Abc-_9").as_deref(), Some("Abc-_9"));
        for bad in ["", "a/b", "a b", "\"><script>", &"x".repeat(65)] {
            assert_eq!(read(bad), None, "{bad}");
        }
        assert_eq!(ticket(&TestRequest::default().to_http_request()), None);
    }

    #[test]
    fn it_is_bound_to_this_host_and_short() {
        let text = issue("Abc").to_string();
        for word in [
            "__Host-authorized=Abc",
            "Secure",
            "HttpOnly",
            "SameSite=Lax",
            "Path=/",
            "Max-Age=3600",
        ] {
            assert!(text.contains(word), "{word} is not in {text}");
        }
    }
}
