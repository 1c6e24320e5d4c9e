//! A headless Chromium of one's own, driven over `WebDriver`: an empty profile, nothing remembered. Any width, light or
//! dark, with scripts or without, in any language; and axe-core, which looks for what people with disabilities trip over
//! ([`Chromium::axe`]). For tests, so it fails by panicking with what the browser said.
//!
//! Pictures are of the whole page and go to `target/tmp/browser/LOOK/NAME.png`.

mod axe;
mod capabilities;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use thirtyfour::cdp::Cdp;
use thirtyfour::error::WebDriverErrorInner;
use thirtyfour::prelude::{By, WebDriver, WebElement};
use thirtyfour::{Key, TypingData};

pub use axe::Violation;

use crate::process::Process;
use crate::{ports, wait};

const BROWSER: &str = "/usr/bin/chromium";
const DRIVER: &str = "/usr/bin/chromedriver";
const START: Duration = Duration::from_mins(1);
/// Where most people look at a page, and where there is more room.
const PHONE: (u32, u32) = (390, 844);
const DESKTOP: (u32, u32) = (1280, 900);
const ELEMENT: Duration = Duration::from_secs(10);
const PAGE: Duration = Duration::from_secs(30);

/// What Chromium's setting calls allow and block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scripts {
    /// Pages may run scripts.
    On,
    /// No page may. The tests still can.
    Off,
}

/// What the reader prefers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// Dark on light.
    Light,
    /// Light on dark.
    Dark,
}

/// How a browser is set up.
#[derive(Debug, Clone)]
pub struct Look {
    /// With scripts or without.
    pub scripts: Scripts,
    /// Width and height of the window, in CSS pixels; below 500 wide it is a telephone.
    pub size: (u32, u32),
    /// Light or dark.
    pub scheme: Scheme,
    /// What the browser asks for: `en`, `es`, `de`.
    pub language: &'static str,
}

impl Look {
    /// 1280 wide.
    #[must_use]
    pub const fn desktop(scheme: Scheme, language: &'static str) -> Self {
        Self {
            scripts: Scripts::On,
            size: DESKTOP,
            scheme,
            language,
        }
    }

    /// 390 wide.
    #[must_use]
    pub const fn phone(scheme: Scheme, language: &'static str) -> Self {
        Self {
            size: PHONE,
            ..Self::desktop(scheme, language)
        }
    }

    /// The same with scripts switched off.
    #[must_use]
    pub const fn without_scripts(mut self) -> Self {
        self.scripts = Scripts::Off;
        self
    }

    /// As a folder's name.
    fn name(&self) -> String {
        let (width, _) = self.size;
        let (scripts, scheme, language) = (self.scripts, self.scheme, self.language);
        format!("{width}-{scheme:?}-{language}-scripts-{scripts:?}").to_lowercase()
    }
}

/// A running browser.
#[derive(Debug)]
pub struct Chromium {
    driver: WebDriver,
    look: Mutex<Look>,
    // Dropped in this order: the driver goes before the profile that its browser writes to.
    _process: Process,
    _profile: TempDir,
}

impl Chromium {
    /// A browser with a light desktop in English.
    pub async fn start(scripts: Scripts, size: (u32, u32)) -> Self {
        Self::with(Look {
            scripts,
            size,
            ..Look::desktop(Scheme::Light, "en")
        })
        .await
    }

    /// A browser that is set up like this.
    ///
    /// # Panics
    /// When Chromium is not there or does not start.
    #[expect(clippy::panic, clippy::unwrap_used, reason = "for tests only")]
    pub async fn with(look: Look) -> Self {
        for program in [BROWSER, DRIVER] {
            assert!(
                Path::new(program).exists(),
                "{program} is not there: run infra/dev/install test, or install the packages chromium and chromium-driver"
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
        let mut process = Process::spawn("chromedriver", command).unwrap();
        process
            .wait_for_output("was started successfully", START)
            .unwrap();
        // The driver's client wants one, though it speaks plain HTTP.
        service_kit::http::install_tls_provider();
        let address = format!("http://127.0.0.1:{port}");
        let driver = WebDriver::new(address, capabilities::of(&look, profile.path()))
            .await
            .unwrap_or_else(|error| panic!("no browser: {error}\n{}", process.output()));
        let (size, scheme) = (look.size, look.scheme);
        let browser = Self {
            driver,
            look: Mutex::new(look),
            _process: process,
            _profile: profile,
        };
        browser.resize(size).await;
        browser.prefer(scheme).await;
        browser
    }

    /// Ends the browser; when a test fails before, it ends with the driver, on whose pipe it hangs.
    #[expect(
        clippy::unwrap_used,
        clippy::missing_panics_doc,
        reason = "for tests only"
    )]
    pub async fn close(self) {
        self.driver.quit().await.unwrap();
    }

    fn look(&self) -> MutexGuard<'_, Look> {
        self.look.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Another size of what is shown of a page.
    pub async fn resize(&self, size: (u32, u32)) {
        self.look().size = size;
        self.measure(size).await;
    }

    async fn measure(&self, (width, height): (u32, u32)) {
        let is_phone = width < 500;
        let metrics = json!({
            "width": width, "height": height, "deviceScaleFactor": 1, "mobile": is_phone,
        });
        self.command("Emulation.setDeviceMetricsOverride", metrics)
            .await;
    }

    /// Changes between light and dark.
    pub async fn prefer(&self, scheme: Scheme) {
        self.look().scheme = scheme;
        let value = match scheme {
            Scheme::Light => "light",
            Scheme::Dark => "dark",
        };
        let media = json!({ "features": [{ "name": "prefers-color-scheme", "value": value }] });
        self.command("Emulation.setEmulatedMedia", media).await;
    }

    /// Shows the page as it is printed.
    pub async fn prefer_print(&self) {
        let media = json!({ "media": "print" });
        self.command("Emulation.setEmulatedMedia", media).await;
    }

    #[expect(clippy::panic, reason = "for tests only")]
    async fn command(&self, name: &str, parameters: Value) -> Value {
        let tools = Cdp::new(self.driver.handle().clone());
        tools
            .send_raw(name, parameters)
            .await
            .unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// Waits a while: between two pages there is nothing.
    #[expect(clippy::panic, reason = "for tests only")]
    async fn find(&self, selector: &str) -> WebElement {
        wait::until(ELEMENT, selector, async || {
            match self.driver.find(By::Css(selector)).await {
                Ok(element) => Some(element),
                Err(error) if matches!(*error, WebDriverErrorInner::NoSuchElement(_)) => None,
                Err(error) => panic!("{selector}: {error}"),
            }
        })
        .await
    }
}

#[expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "for tests only"
)]
impl Chromium {
    /// Goes to an address.
    pub async fn open(&self, url: &str) {
        self.driver.goto(url).await.unwrap();
    }

    /// Loads the page again.
    pub async fn reload(&self) {
        self.driver.refresh().await.unwrap();
    }

    /// `on` where a page's scripts are carried out.
    pub async fn title_set_by_script(&self) -> String {
        self.open("data:text/html,<title>off</title><script>document.title='on'</script>")
            .await;
        self.title().await
    }

    /// The page's title.
    pub async fn title(&self) -> String {
        self.driver.title().await.unwrap()
    }

    /// The page as it arrived and was changed since.
    pub async fn source(&self) -> String {
        self.driver.source().await.unwrap()
    }

    /// Path and query of the page's address.
    pub async fn address(&self) -> (String, Option<String>) {
        let url = self.driver.current_url().await.unwrap();
        (url.path().to_owned(), url.query().map(str::to_owned))
    }

    /// The text that is shown of the first element that matches.
    pub async fn text(&self, selector: &str) -> String {
        loop {
            match self.find(selector).await.text().await {
                Ok(text) => return text,
                // Another page came in between: it is found there, or not at all.
                Err(error) if matches!(*error, WebDriverErrorInner::StaleElementReference(_)) => {}
                Err(error) => panic!("the text of {selector} cannot be read: {error}"),
            }
        }
    }

    /// The value of a property of the first element that matches.
    pub async fn property(&self, selector: &str, name: &str) -> Option<String> {
        self.find(selector).await.prop(name).await.unwrap()
    }

    /// Width and height of the first element that matches, in pixels; whether it can be seen at all.
    pub async fn size(&self, selector: &str) -> (f64, f64, bool) {
        let element = self.find(selector).await;
        let place = element.rect().await.unwrap();
        let seen = element.is_displayed().await.unwrap();
        (place.width, place.height, seen)
    }

    /// How many elements match.
    pub async fn number_of(&self, selector: &str) -> usize {
        let elements = self.driver.find_all(By::Css(selector)).await;
        elements.unwrap().len()
    }

    /// What an expression comes to in the page, as text. Works with scripts switched off, too.
    pub async fn evaluate(&self, expression: &str) -> String {
        let script = format!("return String({expression});");
        let answer = self.driver.execute(script, Vec::new()).await.unwrap();
        answer.convert().unwrap()
    }

    /// What the browser has complained of since it was asked last: errors of scripts, what a policy has blocked.
    pub async fn complaints(&self) -> Vec<String> {
        let entries = self.driver.browser_log().await.unwrap();
        entries.into_iter().map(|entry| entry.message).collect()
    }

    /// Presses the first element that matches.
    pub async fn click(&self, selector: &str) {
        self.find(selector).await.click().await.unwrap();
    }

    /// Types into the first element that matches.
    pub async fn fill(&self, selector: &str, text: &str) {
        self.find(selector).await.send_keys(text).await.unwrap();
    }

    /// Presses a key wherever the focus is: [`Chromium::TAB`], [`Chromium::ENTER`].
    pub async fn press(&self, key: Key) {
        let focused = self.driver.active_element().await.unwrap();
        focused.send_keys(TypingData::from(key)).await.unwrap();
    }

    /// To the next control.
    pub const TAB: Key = Key::Tab;

    /// Follows a link, sends a form.
    pub const ENTER: Key = Key::Enter;

    /// What is asked next is asked of the page in this frame.
    pub async fn enter_frame(&self, selector: &str) {
        self.find(selector).await.enter_frame().await.unwrap();
    }

    /// Back to the page around all frames.
    pub async fn leave_frames(&self) {
        self.driver.enter_default_frame().await.unwrap();
    }

    /// Closes the tab and opens an empty one in the same browser: its cookies stay.
    pub async fn close_tab(&self) {
        let old = self.driver.window().await.unwrap();
        let new = self.driver.new_tab().await.unwrap();
        self.driver.switch_to_window(old).await.unwrap();
        self.driver.close_window().await.unwrap();
        self.driver.switch_to_window(new).await.unwrap();
        // One lock at a time: the guards in a tuple would live to its end.
        let size = self.look().size;
        let scheme = self.look().scheme;
        self.resize(size).await;
        self.prefer(scheme).await;
    }

    /// Waits for a page with this title.
    pub async fn wait_for_title(&self, title: &str) {
        self.wait_for_title_in(&[title], PAGE).await;
    }

    /// Waits for a page with one of these titles.
    pub async fn wait_for_title_in(&self, titles: &[&str], deadline: Duration) {
        let what = format!("a page called {titles:?}");
        wait::until(deadline, &what, async || {
            let title = self.title().await;
            titles.contains(&title.as_str()).then_some(())
        })
        .await;
    }

    /// A picture of the whole page, kept for people to look at.
    pub async fn picture(&self, name: &str) {
        let (width, height) = self.look().size;
        let folder = self.look().name();
        let whole = self
            .evaluate("Math.ceil(document.documentElement.getBoundingClientRect().height)")
            .await;
        let whole: u32 = whole.parse().unwrap_or(height);
        self.measure((width, whole.clamp(height, 8000))).await;
        let png = self.driver.screenshot_as_png().await.unwrap();
        self.measure((width, height)).await;
        assert!(png.starts_with(b"\x89PNG"), "no picture of {name}");
        let folder = pictures().join(folder);
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(format!("{name}.png")), png).unwrap();
    }

    /// Looks at the page as it is: on a dark telephone and on a light desktop, each with a picture and with axe-core,
    /// and for whatever makes it wider than the telephone. Then it is as it was. With `METERGATE_TEST_LOOKS=all` in the
    /// environment also the other way round, for people who change how pages look.
    pub async fn inspect(&self, name: &str) {
        let looks = [(PHONE, Scheme::Dark), (DESKTOP, Scheme::Light)];
        let others = [(PHONE, Scheme::Light), (DESKTOP, Scheme::Dark)];
        self.inspect_in(name, &looks, &others).await;
    }

    /// The same on the telephone alone, where there is least room: for further languages.
    pub async fn inspect_small(&self, name: &str) {
        let others = [(DESKTOP, Scheme::Light)];
        self.inspect_in(name, &[(PHONE, Scheme::Light)], &others)
            .await;
    }

    async fn inspect_in(
        &self,
        name: &str,
        looks: &[((u32, u32), Scheme)],
        others: &[((u32, u32), Scheme)],
    ) {
        // One lock at a time: the guards in a tuple would live to its end.
        let size = self.look().size;
        let scheme = self.look().scheme;
        let others = if wants_all_looks() { others } else { &[] };
        for (size, scheme) in looks.iter().chain(others) {
            self.resize(*size).await;
            self.prefer(*scheme).await;
            let wide = self
                .evaluate("document.documentElement.scrollWidth - window.innerWidth")
                .await;
            assert_eq!(wide, "0", "{name} is wider than {size:?}");
            self.assert_accessible(name).await;
            self.picture(name).await;
        }
        self.resize(size).await;
        self.prefer(scheme).await;
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a wish of whoever runs the tests, no setting of a program"
)]
fn wants_all_looks() -> bool {
    std::env::var("METERGATE_TEST_LOOKS").is_ok_and(|it| it == "all")
}

/// Beside the programs under test: `target/tmp/browser`.
fn pictures() -> PathBuf {
    let program = std::env::current_exe().unwrap_or_default();
    let target = program.ancestors().nth(3).unwrap_or(Path::new("target"));
    target.join("tmp").join("browser")
}
