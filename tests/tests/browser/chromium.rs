//! A headless Chromium of one's own, driven over `WebDriver`: an empty profile, nothing remembered.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Map, Value, json};
use tempfile::TempDir;
use test_support::ports;
use test_support::process::Process;
use test_support::wait;

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
    client: Client,
    pictures: PathBuf,
    // Dropped in this order: the driver goes before the profile that its browser writes to.
    _driver: Process,
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
        let client = ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities(scripts, profile.path()))
            .connect(&format!("http://127.0.0.1:{port}"))
            .await
            .unwrap_or_else(|error| panic!("no browser: {error}\n{}", driver.output()));
        client.set_window_size(width, height).await.unwrap();
        let pictures = Path::new(env!("CARGO_TARGET_TMPDIR")).join("browser");
        let pictures = pictures.join(format!("{width}-scripts-{scripts:?}").to_lowercase());
        std::fs::create_dir_all(&pictures).unwrap();
        Self {
            client,
            pictures,
            _driver: driver,
            _profile: profile,
        }
    }

    /// Ends the browser; when a test fails before, the driver's end takes it along.
    pub(crate) async fn close(self) {
        self.client.clone().close().await.unwrap();
    }

    pub(crate) async fn open(&self, url: &str) {
        self.client.goto(url).await.unwrap();
    }

    /// `on` where a page's scripts are carried out.
    pub(crate) async fn title_set_by_script(&self) -> String {
        self.open("data:text/html,<title>off</title><script>document.title='on'</script>")
            .await;
        self.title().await
    }

    pub(crate) async fn title(&self) -> String {
        self.client.title().await.unwrap()
    }

    /// Path and query of the page's address.
    pub(crate) async fn address(&self) -> (String, Option<String>) {
        let url = self.client.current_url().await.unwrap();
        (url.path().to_owned(), url.query().map(str::to_owned))
    }

    /// The text that is shown of the first element that matches.
    pub(crate) async fn text(&self, selector: &str) -> String {
        let element = self.client.find(Locator::Css(selector)).await.unwrap();
        element.text().await.unwrap()
    }

    pub(crate) async fn click(&self, selector: &str) {
        let element = self.client.find(Locator::Css(selector)).await.unwrap();
        element.click().await.unwrap();
    }

    pub(crate) async fn fill(&self, selector: &str, text: &str) {
        let element = self.client.find(Locator::Css(selector)).await.unwrap();
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
        let png = self.client.screenshot().await.unwrap();
        assert!(png.starts_with(b"\x89PNG"), "no picture of {name}");
        std::fs::write(self.pictures.join(format!("{name}.png")), png).unwrap();
    }
}

fn capabilities(scripts: Scripts, profile: &Path) -> Map<String, Value> {
    let setting = match scripts {
        Scripts::On => 1,
        Scripts::Off => 2,
    };
    let arguments = [
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
    ];
    let mut arguments: Vec<String> = arguments.map(str::to_owned).into();
    arguments.push(format!(
        "--user-data-dir={}",
        profile.join("profile").display()
    ));
    let capabilities = json!({
        "goog:chromeOptions": {
            "binary": BROWSER,
            "args": arguments,
            "prefs": { "profile.managed_default_content_settings.javascript": setting },
        }
    });
    match capabilities {
        Value::Object(map) => map,
        other => panic!("{other} is no object"),
    }
}
