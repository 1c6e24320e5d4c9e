//! The script that keeps a page up to date: it listens to the event stream that `data-events` in the page names.
//!
//! - `bar`, data `{"value": 7, "max": 39, "text": "…"}`: moves `progress[data-bar]` and says the text in `[data-bar-text]`.
//! - `state`, data: any word. Where it is not the page's own (`data-state`), the page is fetched again and its `<main>`
//!   put in place of the old one, and its heading is said to who cannot see it (`role=status`).
//!
//! A script before this one, in the same file, hears of further events: it is handed the stream by a `pages:listening`
//! event of the document (`detail`), each time that it begins to listen.
//!
//! Without JavaScript the page loads itself again ([`Page::refresh`](crate::Page::refresh)).

/// The script, to be served from the page's own site with [`crate::script`].
pub const SCRIPT: &str = include_str!("live.js");
