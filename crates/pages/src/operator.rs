//! Who is asking, as the customer or household knows them: name, logo, links. From the configuration.

mod logo;

use std::path::PathBuf;

pub use logo::LogoError;
use url::Url;

/// Who is asking.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Who is asking")]
pub struct OperatorConfig {
    /// The energy service's name, as the customer knows it.
    #[arg(
        long,
        env = "METERGATE_OPERATOR_NAME",
        default_value = "this energy service",
        value_parser = clap::builder::NonEmptyStringValueParser::new()
    )]
    pub operator_name: String,

    /// Its logo: a picture file (PNG, JPEG, WebP or SVG, at most 24 kB), read at the start and sent with every
    /// page; or the same as a `data:image/…;base64,…` address. Without it, the name stands alone.
    #[arg(long, env = "METERGATE_OPERATOR_LOGO")]
    pub operator_logo: Option<String>,

    /// Address (https) of its privacy policy, at the foot of every page. Without it, there is no link.
    #[arg(long, env = "METERGATE_OPERATOR_PRIVACY_URL")]
    pub operator_privacy_url: Option<Url>,

    /// Where customers ask for erasure and help: an e-mail address, a telephone number or an https address, as it
    /// is to be read. Without it, pages say to ask the service.
    #[arg(long, env = "METERGATE_OPERATOR_CONTACT")]
    pub operator_contact: Option<String>,
}

/// Why the operator cannot be shown.
#[derive(Debug, thiserror::Error)]
pub enum OperatorError {
    /// Not a usable picture.
    #[error("METERGATE_OPERATOR_LOGO: {0}")]
    Logo(#[from] LogoError),
    /// Not a usable address.
    #[error("METERGATE_OPERATOR_PRIVACY_URL={0}: write an address that begins with https://")]
    Privacy(Url),
}

/// Who is asking, ready for pages.
#[derive(Debug, Clone)]
pub struct Operator {
    /// The name.
    pub name: String,
    /// The logo as a `data:` address.
    pub logo: Option<String>,
    /// The privacy policy.
    pub privacy: Option<String>,
    /// Where to ask, as it is to be read.
    pub contact: Option<Contact>,
}

/// Where to ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contact {
    /// As it is to be read.
    pub text: String,
    /// As a link, where it can be one.
    pub link: Option<String>,
}

impl OperatorConfig {
    /// Reads the logo and looks at the addresses.
    pub fn load(&self) -> Result<Operator, OperatorError> {
        let logo = match self.operator_logo.as_deref().map(str::trim) {
            None | Some("") => None,
            Some(data) if data.starts_with("data:") => Some(logo::from_data(data)?),
            Some(path) => Some(logo::from_file(&PathBuf::from(path))?),
        };
        if let Some(url) = &self.operator_privacy_url
            && url.scheme() != "https"
        {
            return Err(OperatorError::Privacy(url.clone()));
        }
        Ok(Operator {
            name: self.operator_name.clone(),
            logo,
            privacy: self.operator_privacy_url.as_ref().map(Url::to_string),
            contact: self
                .operator_contact
                .as_deref()
                .map(str::trim)
                .filter(|text| !text.is_empty())
                .map(Contact::new),
        })
    }
}

impl Contact {
    fn new(text: &str) -> Self {
        Self {
            text: text.to_owned(),
            link: link(text),
        }
    }
}

/// Only what is unmistakable becomes a link; anything else is read and typed.
fn link(text: &str) -> Option<String> {
    if text.chars().any(char::is_whitespace) {
        return None;
    }
    if text.starts_with("https://") {
        return Url::parse(text).ok().map(|url| url.to_string());
    }
    let (name, host) = text.split_once('@')?;
    let is_plain = |part: &str| {
        !part.is_empty()
            && part
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "._+-".contains(c))
    };
    (is_plain(name) && is_plain(host)).then(|| format!("mailto:{text}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> OperatorConfig {
        OperatorConfig {
            operator_name: "Sunny Side Solar".to_owned(),
            operator_logo: None,
            operator_privacy_url: None,
            operator_contact: None,
        }
    }

    #[test]
    fn a_contact_becomes_a_link_where_it_is_one() {
        for (text, expected) in [
            ("help@example.org", Some("mailto:help@example.org")),
            ("https://example.org/help", Some("https://example.org/help")),
            ("+1 555 0100", None),
            ("javascript:alert(1)", None),
            ("a@b?subject=x", None),
            ("http://example.org", None),
        ] {
            let config = OperatorConfig {
                operator_contact: Some(text.to_owned()),
                ..config()
            };
            let contact = config.load().unwrap().contact.unwrap();
            assert_eq!(contact.link.as_deref(), expected, "{text}");
            assert_eq!(contact.text, text);
        }
        assert_eq!(config().load().unwrap().contact, None);
    }

    #[test]
    fn the_privacy_link_is_https() {
        let with = |url: &str| OperatorConfig {
            operator_privacy_url: Some(url.parse().unwrap()),
            ..config()
        };
        let good = with("https://example.org/privacy").load().unwrap();
        assert_eq!(good.privacy.unwrap(), "https://example.org/privacy");
        for bad in [
            "http://example.org",
            "javascript:alert(1)",
            "data:text/html,x",
        ] {
            assert!(with(bad).load().is_err(), "{bad}");
        }
    }
}
