//! A list of the broker's, page by page: whoever acts on a page does so before the next one is read, so that a list
//! too long to be read to its end still becomes shorter.

use std::marker::PhantomData;

use reqwest::Method;
use serde::de::DeserializeOwned;

use super::answer::Page;
use super::{Broker, BrokerError};

/// Pages of one list, so that a broker that always promises another one does not keep us for ever.
const MOST_PAGES: u32 = 8_000;

/// What a list shows, and whose it is.
pub trait Row: DeserializeOwned {
    /// Where the list stands.
    const PATH: &'static [&'static str];
    /// Of what, for messages and metrics.
    const WHAT: &'static str;
    /// The parameter that asks for some of them only.
    const FILTER: &'static str;
    /// Whether it is one that this filter asks for: a broker that overlooked the filter must not make us disconnect
    /// everybody.
    fn is_of(&self, filter: &str) -> bool;
}

/// A list that is being read.
#[derive(Debug)]
pub struct Pages<R> {
    broker: Broker,
    filter: Option<String>,
    /// Rows before the next page; always a multiple of `limit`.
    offset: usize,
    /// Rows of a page: a power of two.
    limit: usize,
    asked: u32,
    ended: bool,
    rows: PhantomData<fn() -> R>,
}

impl<R: Row> Pages<R> {
    pub(super) const fn new(broker: Broker, filter: Option<String>, limit: usize) -> Self {
        Self {
            broker,
            filter,
            offset: 0,
            limit: limit.next_power_of_two(),
            asked: 0,
            ended: false,
            rows: PhantomData,
        }
    }

    /// The rows of the next page that are asked for, perhaps none; `None` after the last page. A page that is too
    /// large for one answer is asked for by halves: who wrote the names in it may have made them long.
    pub async fn next(&mut self) -> Result<Option<Vec<R>>, BrokerError> {
        while !self.ended {
            if self.asked == MOST_PAGES {
                return Err(BrokerError::Endless { what: R::WHAT });
            }
            self.asked += 1;
            match self.read().await {
                Ok(page) => {
                    self.ended = !page.has_next(self.limit);
                    self.offset += self.limit;
                    let mut rows = page.data;
                    if let Some(filter) = &self.filter {
                        rows.retain(|row| row.is_of(filter));
                    }
                    return Ok(Some(rows));
                }
                Err(BrokerError::TooLarge { .. }) if self.limit > 1 => self.limit /= 2,
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    /// Reads the last page again: its rows are gone, and others have moved up.
    pub const fn again(&mut self) {
        self.offset = self.offset.saturating_sub(self.limit);
        self.ended = false;
    }

    /// Everything that is left of the list.
    pub async fn all(mut self) -> Result<Vec<R>, BrokerError> {
        let mut all = Vec::new();
        while let Some(rows) = self.next().await? {
            all.extend(rows);
        }
        Ok(all)
    }

    async fn read(&self) -> Result<Page<R>, BrokerError> {
        let number = self.offset / self.limit + 1;
        let filter = self.filter.as_deref().map(|value| (R::FILTER, value));
        let url = self.broker.list(R::PATH, filter, number, self.limit)?;
        self.broker.send(Method::GET, R::WHAT, url).await?.json()
    }
}
