//! From a data need to JSON. Keys with nothing to say are left out: homes fail on null.

use serde_json::{Map, Value, json};

use crate::data_need::{Asset, Context, DataNeed, Duration, Period};
use crate::generation::Generation;
use crate::obis::ObisCode;

pub(super) fn value(need: &DataNeed, generation: Generation) -> Value {
    let schemas = need.schemas.iter();
    let schemas = schemas.filter_map(|schema| schema.name_for(generation));
    let commands = need.allowed_permission_commands.iter();
    let contexts = need.contexts.iter().copied();
    let mut value = json!({
        "type": need.direction.type_name(),
        "id": need.id,
        "name": need.name,
        "purpose": need.purpose,
        "policyLink": need.policy_link,
        "enabled": need.enabled,
        "duration": duration(&need.duration),
        "transmissionSchedule": need.transmission_schedule.as_str(),
        "allowedPermissionCommands": commands.map(|kind| kind.name()).collect::<Vec<_>>(),
        "acknowledgementRequired": need.acknowledgement_required,
        "schemas": schemas.collect::<Vec<_>>(),
        "asset": Asset::name(need.asset),
        "dataTags": need.data_tags.iter().map(ObisCode::as_str).collect::<Vec<_>>(),
        "contexts": contexts.map(Context::name).collect::<Vec<_>>(),
    });
    if let (Some(map), Some(description)) = (value.as_object_mut(), &need.description) {
        map.insert("description".to_owned(), json!(description));
    }
    value
}

fn duration(duration: &Duration) -> Value {
    let (name, start, end) = match duration {
        Duration::Relative { start, end } => (
            "relativeDuration",
            start.as_ref().map(Period::to_string),
            end.as_ref().map(Period::to_string),
        ),
        Duration::Absolute { start, end } => (
            "absoluteDuration",
            start.map(|date| date.to_string()),
            end.map(|date| date.to_string()),
        ),
    };
    let mut map = Map::new();
    map.insert("type".to_owned(), json!(name));
    for (key, text) in [("start", start), ("end", end)] {
        if let Some(text) = text {
            map.insert(key.to_owned(), json!(text));
        }
    }
    Value::Object(map)
}
