//! What the pages of all services share: texts in several languages, one look, the headers that guard a page, who is
//! asking, and event streams.
//!
//! - [`texts`]: the texts of a set of pages in all its languages; [`language`]: which one a reader gets.
//! - [`page`]: a page around what a service has to say; [`style`]: the stylesheet, and a page's own rules.
//! - [`operator`]: name, logo and links of whoever asks, from the configuration.
//! - [`sse`]: event streams; [`live`]: the script that takes them in.
//!
//! Services depend on this crate; it depends on `service-kit` only, and knows no database.

pub mod language;
pub mod live;
pub mod operator;
pub mod page;
pub mod sse;
pub mod style;
pub mod texts;

pub use operator::{Operator, OperatorConfig};
pub use page::{Page, redirect, script};
pub use style::Style;
pub use texts::{Texts, Value, Words};
