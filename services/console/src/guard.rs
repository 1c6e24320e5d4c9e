//! Who is asking, and from where.
//!
//! nginx asks for the password and overwrites these headers with the name it has checked: without one, somebody has
//! come another way. A form changes something only when the browser says that a page of ours has sent it: there is no
//! cookie that could be ridden on, but browsers send a password that they remember along with any form.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::header::{HOST, HeaderMap, ORIGIN};
use actix_web::{FromRequest, HttpRequest};

use crate::error::Trouble;

/// Who may use the console.
const OPERATOR: &str = "x-metergate-operator";
/// Who may download.
const READER: &str = "x-metergate-reader";
/// Longest name.
const LONGEST: usize = 64;

/// The operator's name in the password file.
#[derive(Debug, Clone)]
pub(crate) struct Operator(pub(crate) String);

impl FromRequest for Operator {
    type Error = Trouble;
    type Future = Ready<Result<Self, Trouble>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(name(request.headers(), OPERATOR).map(Self))
    }
}

/// Somebody who may download.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reader;

impl FromRequest for Reader {
    type Error = Trouble;
    type Future = Ready<Result<Self, Trouble>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(name(request.headers(), READER).map(|_| Self))
    }
}

/// An operator whose form was sent by a page of ours.
#[derive(Debug, Clone)]
pub(crate) struct Acting(pub(crate) Operator);

impl FromRequest for Acting {
    type Error = Trouble;
    type Future = Ready<Result<Self, Trouble>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let operator = name(request.headers(), OPERATOR);
        ready(operator.and_then(|operator| {
            is_ours(request.headers())
                .then_some(Self(Operator(operator)))
                .ok_or(Trouble::Elsewhere)
        }))
    }
}

fn name(headers: &HeaderMap, header: &str) -> Result<String, Trouble> {
    let mut values = headers.get_all(header);
    let value = values.next().filter(|value| !value.is_empty());
    let (Some(value), None) = (value, values.next()) else {
        return Err(Trouble::Nobody);
    };
    let is_sound =
        |name: &&str| name.len() <= LONGEST && name.chars().all(|letter| letter.is_ascii_graphic());
    let name = value.to_str().ok().filter(is_sound);
    name.map(str::to_owned).ok_or(Trouble::Name)
}

/// Whether a page of this site has sent the request. A browser says so in `Sec-Fetch-Site`; an older one names its
/// page's origin. With our referrer policy the origin of our own pages is `null`, which alone says nothing.
fn is_ours(headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let is_own_origin = |origin: &str| {
        text(HOST.as_str()).is_some_and(|host| {
            origin
                .strip_prefix("https://")
                .is_some_and(|authority| authority.eq_ignore_ascii_case(host))
        })
    };
    let origin = headers
        .contains_key(ORIGIN)
        .then(|| text(ORIGIN.as_str()).unwrap_or_default());
    match (text("sec-fetch-site"), origin) {
        (Some("same-origin"), None | Some("null")) => true,
        (Some("same-origin") | None, Some(origin)) => is_own_origin(origin),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn ours(headers: &[(&'static str, &str)]) -> bool {
        let mut request = TestRequest::post().insert_header(("host", "metergate.example:8443"));
        for (name, value) in headers {
            request = request.insert_header((*name, *value));
        }
        is_ours(request.to_http_request().headers())
    }

    #[test]
    fn a_form_is_ours_when_the_browser_says_so() {
        let origin = ("origin", "https://metergate.example:8443");
        let same = ("sec-fetch-site", "same-origin");
        assert!(ours(&[same]));
        assert!(ours(&[same, ("origin", "null")]));
        assert!(ours(&[same, origin]));
        assert!(ours(&[origin]));
        for other in [
            &[][..],
            &[("origin", "null")],
            &[("origin", "https://metergate.example")],
            &[("origin", "http://metergate.example:8443")],
            &[("origin", "https://metergate.example:8443.evil.example")],
            &[("sec-fetch-site", "cross-site")],
            &[("sec-fetch-site", "same-site"), origin],
            &[("sec-fetch-site", "none"), origin],
            &[("sec-fetch-site", "cross-site"), origin],
            &[same, ("origin", "https://evil.example")],
            &[("sec-fetch-site", "same-origin, cross-site")],
        ] {
            assert!(!ours(other), "{other:?}");
        }
    }

    #[test]
    fn a_name_is_one_header_of_plain_letters() {
        let named = |values: &[&'static str]| {
            let mut request = TestRequest::get();
            for value in values {
                request = request.append_header((OPERATOR, *value));
            }
            name(request.to_http_request().headers(), OPERATOR)
        };
        let longest: &'static str = Box::leak("a".repeat(64).into_boxed_str());
        assert_eq!(named(&["alice"]).unwrap(), "alice");
        assert_eq!(named(&[longest]).unwrap(), longest);
        for nobody in [&[][..], &[""], &["alice", "bob"], &["a b", ""]] {
            let named = named(nobody);
            assert!(matches!(named, Err(Trouble::Nobody)), "{named:?}");
        }
        // nginx has checked the password of these: their line of the file is what has to change.
        let long: &'static str = Box::leak("a".repeat(65).into_boxed_str());
        for bad in ["a b", "jörg", long] {
            let named = named(&[bad]);
            assert!(matches!(named, Err(Trouble::Name)), "{named:?}");
        }
    }
}
