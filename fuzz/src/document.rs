//! The custodian's small XML documents: each reader gets the same bytes, and takes its own.

use espi::{ReadError, client_token, notification, service_status, writer};

/// A list of links that a custodian posts.
pub fn check_notification(bytes: &[u8]) {
    match notification::parse(bytes) {
        Ok(links) => {
            assert!(!links.is_empty() && links.len() <= 10_000);
            assert!(
                links
                    .iter()
                    .all(|link| !link.is_empty() && link.trim() == link)
            );
            let again = writer::batch_list(&links);
            assert_eq!(notification::parse(again.as_bytes()).unwrap(), links);
        }
        Err(error) => check_error(&error, bytes),
    }
}

/// The custodian's word on whether it is up.
pub fn check_service_status(bytes: &[u8]) {
    match service_status::parse(bytes) {
        Ok(status) => {
            let again = writer::service_status(status);
            assert_eq!(service_status::parse(again.as_bytes()).unwrap(), status);
        }
        Err(error) => check_error(&error, bytes),
    }
}

/// The client token: nothing empty is a token, and none is printed.
pub fn check_client_token(bytes: &[u8]) {
    match client_token::parse(bytes) {
        Ok(token) => {
            let secret = &token.client_access_token;
            assert!(!secret.is_empty() && secret.trim() == secret);
            assert!(format!("{token:?}").starts_with("ClientToken { client_access_token: \"…\","));
        }
        Err(error) => check_error(&error, bytes),
    }
}

/// An error says where.
fn check_error(error: &ReadError, bytes: &[u8]) {
    assert!(
        usize::try_from(error.offset).unwrap() <= bytes.len(),
        "{error}"
    );
}
