//! Which language a reader gets, and the cookie that remembers the choice.

use std::borrow::Cow;

use actix_web::HttpRequest;
use actix_web::cookie::{Cookie, SameSite, time};
use actix_web::http::header::{AcceptLanguage, Header as _, Preference};
use url::form_urlencoded;

use crate::texts::Texts;

/// The parameter of an address, and the cookie.
const NAME: &str = "lang";

/// One link of the language switch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// The code.
    pub code: String,
    /// As its speakers call it.
    pub name: String,
    /// Where it leads: the same page, with `lang` and its other parameters.
    pub link: String,
    /// The language of this page.
    pub is_current: bool,
}

/// The codes a reader would like, the best first: of the address, of the cookie, of the browser.
pub(crate) fn wanted(request: &HttpRequest) -> impl Iterator<Item = String> {
    let remembered = request.cookie(NAME).map(|cookie| cookie.value().to_owned());
    let browsers = AcceptLanguage::parse(request)
        .map(|accepted| accepted.ranked())
        .unwrap_or_default();
    let browsers = browsers.into_iter().filter_map(|wanted| match wanted {
        Preference::Specific(tag) => Some(tag.primary_language().to_ascii_lowercase()),
        Preference::Any => None,
    });
    asked_for(request)
        .into_iter()
        .chain(remembered)
        .chain(browsers)
}

fn asked_for(request: &HttpRequest) -> Option<String> {
    form_urlencoded::parse(request.query_string().as_bytes())
        .find(|(name, _)| name == NAME)
        .map(|(_, value)| value.into_owned())
}

/// The cookie that remembers what the address asks for, where it asks for one of these languages.
pub(crate) fn remember(texts: &Texts, request: &HttpRequest) -> Option<Cookie<'static>> {
    let code = texts
        .in_language(&asked_for(request)?)?
        .language()
        .to_owned();
    Some(
        Cookie::build(NAME, code)
            .path("/")
            .http_only(true)
            .secure(true)
            .same_site(SameSite::Lax)
            .max_age(time::Duration::days(365))
            .finish(),
    )
}

/// The links of the language switch on this page.
pub(crate) fn choices(texts: &Texts, request: &HttpRequest, current: &str) -> Vec<Choice> {
    texts
        .languages()
        .iter()
        .map(|words| Choice {
            code: words.language().to_owned(),
            name: words.say("language-name"),
            link: link(request, words.language()),
            is_current: words.language() == current,
        })
        .collect()
}

/// This address in another language. Relative: nothing in it can lead to another site.
fn link(request: &HttpRequest, code: &str) -> String {
    let mut query = form_urlencoded::Serializer::new("?".to_owned());
    for (name, value) in form_urlencoded::parse(request.query_string().as_bytes()) {
        if name != NAME {
            query.append_pair(&name, &value);
        }
    }
    query.append_pair(NAME, code);
    // The serialiser takes what is there for a pair.
    Cow::from(query.finish()).replacen("?&", "?", 1)
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn texts() -> Texts {
        Texts::new(&[("en", ""), ("es", ""), ("de", "")]).unwrap()
    }

    #[test]
    fn the_address_then_the_cookie_then_the_browser_decide() {
        let of =
            |request: TestRequest| texts().of(&request.to_http_request()).language().to_owned();
        let browser = ("Accept-Language", "fr;q=0.9, es-MX;q=0.8, en;q=0.1");
        assert_eq!(of(TestRequest::default()), "en");
        assert_eq!(of(TestRequest::default().insert_header(browser)), "es");
        let cookie = Cookie::new("lang", "de");
        let remembered = || {
            TestRequest::default()
                .insert_header(browser)
                .cookie(cookie.clone())
        };
        assert_eq!(of(remembered()), "de");
        assert_eq!(of(remembered().uri("/?a=b&lang=en")), "en");
        for nonsense in ["/?lang=xx", "/?lang=", "/?lang=%3Cb%3E"] {
            assert_eq!(of(remembered().uri(nonsense)), "de");
        }
        assert_eq!(
            of(TestRequest::default().insert_header(("Accept-Language", "*"))),
            "en"
        );
    }

    #[test]
    fn only_a_language_that_is_there_is_remembered() {
        let cookie = |uri: &str| {
            let request = TestRequest::default().uri(uri).to_http_request();
            remember(&texts(), &request).map(|cookie| cookie.to_string())
        };
        assert_eq!(
            cookie("/?lang=es").unwrap(),
            "lang=es; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=31536000"
        );
        assert_eq!(cookie("/?lang=xx%0d%0aSet-Cookie:a=b"), None);
        assert_eq!(cookie("/"), None);
    }

    #[test]
    fn the_switch_keeps_the_page_and_its_parameters() {
        let request = TestRequest::default()
            .uri("/page?a=%3Cb%3E&lang=en&c=//evil.example")
            .to_http_request();
        let choices = choices(&texts(), &request, "es");
        assert_eq!(choices[2].link, "?a=%3Cb%3E&c=%2F%2Fevil.example&lang=de");
        assert_eq!(
            (choices[1].name.as_str(), choices[1].is_current),
            ("Español", true)
        );
        let plain = TestRequest::default().to_http_request();
        assert_eq!(super::choices(&texts(), &plain, "en")[1].link, "?lang=es");
    }
}
