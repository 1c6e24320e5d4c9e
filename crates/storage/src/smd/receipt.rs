//! The receipt number of an authorization: what a customer tells the operator to be found by. Derived from our id, so it
//! needs no storage and stays good after an erasure; it says nothing of the customer and opens nothing.

use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

use super::AuthorizationId;

/// Hexadecimal digits of the id that it shows: of a million authorizations, two share them with a chance below 1 in 500.
const DIGITS: usize = 12;

/// Before the digits, so that it is known for what it is.
const PREFIX: &str = "MG";

/// `MG-1F3A-90BC-77D2`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receipt(Uuid);

/// Not a receipt number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a receipt number looks like MG-1F3A-90BC-77D2")]
pub struct ReceiptError;

impl Receipt {
    /// Of an authorization.
    #[must_use]
    pub const fn of(id: AuthorizationId) -> Self {
        Self(id.uuid())
    }

    /// The lowest and the highest id that have this number.
    #[must_use]
    pub fn ids(self) -> (Uuid, Uuid) {
        let rest = u128::MAX >> (4 * DIGITS);
        let first = self.0.as_u128() & !rest;
        (Uuid::from_u128(first), Uuid::from_u128(first | rest))
    }
}

impl fmt::Display for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(PREFIX)?;
        let digits = self.0.simple().to_string().to_ascii_uppercase();
        for (nr, digit) in digits.chars().take(DIGITS).enumerate() {
            if nr % 4 == 0 {
                f.write_str("-")?;
            }
            write!(f, "{digit}")?;
        }
        Ok(())
    }
}

impl FromStr for Receipt {
    type Err = ReceiptError;

    /// As people type it: any case, with or without hyphens and spaces.
    fn from_str(text: &str) -> Result<Self, ReceiptError> {
        let typed: String = text
            .chars()
            .filter(|c| !c.is_whitespace() && *c != '-')
            .collect::<String>()
            .to_ascii_uppercase();
        let digits = typed.strip_prefix(PREFIX).ok_or(ReceiptError)?;
        if digits.len() != DIGITS || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(ReceiptError);
        }
        let number = u128::from_str_radix(digits, 16).map_err(|_| ReceiptError)?;
        Ok(Self(Uuid::from_u128(number << (128 - 4 * DIGITS))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_read_back_as_people_type_it() {
        let id: Uuid = "1f3a90bc-77d2-4e5f-8000-123456789abc".parse().unwrap();
        let receipt = Receipt::of(AuthorizationId::from(id));
        assert_eq!(receipt.to_string(), "MG-1F3A-90BC-77D2");
        for typed in ["MG-1F3A-90BC-77D2", " mg 1f3a 90bc 77d2 ", "mg1f3a90bc77d2"] {
            let (first, last) = typed.parse::<Receipt>().unwrap().ids();
            assert!(first <= id && id <= last, "{typed}");
            assert_eq!(first.to_string(), "1f3a90bc-77d2-0000-0000-000000000000");
            assert_eq!(last.to_string(), "1f3a90bc-77d2-ffff-ffff-ffffffffffff");
        }
        for other in [
            "",
            "MG",
            "1F3A90BC77D2",
            "MG-1F3A-90BC-77D",
            "MG-1F3A-90BC-77DG",
            "MG-+F3A-90BC-77D2",
        ] {
            assert_eq!(other.parse::<Receipt>(), Err(ReceiptError), "{other}");
        }
    }
}
