//! Somebody outside who looks all the time whether everything answers.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use demo::party::Party;
use demo::{Site, Stack};
use reqwest::Method;
use serde_json::Value;

/// Looks until it is asked what it has seen.
pub(crate) struct Outside {
    over: Arc<AtomicBool>,
    looking: JoinHandle<(usize, Vec<String>)>,
}

impl Outside {
    /// Looks at the customers' first page, at a household's page, and asks the API.
    pub(crate) fn look(stack: &Stack, page: &str) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let (site, page, asked) = (stack.site().clone(), page.to_owned(), Arc::clone(&over));
        // A thread of its own: what it waits for, nobody else does.
        let looking = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            runtime.unwrap().block_on(look(site, page, asked))
        });
        Self { over, looking }
    }

    /// How often it has looked, and what was wrong.
    pub(crate) async fn seen(self) -> (usize, Vec<String>) {
        self.over.store(true, Ordering::Relaxed);
        tokio::task::spawn_blocking(|| self.looking.join().unwrap())
            .await
            .unwrap()
    }
}

async fn look(site: Site, page: String, over: Arc<AtomicBool>) -> (usize, Vec<String>) {
    let (mut looks, mut wrong) = (0, Vec::new());
    let (mut visitor, party) = (site.visitor().unwrap(), Party::new(&site).unwrap());
    while !over.load(Ordering::Relaxed) {
        for address in [&site.url, &page] {
            match visitor.visit(address).await {
                Ok(shown) if shown.status == 200 => {}
                Ok(shown) => wrong.push(format!("{} answers {}", shown.url.path(), shown.status)),
                Err(error) => wrong.push(error.to_string()),
            }
        }
        let asked: Result<Value, _> = party.send(Method::GET, "/permissions", None).await;
        wrong.extend(asked.err().map(|error| error.to_string()));
        looks += 3;
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    (looks, wrong)
}
