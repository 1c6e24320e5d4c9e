//! The client token as XML. PG&E answers in JSON; one published source shows the same fields as
//! elements, so both are accepted. The JSON form is the HTTP client's business.

use crate::reader::{ReadError, ReadErrorKind};
use crate::small;
use std::fmt;

/// The fields of a client token answer.
#[derive(Clone, PartialEq, Eq)]
pub struct ClientToken {
    /// The token itself: secret.
    pub client_access_token: String,
    /// `Bearer`, when stated.
    pub token_type: Option<String>,
    /// Seconds of validity, when stated.
    pub expires_in: Option<u64>,
    /// Scope, when stated.
    pub scope: Option<String>,
}

impl fmt::Debug for ClientToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientToken")
            .field("client_access_token", &"…")
            .field("token_type", &self.token_type)
            .field("expires_in", &self.expires_in)
            .field("scope", &self.scope)
            .finish()
    }
}

/// Reads a client token document: any root, fields by local name in any namespace, because the
/// one source for this form shows no namespace.
pub fn parse(bytes: &[u8]) -> Result<ClientToken, ReadError> {
    let (mut token, mut token_type, mut expires_in, mut scope) = (None, None, None, None);
    small::read_any(bytes, |cursor, _| {
        match cursor.name() {
            "client_access_token" => token = cursor.string()?,
            "token_type" => token_type = cursor.string()?,
            "expires_in" => expires_in = cursor.optional()?,
            "scope" => scope = cursor.string()?,
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    let client_access_token =
        token.ok_or_else(|| small::at_root(ReadErrorKind::Missing("client_access_token")))?;
    Ok(ClientToken {
        client_access_token,
        token_type,
        expires_in,
        scope,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_with_and_without_a_namespace() {
        let plain = "<OAuthToken><client_access_token>made-up</client_access_token><expires_in>3600</expires_in><token_type>Bearer</token_type><scope>FB=1</scope></OAuthToken>";
        let token = parse(plain.as_bytes()).unwrap();
        assert_eq!(token.client_access_token, "made-up");
        assert_eq!(token.expires_in, Some(3600));
        assert_eq!(token.token_type.as_deref(), Some("Bearer"));
        assert_eq!(token.scope.as_deref(), Some("FB=1"));
        let spaced = plain.replacen(
            "<OAuthToken>",
            r#"<OAuthToken xmlns="http://naesb.org/espi">"#,
            1,
        );
        assert_eq!(parse(spaced.as_bytes()).unwrap(), token);
    }

    #[test]
    fn the_token_is_not_printed() {
        let token = ClientToken {
            client_access_token: "made-up".into(),
            token_type: None,
            expires_in: None,
            scope: None,
        };
        assert!(!format!("{token:?}").contains("made-up"));
    }

    #[test]
    fn an_answer_without_a_token_is_an_error() {
        for text in ["<a><expires_in>1</expires_in></a>", "<a/>", "", "{}"] {
            assert!(parse(text.as_bytes()).is_err(), "{text}");
        }
    }
}
