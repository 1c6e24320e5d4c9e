//! What is shown of permissions.

use serde_json::{Value, json};
use storage::aiida::event::Event;
use storage::aiida::permission::Permission;

use crate::table::{Table, at, maybe_at};

pub(super) fn list(found: &[Permission], names: bool) -> Table {
    let mut columns = vec![
        "permission",
        "data_need",
        "status",
        "status_at",
        "created_at",
        "last_message_at",
    ];
    columns.extend(
        names
            .then_some(["connection", "meter"])
            .into_iter()
            .flatten(),
    );
    let mut table = Table::new(&columns);
    for one in found {
        let mut row = vec![
            json!(one.id),
            json!(one.data_need.name),
            json!(one.status),
            at(one.status_at),
            at(one.created_at),
            maybe_at(one.last_message_at),
        ];
        if names {
            row.extend([json!(one.connection_id), json!(one.meter_id)]);
        }
        table.row(row);
    }
    table
}

pub(super) fn describe(one: &Permission, names: bool) -> Vec<(&'static str, Value)> {
    let mut fields = vec![
        ("permission", json!(one.id)),
        ("request", json!(one.bundle)),
        ("data_need", json!(one.data_need.name)),
        ("data_need_id", json!(one.data_need_id())),
        ("status", json!(one.status)),
        ("status_at", at(one.status_at)),
        ("created_at", at(one.created_at)),
        ("sent_at", maybe_at(one.sent_at)),
        ("starts_on", json!(one.starts_on)),
        ("ends_on", json!(one.ends_on)),
        ("code", json!(one.code.map(permission::Generation::name))),
        ("aiida_id", json!(one.aiida_id)),
        ("accepted_at", maybe_at(one.accepted_at)),
        ("granted_at", maybe_at(one.granted_at)),
        ("first_message_at", maybe_at(one.first_message_at)),
        ("last_message_at", maybe_at(one.last_message_at)),
        ("removed_at", maybe_at(one.removed_at)),
    ];
    if names {
        fields.push(("connection", json!(one.connection_id)));
        fields.push(("meter", json!(one.meter_id)));
    }
    fields
}

pub(super) fn events(found: &[Event]) -> Table {
    let mut table = Table::new(&["id", "at", "permission", "status", "cause", "detail"]);
    for one in found {
        table.row(vec![
            json!(one.id),
            at(one.at),
            json!(one.permission),
            json!(one.status),
            json!(one.cause.name()),
            json!(one.detail),
        ]);
    }
    table
}
