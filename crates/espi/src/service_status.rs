//! `ReadServiceStatus`: whether the custodian says it is up.

use crate::reader::{ReadError, ReadErrorKind};
use crate::small;
use crate::xml::Ns;

/// The state of the custodian's service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServiceStatus {
    /// 0: not available.
    Down,
    /// 1: available.
    Up,
    /// A code this version has no name for.
    Other(u16),
}

impl ServiceStatus {
    /// The code as ESPI writes it.
    #[must_use]
    pub const fn code(self) -> u16 {
        match self {
            Self::Down => 0,
            Self::Up => 1,
            Self::Other(code) => code,
        }
    }
}

/// Reads `<ServiceStatus><currentStatus>1</currentStatus></ServiceStatus>`.
pub fn parse(bytes: &[u8]) -> Result<ServiceStatus, ReadError> {
    let mut status = None;
    small::read(bytes, "ServiceStatus", |cursor, ns| {
        if ns != Ns::Espi || cursor.name() != "currentStatus" {
            return Ok(false);
        }
        status = Some(cursor.integer()?);
        Ok(true)
    })?;
    match status.and_then(|code| u16::try_from(code).ok()) {
        Some(0) => Ok(ServiceStatus::Down),
        Some(1) => Ok(ServiceStatus::Up),
        Some(code) => Ok(ServiceStatus::Other(code)),
        None => Err(small::at_root(ReadErrorKind::Missing("currentStatus"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(inner: &str) -> String {
        format!(r#"<e:ServiceStatus xmlns:e="http://naesb.org/espi">{inner}</e:ServiceStatus>"#)
    }

    #[test]
    fn up_down_and_something_else() {
        for (code, expected) in [
            (0, ServiceStatus::Down),
            (1, ServiceStatus::Up),
            (7, ServiceStatus::Other(7)),
        ] {
            let text = document(&format!("<e:currentStatus>{code}</e:currentStatus>"));
            let status = parse(text.as_bytes()).unwrap();
            assert_eq!((status, status.code()), (expected, code));
        }
    }

    #[test]
    fn a_status_that_is_not_there_is_an_error_and_not_up() {
        for text in [
            document(""),
            document("<currentStatus>1</currentStatus>"),
            document("<e:currentStatus>up</e:currentStatus>"),
            "<ServiceStatus".to_owned(),
            r#""Invalid Certificate""#.to_owned(),
            r#"<html xmlns="http://www.w3.org/1999/xhtml"/>"#.to_owned(),
            String::new(),
        ] {
            assert!(parse(text.as_bytes()).is_err(), "{text}");
        }
    }
}
