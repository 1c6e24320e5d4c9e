//! What the browser is started with.

use std::path::Path;

use serde_json::json;
use thirtyfour::prelude::ChromiumLikeCapabilities as _;
use thirtyfour::{ChromeCapabilities, DesiredCapabilities, LoggingPrefsLogLevel};

use super::{BROWSER, Look, Scripts};

#[expect(clippy::unwrap_used, reason = "for tests only")]
pub(super) fn of(look: &Look, profile: &Path) -> ChromeCapabilities {
    let scripts = match look.scripts {
        Scripts::On => 1,
        Scripts::Off => 2,
    };
    let mut chrome = DesiredCapabilities::chrome();
    chrome.set_binary(BROWSER).unwrap();
    let (width, height) = look.size;
    let more = [
        format!("--window-size={width},{height}"),
        format!("--lang={}", look.language),
        format!("--user-data-dir={}", profile.join("profile").display()),
    ];
    for argument in [
        "--headless=new",
        // Chromium's sandbox needs what containers do not give.
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        // Pictures are of the page.
        "--hide-scrollbars",
        // It is to speak to nobody but us.
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        // The certificate is the test's own.
        "--ignore-certificate-errors",
    ]
    .into_iter()
    .chain(more.iter().map(String::as_str))
    {
        chrome.add_arg(argument).unwrap();
    }
    chrome
        .set_browser_log_level(LoggingPrefsLogLevel::Warning)
        .unwrap();
    let preferences = json!({
        "profile.managed_default_content_settings.javascript": scripts,
        "intl.accept_languages": look.language,
    });
    chrome
        .add_experimental_option("prefs", preferences)
        .unwrap();
    chrome
}
