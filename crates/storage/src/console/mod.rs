//! What the operator's pages list and count. Roles: console.
//!
//! Every list is walked by a key, never by an offset, and each walk has its index (migration 0010): a page takes as long
//! with ten rows stored as with very many. What has to be counted is counted by [`overview`], which the service calls
//! in the background and not for each page. Single things are read by the modules of their contexts, which the commands
//! use too; what changes anything is theirs altogether.

pub mod customers;
pub mod jobs;
pub mod overview;
pub mod permissions;
pub mod power;
pub mod records;
mod silent;

use jiff::Timestamp;
use uuid::Uuid;

/// The last row of a page: the next one begins after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// What the list is sorted by.
    pub at: Timestamp,
    /// Tells apart what has the same time.
    pub id: Uuid,
}

/// Up to so many rows, and whether more come after them.
#[derive(Debug, Clone)]
pub struct Page<T> {
    /// In the order of the list.
    pub rows: Vec<T>,
    /// There are more.
    pub more: bool,
}

impl<T> Page<T> {
    /// From what was read with one row more than `limit`.
    fn of(mut rows: Vec<T>, limit: i64) -> Self {
        let limit = usize::try_from(limit).unwrap_or_default();
        let more = rows.len() > limit;
        rows.truncate(limit);
        Self { rows, more }
    }
}

/// Sorts after every row.
const LAST: Uuid = Uuid::max();
