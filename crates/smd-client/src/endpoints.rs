//! The custodian's addresses: completed from what was configured, and the test whether a link that
//! arrived from outside is one of them.

use url::Url;

use crate::config::ConfigError;

const AUTHORIZE_PATH: &str = "/myAuthorization";
const TOKEN_PATH: &str = "/datacustodian/oauth/v2/token";
const RESOURCE_PATH: &str = "/GreenButtonConnect/espi/1_1/resource";
const CALLBACK_PATH: &str = "/OAuthCallback";

/// The authorization page: complete as configured, or PG&E's path on a bare host.
pub(crate) fn authorize(text: &str) -> Result<Url, ConfigError> {
    complete("SMD_AUTH_BASE_URL", text, AUTHORIZE_PATH)
}

/// The token endpoint: complete as configured, or PG&E's path on a bare host.
pub(crate) fn token(text: &str) -> Result<Url, ConfigError> {
    let variable = "PGE_API_BASE_TOKEN_URL";
    let url = complete(variable, text, TOKEN_PATH)?;
    refuse_clear_text(variable, &url)?;
    Ok(url)
}

/// PG&E's token path on the host of the resources.
pub(crate) fn token_beside(resources: &Url) -> Url {
    let mut url = resources.clone();
    url.set_path(TOKEN_PATH);
    url
}

/// The root of the resources, without a slash at its end.
///
/// An address that ends in `/resource` is complete. Otherwise what is missing of PG&E's path is
/// added, whether all of it is missing or, as after `…/GreenButtonConnect`, some of it.
pub(crate) fn resources(text: &str) -> Result<Url, ConfigError> {
    let variable = "PGE_API_BASE_URL";
    let mut url = parse(variable, text)?;
    refuse_clear_text(variable, &url)?;
    if url.query().is_some() {
        return Err(wrong(
            variable,
            "leave out everything from the question mark on",
        ));
    }
    let given = url.path().trim_end_matches('/').to_owned();
    let path = if given.ends_with("/resource") {
        given
    } else {
        append(&given, RESOURCE_PATH)
    };
    url.set_path(&path);
    Ok(url)
}

/// Our callback, as it is registered at the custodian.
pub(crate) fn redirect(text: &str) -> Result<Url, ConfigError> {
    let variable = "REDIRECT_BASE_URL";
    let mut url = parse(variable, text)?;
    if url.query().is_some() {
        return Err(wrong(
            variable,
            "leave out everything from the question mark on",
        ));
    }
    if url.scheme() == "http" && !is_loopback(&url) {
        return Err(wrong(
            variable,
            "the customer's code must come back over https",
        ));
    }
    let given = url.path().trim_end_matches('/').to_owned();
    url.set_path(&append(&given, CALLBACK_PATH));
    Ok(url)
}

/// Whether `link` is under `root`: same scheme, host and port, and the path below it.
///
/// Links come from notifications that nobody signed, so this is what keeps us from calling
/// addresses of somebody's choosing. Escaped slashes, backslashes, dots and percent signs are refused,
/// and so are semicolons (`..;`): a server behind a gateway may resolve them after we have looked.
pub(crate) fn is_under(root: &Url, link: &Url) -> bool {
    let path = link.path();
    let lower = path.to_ascii_lowercase();
    let escaped = ["%2f", "%5c", "%2e", "%25", "%3b", ";"]
        .iter()
        .any(|escape| lower.contains(escape));
    let below = path
        .strip_prefix(root.path().trim_end_matches('/'))
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    same_origin(root, link) && below && !escaped
}

/// Same scheme, host and port, and nobody's name in front of the host.
pub(crate) fn same_origin(root: &Url, link: &Url) -> bool {
    link.username().is_empty() && link.password().is_none() && link.origin() == root.origin()
}

/// `root` with further path segments, each escaped as one segment.
pub(crate) fn below(root: &Url, segments: &[&str]) -> Url {
    let mut url = root.clone();
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().extend(segments);
    }
    url
}

fn complete(variable: &'static str, text: &str, documented: &str) -> Result<Url, ConfigError> {
    let mut url = parse(variable, text)?;
    let given = url.path().trim_end_matches('/').to_owned();
    url.set_path(if given.is_empty() { documented } else { &given });
    Ok(url)
}

/// `given` followed by what it does not yet have of `documented`.
fn append(given: &str, documented: &str) -> String {
    let overlap = documented
        .match_indices('/')
        .map(|(at, _)| at)
        .chain([documented.len()])
        .filter_map(|at| documented.split_at_checked(at))
        .filter(|(start, _)| given.ends_with(start))
        .max_by_key(|(start, _)| start.len());
    let rest = overlap.map_or(documented, |(_, rest)| rest);
    format!("{given}{rest}")
}

fn parse(variable: &'static str, text: &str) -> Result<Url, ConfigError> {
    let url = Url::parse(text.trim()).map_err(|error| {
        wrong(
            variable,
            &format!("is no address ({error}): write https://host"),
        )
    })?;
    if !matches!(url.scheme(), "https" | "http") || url.host_str().is_none() {
        return Err(wrong(variable, "is no web address: write https://host"));
    }
    if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
        return Err(wrong(
            variable,
            "leave out user names, passwords and fragments",
        ));
    }
    Ok(url)
}

fn refuse_clear_text(variable: &'static str, url: &Url) -> Result<(), ConfigError> {
    if url.scheme() == "https" {
        return Ok(());
    }
    Err(wrong(
        variable,
        "tokens and data travel over mutual TLS only: write https://",
    ))
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

fn wrong(variable: &'static str, reason: &str) -> ConfigError {
    ConfigError::Address {
        variable,
        reason: reason.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn completes_the_resource_root_from_every_form() {
        let root = "https://api.pge.com/GreenButtonConnect/espi/1_1/resource";
        for form in [
            "https://api.pge.com",
            "https://api.pge.com/",
            "https://api.pge.com/GreenButtonConnect/",
            "https://api.pge.com/GreenButtonConnect/espi/1_1",
            "https://api.pge.com/GreenButtonConnect/espi/1_1/resource/",
        ] {
            assert_eq!(resources(form).unwrap().as_str(), root, "{form}");
        }
        for (form, complete) in [
            (
                "https://gate.example/pge",
                "/pge/GreenButtonConnect/espi/1_1/resource",
            ),
            (
                "https://gate.example/other/espi/1_1/resource",
                "/other/espi/1_1/resource",
            ),
        ] {
            assert_eq!(resources(form).unwrap().path(), complete, "{form}");
        }
    }

    #[test]
    fn keeps_complete_addresses_and_completes_bare_ones() {
        for (form, complete) in [
            (
                "https://api.pge.com",
                "https://api.pge.com/datacustodian/oauth/v2/token",
            ),
            (
                "https://api.pge.com/datacustodian/test/oauth/v2/token/",
                "https://api.pge.com/datacustodian/test/oauth/v2/token",
            ),
        ] {
            assert_eq!(token(form).unwrap().as_str(), complete);
        }
        assert_eq!(
            authorize("https://sharemydata.pge.com/").unwrap().as_str(),
            "https://sharemydata.pge.com/myAuthorization"
        );
        assert_eq!(
            authorize("https://host/page?vendor=1").unwrap().as_str(),
            "https://host/page?vendor=1"
        );
    }

    #[test]
    fn makes_the_callback_once() {
        for form in [
            "https://us.example",
            "https://us.example/",
            "https://us.example/OAuthCallback",
        ] {
            assert_eq!(
                redirect(form).unwrap().as_str(),
                "https://us.example/OAuthCallback"
            );
        }
        assert_eq!(
            redirect("http://localhost:3000").unwrap().as_str(),
            "http://localhost:3000/OAuthCallback"
        );
        assert!(redirect("http://us.example").is_err());
        assert!(redirect("https://us.example?x=1").is_err());
    }

    #[test]
    fn only_links_below_the_root_are_ours() {
        let root = resources("https://api.pge.com:8443").unwrap();
        let ours = |link: &str| is_under(&root, &Url::parse(link).unwrap());
        let base = "https://api.pge.com:8443/GreenButtonConnect/espi/1_1/resource";
        assert!(ours(&format!("{base}/Batch/Bulk/50916?correlationID=1")));
        assert!(ours(&format!("{base}/ReadingType/pDwBygAR3L8fGZCq==")));
        for foreign in [
            "https://api.pge.com/GreenButtonConnect/espi/1_1/resource/x".to_owned(),
            "http://api.pge.com:8443/GreenButtonConnect/espi/1_1/resource/x".to_owned(),
            "https://api.pge.com.evil.example:8443/GreenButtonConnect/espi/1_1/resource/x"
                .to_owned(),
            "https://api.pge.com:8443@evil.example/GreenButtonConnect/espi/1_1/resource/x"
                .to_owned(),
            "https://u@api.pge.com:8443/GreenButtonConnect/espi/1_1/resource/x".to_owned(),
            "https://api.pge.com:8443/datacustodian/oauth/v2/token".to_owned(),
            format!("{base}s/x"),
            format!("{base}/../../../../admin"),
            format!("{base}/%2e%2e/x%2F..%2f..%2fadmin"),
            format!("{base}/x%5c..%5cadmin"),
        ] {
            assert!(!ours(&foreign), "{foreign}");
        }
    }

    /// What a notification may name to make us call somebody else (server-side request forgery).
    #[test]
    fn no_spelling_of_another_address_is_ours() {
        let root = resources("https://api.pge.com").unwrap();
        let path = "/GreenButtonConnect/espi/1_1/resource/Batch/Bulk/1";
        let is_ours = |link: &str| Url::parse(link).is_ok_and(|url| is_under(&root, &url));
        assert!(is_ours(&format!("https://api.pge.com{path}")));
        for host in [
            // Ourselves and the neighbours, in all the ways to write an address.
            "127.0.0.1",
            "2130706433",
            "0x7f000001",
            "0177.0.0.1",
            "127.1",
            "[::1]",
            "[::ffff:127.0.0.1]",
            "[fe80::1]",
            "169.254.169.254",
            "metadata.google.internal",
            "localhost",
            // Names that only look like it.
            "api.pge.com.",
            "api.pge.com.evil.example",
            "evil.example#api.pge.com",
            "evil.example?api.pge.com",
            "evil.example\\.api.pge.com",
            "evil.example%23.api.pge.com",
            "xn--pi-8ra.pge.com",
            "\u{430}pi.pge.com",
            "api-pge.com",
            // Somebody's name in front, and other ports.
            "api.pge.com@evil.example",
            "api.pge.com:443@evil.example",
            "user@api.pge.com",
            ":password@api.pge.com",
            "api.pge.com:80",
            "api.pge.com:8443",
            "api.pge.com:0",
        ] {
            assert!(!is_ours(&format!("https://{host}{path}")), "{host}");
        }
        for scheme in [
            "http",
            "file",
            "ftp",
            "gopher",
            "ws",
            "wss",
            "data",
            "javascript",
            "blob:https",
            "view-source:https",
        ] {
            assert!(
                !is_ours(&format!("{scheme}://api.pge.com{path}")),
                "{scheme}"
            );
        }
        let base = "https://api.pge.com/GreenButtonConnect/espi/1_1/resource";
        for path in [
            "/../admin",
            "/./../admin",
            "/%2e%2e/admin",
            "/%252e%252e/admin",
            "/%25252e%25252e/admin",
            "/..%2fadmin",
            "/..%252fadmin",
            "/..;/admin",
            "/..%3b/admin",
            "/..\\admin",
            "/..%5cadmin",
            "/..%255cadmin",
            "/\t../admin",
            "-other",
        ] {
            assert!(!is_ours(&format!("{base}{path}")), "{path}");
        }
        for text in [
            "//evil.example/x",
            "/GreenButtonConnect/espi/1_1/resource/x",
            "https:",
            "https://",
            "",
            "\u{0}",
        ] {
            assert!(!is_ours(text), "{text:?}");
        }
        // What a parser leaves out cannot end a line of the request.
        let broken = Url::parse(&format!("{base}/Batch/Bulk/1\r\nHost: evil.example")).unwrap();
        assert!(!broken.as_str().contains(['\r', '\n', ' ']), "{broken}");
    }

    #[test]
    fn a_segment_stays_one_segment() {
        let root = resources("https://h").unwrap();
        assert_eq!(
            below(&root, &["ReadingType", "a/b?c#d"]).path(),
            "/GreenButtonConnect/espi/1_1/resource/ReadingType/a%2Fb%3Fc%23d"
        );
    }
}
