//! What somebody has typed into a field that searches.

use serde::Deserialize;

/// Without control characters: nothing here has any in its name, and the database refuses texts with some of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(from = "String")]
pub(crate) struct Typed(String);

impl From<String> for Typed {
    fn from(mut text: String) -> Self {
        text.retain(|letter| !letter.is_control());
        Self(text)
    }
}

impl Typed {
    /// What is looked for; `None` where nothing was typed.
    pub(crate) fn wanted(&self) -> Option<&str> {
        Some(self.0.trim()).filter(|text| !text.is_empty())
    }

    /// To be shown in the field again.
    pub(crate) fn into_text(self) -> String {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_seen_was_not_typed() {
        let typed = Typed::from(" J\0an\u{7f}e \u{85}é\n".to_owned());
        assert_eq!(typed.wanted(), Some("Jane é"));
        assert_eq!(typed.into_text(), " Jane é");
        assert_eq!(Typed::from("\0 \t".to_owned()).wanted(), None);
    }
}
