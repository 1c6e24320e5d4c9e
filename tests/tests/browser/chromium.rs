//! A headless Chromium of one's own, driven over `WebDriver`: an empty profile, nothing remembered.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::json;
use tempfile::TempDir;
use test_support::ports;
use test_support::process::Process;
use test_support::wait;
use thirtyfour::prelude::{By, ChromiumLikeCapabilities as _, WebDriver};
use thirtyfour::{ChromeCapabilities, DesiredCapabilities, LoggingPrefsLogLevel};

const BROWSER: &str = "/usr/bin/chromium";
const DRIVER: &str = "/usr/bin/chromedriver";
const START: Duration = Duration::from_mins(1);
const PAGE: Duration = Duration::from_secs(30);

/// What Chromium's setting calls allow and block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scripts {
    On,
    Off,
}

pub(crate) struct Chromium {
    driver: WebDriver,
    pictures: PathBuf,
    // Dropped in this order: the driver goes before the profile that its browser writes to.
    _process: Process,
    _profile: TempDir,
}

impl Chromium {
    pub(crate) async fn start(scripts: Scripts, (width, height): (u32, u32)) -> Self {
        for program in [BROWSER, DRIVER] {
            assert!(
                Path::new(program).exists(),
                "{program} is not there: install the packages chromium and chromium-driver"
            );
        }
        let profile = tempfile::tempdir().unwrap();
        let port = ports::free();
        let mut command = Command::new(DRIVER);
        command
            .arg(format!("--port={port}"))
            // The profile, caches and whatever else it writes go when the test ends.
            .env("HOME", profile.path())
            .env("TMPDIR", profile.path());
        let mut driver = Process::spawn("chromedriver", command).unwrap();
        driver
            .wait_for_output("was started successfully", START)
            .unwrap();
        // The driver's client wants one, though it speaks plain HTTP.
        service_kit::http::install_tls_provider();
        let browser = WebDriver::new(
            format!("http://127.0.0.1:{port}"),
            capabilities(scripts, profile.path()),
        )
        .await
        .unwrap_or_else(|error| panic!("no browser: {error}\n{}", driver.output()));
        browser.set_window_rect(0, 0, width, height).await.unwrap();
        let pictures = Path::new(env!("CARGO_TARGET_TMPDIR")).join("browser");
        let pictures = pictures.join(format!("{width}-scripts-{scripts:?}").to_lowercase());
        std::fs::create_dir_all(&pictures).unwrap();
        Self {
            driver: browser,
            pictures,
            _process: driver,
            _profile: profile,
        }
    }

    /// Ends the browser; when a test fails before, it ends with the driver, on whose pipe it hangs.
    pub(crate) async fn close(self) {
        self.driver.quit().await.unwrap();
    }

    pub(crate) async fn open(&self, url: &str) {
        self.driver.goto(url).await.unwrap();
    }

    /// `on` where a page's scripts are carried out.
    pub(crate) async fn title_set_by_script(&self) -> String {
        self.open("data:text/html,<title>off</title><script>document.title='on'</script>")
            .await;
        self.title().await
    }

    pub(crate) async fn title(&self) -> String {
        self.driver.title().await.unwrap()
    }

    /// Path and query of the page's address.
    pub(crate) async fn address(&self) -> (String, Option<String>) {
        let url = self.driver.current_url().await.unwrap();
        (url.path().to_owned(), url.query().map(str::to_owned))
    }

    /// The text that is shown of the first element that matches.
    pub(crate) async fn text(&self, selector: &str) -> String {
        let element = self.driver.find(By::Css(selector)).await.unwrap();
        element.text().await.unwrap()
    }

    /// The value of a property of the first element that matches.
    pub(crate) async fn property(&self, selector: &str, name: &str) -> Option<String> {
        let element = self.driver.find(By::Css(selector)).await.unwrap();
        element.prop(name).await.unwrap()
    }

    /// Width and height of the first element that matches, in pixels; whether it can be seen at all.
    pub(crate) async fn size(&self, selector: &str) -> (f64, f64, bool) {
        let element = self.driver.find(By::Css(selector)).await.unwrap();
        let place = element.rect().await.unwrap();
        let seen = element.is_displayed().await.unwrap();
        (place.width, place.height, seen)
    }

    /// How many elements match.
    pub(crate) async fn number_of(&self, selector: &str) -> usize {
        let elements = self.driver.find_all(By::Css(selector)).await;
        elements.unwrap().len()
    }

    /// What an expression comes to in the page, as text.
    pub(crate) async fn evaluate(&self, expression: &str) -> String {
        let answer = self
            .driver
            .execute(format!("return String({expression});"), Vec::new())
            .await
            .unwrap();
        answer.convert().unwrap()
    }

    /// What the browser has complained of since it was asked last: errors of scripts, what a policy has blocked.
    pub(crate) async fn complaints(&self) -> Vec<String> {
        let entries = self.driver.browser_log().await.unwrap();
        entries.into_iter().map(|entry| entry.message).collect()
    }

    pub(crate) async fn click(&self, selector: &str) {
        let element = self.driver.find(By::Css(selector)).await.unwrap();
        element.click().await.unwrap();
    }

    pub(crate) async fn fill(&self, selector: &str, text: &str) {
        let element = self.driver.find(By::Css(selector)).await.unwrap();
        element.send_keys(text).await.unwrap();
    }

    pub(crate) async fn wait_for_title(&self, title: &str) {
        self.wait_for_title_in(&[title], PAGE).await;
    }

    pub(crate) async fn wait_for_title_in(&self, titles: &[&str], deadline: Duration) {
        let what = format!("a page called {titles:?}");
        wait::until(deadline, &what, async || {
            let title = self.title().await;
            titles.contains(&title.as_str()).then_some(())
        })
        .await;
    }

    pub(crate) async fn picture(&self, name: &str) {
        let png = self.driver.screenshot_as_png().await.unwrap();
        assert!(png.starts_with(b"\x89PNG"), "no picture of {name}");
        std::fs::write(self.pictures.join(format!("{name}.png")), png).unwrap();
    }
}

fn capabilities(scripts: Scripts, profile: &Path) -> ChromeCapabilities {
    let setting = match scripts {
        Scripts::On => 1,
        Scripts::Off => 2,
    };
    let mut chrome = DesiredCapabilities::chrome();
    chrome.set_binary(BROWSER).unwrap();
    for argument in [
        "--headless=new",
        // Chromium's sandbox needs what containers do not give.
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        // It is to speak to nobody but us.
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        // The certificate is the test's own.
        "--ignore-certificate-errors",
    ] {
        chrome.add_arg(argument).unwrap();
    }
    chrome
        .set_browser_log_level(LoggingPrefsLogLevel::Warning)
        .unwrap();
    let profile = profile.join("profile");
    chrome
        .add_arg(&format!("--user-data-dir={}", profile.display()))
        .unwrap();
    let preferences = json!({ "profile.managed_default_content_settings.javascript": setting });
    chrome
        .add_experimental_option("prefs", preferences)
        .unwrap();
    chrome
}
