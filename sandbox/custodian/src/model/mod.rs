//! What the sandbox knows: fictional customers, their usage points, and every reading of every
//! series, computed from a seed whenever it is asked for and stored nowhere.
//!
//! Everything here is pure: the same seed and first day give the same customers and readings, so
//! a test that knows both knows the truth ([`Model::truth`]). Nothing here knows HTTP, tokens or
//! XML; the rest of the crate depends on this module and not the other way round.

mod calendar;
mod crowd;
mod owed;
mod people;
mod truth;
mod usage;

pub use calendar::{Calendar, DayRange};
pub use people::{Commodity, Customer, Direction, Series, UsagePoint};
pub use truth::FlowTruth;
pub use usage::Reading;

use jiff::Timestamp;
use jiff::civil::Date;
use thiserror::Error;

/// The zone of all customers.
pub const ZONE: &str = "America/Los_Angeles";

/// Why the model cannot answer.
#[derive(Debug, Error)]
pub enum ModelError {
    /// The time zone database has no Pacific zone.
    #[error("the time zone {ZONE} is not known: install the tzdata package: {0}")]
    Zone(#[source] jiff::Error),
    /// A day lies outside the calendar.
    #[error("the day lies outside the calendar that can be computed: {0}")]
    Day(#[source] jiff::Error),
    /// A history ends on a day that is not the one on which it must end.
    #[error("who authorized at {authorized} is not owed a history that ends with {last}")]
    NotOwed {
        /// The history's last day.
        last: Date,
        /// When the customer authorized.
        authorized: Timestamp,
    },
}

/// The fictional customers and their usage.
#[derive(Debug, Clone)]
pub struct Model {
    seed: u64,
    first_day: Date,
    calendar: Calendar,
    customers: Vec<Customer>,
}

impl Model {
    /// The model of `seed`, with histories that are counted back from `first_day`, the local day
    /// on which the sandbox began. The same two give the same model.
    pub fn new(seed: u64, first_day: Date) -> Result<Self, ModelError> {
        let calendar = Calendar::pacific()?;
        let customers = people::customers(seed, first_day)?;
        Ok(Self {
            seed,
            first_day,
            calendar,
            customers,
        })
    }

    /// As [`Model::new`], beginning on the local day of `now`.
    pub fn beginning_at(seed: u64, now: Timestamp) -> Result<Self, ModelError> {
        let first_day = Calendar::pacific()?.day_of(now);
        Self::new(seed, first_day)
    }

    /// This model with a crowd: `crowd` more customers `crowd-1`…, and `later` more, `later-1`…,
    /// whose batches come later.
    pub fn with_crowd(mut self, crowd: u16, later: u16) -> Result<Self, ModelError> {
        for (prefix, members, asynchronous) in [("crowd", crowd, false), ("later", later, true)] {
            let more = crowd::crowd(self.seed, self.first_day, prefix, members, asynchronous)?;
            self.customers.extend(more);
        }
        Ok(self)
    }

    /// The local calendar of all customers.
    #[must_use]
    pub const fn calendar(&self) -> &Calendar {
        &self.calendar
    }

    /// All customers, in a fixed order. The first has plain electricity, a solar home and gas.
    #[must_use]
    pub fn customers(&self) -> &[Customer] {
        &self.customers
    }

    /// The customer with this key.
    #[must_use]
    pub fn customer(&self, key: &str) -> Option<&Customer> {
        self.customers.iter().find(|customer| customer.key == key)
    }
}
