//! The stack that the tests share, with rows of everything that the console shows.

use std::sync::Arc;

use demo::{Side, Stack, StackOptions};
use end_to_end::Shared;
use tempfile::TempDir;
use test_support::chromium::Chromium;

use crate::inhabitants;

pub(crate) struct World {
    pub(crate) stack: Stack,
    _folder: TempDir,
}

impl World {
    pub(crate) async fn shared() -> Arc<Self> {
        static SHARED: Shared<World> = Shared::new();
        SHARED.get(Self::start()).await
    }

    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = StackOptions {
            fast: true,
            side: Side::NearRealTime,
            ..StackOptions::default()
        };
        let stack = Stack::start(folder.path(), &options).await.unwrap();
        let world = Self {
            stack,
            _folder: folder,
        };
        world.sql(&inhabitants::rows()).await;
        for (name, text) in inhabitants::FILES {
            std::fs::write(world.stack.output().join(name), text).unwrap();
        }
        world
    }

    pub(crate) async fn sql(&self, statements: &str) {
        self.stack
            .cluster
            .sql("metergate", statements)
            .await
            .unwrap();
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.stack.nginx.url())
    }

    /// The address with the operator's password, as it is typed into the browser's question.
    fn with_password(&self, user: &str, path: &str) -> String {
        let url = self.url(path);
        let password = &self.stack.site().password;
        url.replacen("https://", &format!("https://{user}:{password}@"), 1)
    }

    /// Lets a browser in: from here on it sends the password along.
    pub(crate) async fn let_in(&self, browser: &Chromium) {
        let operator = &self.stack.site().operator;
        browser
            .open(&self.with_password(operator, "/console/"))
            .await;
        browser.open(&self.url("/console/")).await;
        assert_eq!(browser.title().await, "Overview - Metergate console");
    }

    /// The same for the downloads.
    pub(crate) async fn let_download(&self, browser: &Chromium) {
        let reader = &self.stack.site().reader;
        browser.open(&self.with_password(reader, "/output/")).await;
        browser.open(&self.url("/output/")).await;
        assert_eq!(browser.title().await, "Downloads");
    }
}

impl World {
    /// The id of the permission of a connection.
    pub(crate) async fn first_permission(&self, connection: &str) -> String {
        let query = format!("SELECT id FROM aiida.permission WHERE connection_id = '{connection}'");
        self.stack.text(&query).await.unwrap().unwrap()
    }

    /// The status of an address for somebody who may download.
    pub(crate) async fn status_as_reader(&self, path: &str) -> u16 {
        let site = self.stack.site();
        let mut visitor = site.visitor().unwrap();
        let page = visitor
            .visit_with_password(&self.url(path), &site.reader, &site.password)
            .await
            .unwrap();
        page.status
    }
}
