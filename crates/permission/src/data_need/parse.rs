//! From JSON to a checked data need.

use std::collections::HashSet;

use jiff::civil::Date;
use serde_json::Value;

use crate::command::CommandKind;
use crate::data_need::fields::Fields;
use crate::data_need::{Asset, Context, DataNeed, DataNeedError, Direction, Duration, Period};
use crate::obis::ObisCode;
use crate::schema::Schema;

pub(super) fn array(json: &[u8]) -> Result<Vec<DataNeed>, DataNeedError> {
    let value: Value = serde_json::from_slice(json).map_err(DataNeedError::Json)?;
    let Value::Array(values) = value else {
        return Err(DataNeedError::NotArray);
    };
    let mut seen = HashSet::new();
    let mut needs = Vec::with_capacity(values.len());
    for (index, value) in values.into_iter().enumerate() {
        let id = value.get("id").and_then(Value::as_str);
        let id = id.and_then(|id| id.parse().ok());
        let need = one(value).map_err(|source| DataNeedError::In {
            number: index + 1,
            id,
            source: Box::new(source),
        })?;
        if !seen.insert(need.id) {
            return Err(DataNeedError::Twice(need.id));
        }
        needs.push(need);
    }
    Ok(needs)
}

pub(super) fn one(value: Value) -> Result<DataNeed, DataNeedError> {
    let mut fields = Fields::of(value).ok_or(DataNeedError::NotObject)?;
    let direction = direction(&fields.text("type", "type")?)?;
    let id = fields.text("id", "id")?;
    let need = DataNeed {
        id: id.parse().map_err(|_| DataNeedError::Id)?,
        direction,
        name: fields.text("name", "name")?,
        description: fields.optional_text("description", "description")?,
        purpose: fields.text("purpose", "purpose")?,
        policy_link: policy_link(fields.text("policyLink", "policyLink")?)?,
        enabled: fields.boolean("enabled", true)?,
        duration: duration(fields.take("duration"))?,
        transmission_schedule: fields
            .text("transmissionSchedule", "transmissionSchedule")?
            .parse()?,
        allowed_permission_commands: commands(&mut fields)?,
        acknowledgement_required: fields.boolean("acknowledgementRequired", false)?,
        schemas: schemas(&mut fields, direction)?,
        asset: asset(&fields.text("asset", "asset")?)?,
        data_tags: data_tags(&mut fields)?,
        contexts: contexts(&mut fields)?,
    };
    fields.finish()?;
    Ok(need)
}

fn direction(name: &str) -> Result<Direction, DataNeedError> {
    Direction::ALL
        .into_iter()
        .find(|direction| direction.type_name() == name)
        .ok_or_else(|| DataNeedError::UnsupportedType(name.chars().take(60).collect()))
}

/// The household's page links to it, so nothing but a web address.
fn policy_link(link: String) -> Result<String, DataNeedError> {
    let web = ["https://", "http://"];
    let host = web.into_iter().find_map(|scheme| link.strip_prefix(scheme));
    let plain = !link.contains(|c: char| c.is_whitespace() || c.is_control());
    match host {
        Some(host) if plain && !host.is_empty() => Ok(link),
        _ => Err(DataNeedError::PolicyLink),
    }
}

/// The one of `all` with this name.
fn word<T: Copy>(
    field: &'static str,
    value: &str,
    all: &[T],
    name: fn(T) -> &'static str,
) -> Result<T, DataNeedError> {
    let known = all.iter().copied();
    known
        .clone()
        .find(|one| name(*one) == value)
        .ok_or_else(|| DataNeedError::Word {
            field,
            value: value.chars().take(60).collect(),
            known: known.map(name).collect::<Vec<_>>().join(", "),
        })
}

fn asset(value: &str) -> Result<Asset, DataNeedError> {
    word("asset", value, &Asset::ALL, Asset::name)
}

fn contexts(fields: &mut Fields) -> Result<Vec<Context>, DataNeedError> {
    let field = "contexts";
    let values = fields.texts(field)?;
    let contexts = values.iter();
    contexts
        .map(|value| word(field, value, &Context::ALL, Context::name))
        .collect()
}

/// TERMINATE is always granted, and homes do not know it as a grant.
const GRANTS: [CommandKind; 2] = [
    CommandKind::UpdateTransmissionSchedule,
    CommandKind::SetTransmissionEnabled,
];

fn commands(fields: &mut Fields) -> Result<Vec<CommandKind>, DataNeedError> {
    let field = "allowedPermissionCommands";
    let values = fields.texts(field)?;
    let commands = values.iter();
    commands
        .map(|value| word(field, value, &GRANTS, CommandKind::name))
        .collect()
}

fn schemas(fields: &mut Fields, direction: Direction) -> Result<Vec<Schema>, DataNeedError> {
    let field = "schemas";
    let mut schemas = Vec::new();
    for value in fields.texts(field)? {
        let schema = match Schema::from_name(&value) {
            Some(schema) => schema,
            None => word(field, &value, &Schema::ALL, Schema::name)?,
        };
        if !schema.flows(direction) {
            return Err(DataNeedError::Schema { schema, direction });
        }
        if schemas.contains(&schema) {
            return Err(DataNeedError::Repeated { field, value });
        }
        schemas.push(schema);
    }
    if schemas.is_empty() {
        return Err(DataNeedError::NoSchema);
    }
    Ok(schemas)
}

fn data_tags(fields: &mut Fields) -> Result<Vec<ObisCode>, DataNeedError> {
    let parse = |tag: String| match tag.parse() {
        Ok(code) => Ok(code),
        Err(_) => Err(DataNeedError::DataTag(tag.chars().take(60).collect())),
    };
    fields.texts("dataTags")?.into_iter().map(parse).collect()
}

fn duration(value: Option<Value>) -> Result<Duration, DataNeedError> {
    let value = value.ok_or(DataNeedError::Missing("duration"))?;
    let mut fields = Fields::of(value).ok_or(DataNeedError::Type {
        field: "duration",
        expected: "an object",
    })?;
    let kind = fields.text("type", "duration.type")?;
    let start = fields.optional_text("start", "duration.start")?;
    let end = fields.optional_text("end", "duration.end")?;
    fields.finish()?;
    let duration = match kind.as_str() {
        "relativeDuration" => Duration::Relative {
            start: period("duration.start", start)?,
            end: period("duration.end", end)?,
        },
        "absoluteDuration" => Duration::Absolute {
            start: day("duration.start", start)?,
            end: day("duration.end", end)?,
        },
        _ => return Err(DataNeedError::DurationType(kind.chars().take(60).collect())),
    };
    duration.check()?;
    Ok(duration)
}

fn period(field: &'static str, text: Option<String>) -> Result<Option<Period>, DataNeedError> {
    text.map(|text| text.parse())
        .transpose()
        .map_err(|source| DataNeedError::Period { field, source })
}

/// yyyy-MM-dd and nothing beside it: jiff would take a date with a time as well.
fn day(field: &'static str, text: Option<String>) -> Result<Option<Date>, DataNeedError> {
    let Some(value) = text else {
        return Ok(None);
    };
    match value.parse::<Date>() {
        Ok(date) if date.to_string() == value => Ok(Some(date)),
        _ => Err(DataNeedError::Date {
            field,
            value: value.chars().take(40).collect(),
        }),
    }
}
