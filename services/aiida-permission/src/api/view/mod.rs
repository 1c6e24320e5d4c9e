//! What the API answers, and how `OpenAPI` describes it. Times are UTC (RFC 3339), dates are calendar days in
//! UTC, ids are UUIDs, keys are camelCase, and what is not known is left out.

mod data;
mod event;
mod need;
mod outgoing;
mod permission;

pub(crate) use data::{
    MessagePage, MessageView, ReadingPage, ReadingView, RefusedPage, RefusedView,
};
pub(crate) use event::{EventView, Events, History};
pub(crate) use need::{DataNeedDocument, DataNeedList, StatusName};
pub(crate) use outgoing::{OutgoingList, OutgoingView, Taken};
pub(crate) use permission::{PermissionDetail, PermissionPage, PermissionView, RefusalView};
