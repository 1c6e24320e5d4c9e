//! A cookie jar that keeps the rules our pages rely on (RFC 6265bis): host, path, `Secure`,
//! `SameSite`, `__Host-`, deletion. Cookies live as long as the visitor.

use url::Url;

#[derive(Debug, Default)]
pub(super) struct Jar {
    cookies: Vec<Cookie>,
}

#[derive(Debug)]
struct Cookie {
    name: String,
    value: String,
    host: String,
    path: String,
    secure: bool,
    same_site: SameSite,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SameSite {
    None,
    Lax,
    Strict,
}

/// A request that cookies may go with.
pub(super) struct Visit<'a> {
    pub(super) url: &'a Url,
    /// Another site had a part in it: by a link, a form or a redirect.
    pub(super) crossed: bool,
    pub(super) is_get: bool,
}

impl Jar {
    /// The first cookie of this name.
    pub(super) fn value(&self, name: &str) -> Option<&str> {
        self.cookies
            .iter()
            .find(|cookie| cookie.name == name)
            .map(|cookie| cookie.value.as_str())
    }

    /// The `Cookie` header for a request, if any cookie goes with it.
    pub(super) fn header(&self, visit: &Visit<'_>) -> Option<String> {
        let cookies = self.cookies.iter().filter(|cookie| cookie.goes_with(visit));
        let pairs: Vec<String> = cookies
            .map(|cookie| format!("{}={}", cookie.name, cookie.value))
            .collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }

    /// Obeys a `Set-Cookie` header of `url`; what breaks the rules is dropped, as browsers do.
    pub(super) fn set(&mut self, url: &Url, header: &str) {
        let mut parts = header.split(';').map(str::trim);
        let Some((name, value)) = parts.next().and_then(|pair| pair.split_once('=')) else {
            return;
        };
        let host = url.host_str().unwrap_or_default().to_owned();
        let mut cookie = Cookie {
            name: name.trim().to_owned(),
            value: value.trim().to_owned(),
            host,
            path: default_path(url),
            secure: false,
            same_site: SameSite::Lax,
        };
        let (mut expired, mut has_domain) = (false, false);
        for part in parts {
            let (key, value) = part.split_once('=').unwrap_or((part, ""));
            match key.trim().to_ascii_lowercase().as_str() {
                "path" if value.starts_with('/') => value.clone_into(&mut cookie.path),
                "secure" => cookie.secure = true,
                "domain" => has_domain = true,
                "max-age" => expired = value.trim().parse::<i64>().is_ok_and(|left| left <= 0),
                "samesite" => cookie.same_site = same_site(value),
                _ => {}
            }
        }
        let bound_to_host = cookie.secure && !has_domain && cookie.path == "/";
        let breaks_rules = (cookie.name.starts_with("__Host-") && !bound_to_host)
            || (cookie.secure && !is_trustworthy(url))
            || (cookie.same_site == SameSite::None && !cookie.secure);
        if breaks_rules {
            return;
        }
        self.cookies.retain(|old| {
            (&old.name, &old.host, &old.path) != (&cookie.name, &cookie.host, &cookie.path)
        });
        if !expired {
            self.cookies.push(cookie);
        }
    }
}

impl Cookie {
    fn goes_with(&self, visit: &Visit<'_>) -> bool {
        let allowed = match self.same_site {
            SameSite::None => true,
            SameSite::Lax => !visit.crossed || visit.is_get,
            SameSite::Strict => !visit.crossed,
        };
        allowed
            && visit.url.host_str() == Some(self.host.as_str())
            && path_matches(visit.url.path(), &self.path)
            && (!self.secure || is_trustworthy(visit.url))
    }
}

fn same_site(value: &str) -> SameSite {
    match value.trim().to_ascii_lowercase().as_str() {
        "none" => SameSite::None,
        "strict" => SameSite::Strict,
        _ => SameSite::Lax,
    }
}

/// HTTPS, or the machine itself.
fn is_trustworthy(url: &Url) -> bool {
    url.scheme() == "https" || matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"))
}

/// The folder of the address: RFC 6265, section 5.1.4.
fn default_path(url: &Url) -> String {
    match url.path().rsplit_once('/') {
        Some((folder, _)) if !folder.is_empty() => folder.to_owned(),
        _ => "/".to_owned(),
    }
}

fn path_matches(path: &str, cookie: &str) -> bool {
    path.strip_prefix(cookie)
        .is_some_and(|rest| rest.is_empty() || cookie.ends_with('/') || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(jar: &Jar, url: &str, crossed: bool, is_get: bool) -> Option<String> {
        let url = Url::parse(url).unwrap();
        jar.header(&Visit {
            url: &url,
            crossed,
            is_get,
        })
    }

    fn jar(url: &str, headers: &[&str]) -> Jar {
        let mut jar = Jar::default();
        for header in headers {
            jar.set(&Url::parse(url).unwrap(), header);
        }
        jar
    }

    #[test]
    fn cookies_go_back_to_their_host_and_path() {
        let jar = jar(
            "https://a.example/x/y",
            &["one=1; Path=/", "two=2", "three=3; Path=/z"],
        );
        assert_eq!(
            sent(&jar, "https://a.example/x/q", false, true).unwrap(),
            "one=1; two=2"
        );
        assert_eq!(
            sent(&jar, "https://a.example/xy", false, true).unwrap(),
            "one=1"
        );
        assert_eq!(sent(&jar, "https://b.example/x/", false, true), None);
    }

    #[test]
    fn same_site_is_kept() {
        let jar = jar(
            "https://a.example/",
            &["l=1", "s=2; SameSite=Strict", "n=3; SameSite=None; Secure"],
        );
        assert_eq!(
            sent(&jar, "https://a.example/", false, false).unwrap(),
            "l=1; s=2; n=3"
        );
        assert_eq!(
            sent(&jar, "https://a.example/", true, true).unwrap(),
            "l=1; n=3"
        );
        assert_eq!(
            sent(&jar, "https://a.example/", true, false).unwrap(),
            "n=3"
        );
    }

    #[test]
    fn secure_and_host_cookies_need_what_they_promise() {
        let plain = jar("http://a.example/", &["a=1; Secure", "__Host-b=2; Path=/"]);
        assert_eq!(sent(&plain, "http://a.example/", false, true), None);
        let local = jar("http://127.0.0.1:80/", &["__Host-b=2; Path=/; Secure"]);
        assert_eq!(
            sent(&local, "http://127.0.0.1:81/", false, true).unwrap(),
            "__Host-b=2"
        );
        let secure = jar("https://a.example/", &["a=1; Secure"]);
        assert_eq!(sent(&secure, "http://a.example/", false, true), None);
    }

    #[test]
    fn cookies_are_replaced_and_deleted() {
        let url = Url::parse("https://a.example/").unwrap();
        let mut jar = jar("https://a.example/", &["a=1", "a=2"]);
        assert_eq!(jar.value("a"), Some("2"));
        jar.set(&url, "a=; Max-Age=0");
        assert_eq!(jar.value("a"), None);
    }
}
