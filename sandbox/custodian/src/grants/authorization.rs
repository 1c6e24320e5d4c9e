//! One authorization: what the customer chose, and what became of it.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// Which groups of data a customer shares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataGroups {
    /// Interval readings.
    pub usage: bool,
    /// Billing summaries.
    pub billing: bool,
    /// Name, address and account.
    pub account: bool,
}

/// What a customer chose.
#[derive(Debug, Clone)]
pub(crate) struct Choice {
    /// The customer's key.
    pub(crate) customer: String,
    pub(crate) usage_points: Vec<String>,
    pub(crate) data: DataGroups,
    /// The first local day that is shared.
    pub(crate) history_from: Date,
    pub(crate) history_seconds: i64,
    /// When the authorization ends by itself; absent: until somebody ends it.
    pub(crate) until: Option<Timestamp>,
}

/// What became of an authorization.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// In force.
    Active,
    /// Ended by the customer.
    Revoked,
    /// Ended by a newer authorization of the same customer.
    Superseded,
    /// Ended by the third party: its path answers 404.
    Deleted,
}

#[derive(Debug, Clone)]
pub(crate) struct Authorization {
    pub(crate) id: u64,
    pub(crate) client_id: String,
    pub(crate) choice: Choice,
    pub(crate) state: State,
    pub(crate) created: Timestamp,
    pub(crate) updated: Timestamp,
    pub(crate) token_expires: Option<Timestamp>,
}

impl Authorization {
    pub(super) fn new(id: u64, client_id: &str, choice: Choice, now: Timestamp) -> Self {
        Self {
            id,
            client_id: client_id.to_owned(),
            choice,
            state: State::Active,
            created: now,
            updated: now,
            token_expires: None,
        }
    }

    /// ESPI's status: 1 active, 0 ended.
    pub(crate) fn status(&self, now: Timestamp) -> u16 {
        let over = self.choice.until.is_some_and(|until| now >= until);
        u16::from(self.state == State::Active && !over)
    }

    /// The scope as PG&E writes it, with the function blocks of the chosen groups.
    pub(crate) fn scope(&self) -> String {
        let DataGroups {
            usage,
            billing,
            account,
        } = self.choice.data;
        let mut blocks = vec!["1_3"];
        if usage {
            blocks.push("4_5_8_10_13_14");
        }
        if billing {
            blocks.push("15_16");
        }
        blocks.push("18_19_31_32_35_37_38_39_40");
        if account {
            blocks.push("46_47");
        }
        format!(
            "FB={};IntervalDuration=900_86400;BlockDuration=Daily;HistoryLength={};\
             SubscriptionFrequency=Daily;AccountCollection={};",
            blocks.join("_"),
            self.choice.history_seconds,
            self.choice.usage_points.len(),
        )
    }
}
