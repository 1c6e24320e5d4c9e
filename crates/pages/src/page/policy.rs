//! The Content-Security-Policy of a page: nothing is loaded, run or sent that the page did not ask for.

/// For answers without content.
pub(super) const NOTHING: &str =
    "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

#[derive(Debug, Default)]
pub(super) struct Policy {
    pub(super) has_script: bool,
    pub(super) has_forms: bool,
    pub(super) framed_by: Vec<String>,
}

impl Policy {
    /// `style` is the source of the page's one stylesheet.
    pub(super) fn text(&self, style: &str) -> String {
        let script = if self.has_script {
            "; script-src 'self'; connect-src 'self'"
        } else {
            ""
        };
        let forms = if self.has_forms { "'self'" } else { "'none'" };
        let framed_by = if self.framed_by.is_empty() {
            "'none'".to_owned()
        } else {
            self.framed_by.join(" ")
        };
        format!(
            "default-src 'none'{script}; style-src {style}; img-src data:; base-uri 'none'; form-action {forms}; frame-ancestors {framed_by}"
        )
    }
}
