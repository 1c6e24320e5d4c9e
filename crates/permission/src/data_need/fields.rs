//! Takes fields out of a JSON object one by one, so that each error names its field and what is left over is known.

use serde_json::{Map, Value};

use crate::data_need::DataNeedError;

/// Longest text of a data need, in bytes.
const MAX_TEXT: usize = 4000;
/// Longest list of a data need.
const MAX_LIST: usize = 200;

/// The fields of an object that have not been taken yet.
pub(super) struct Fields(Map<String, Value>);

impl Fields {
    pub(super) fn of(value: Value) -> Option<Self> {
        match value {
            Value::Object(map) => Some(Self(map)),
            _ => None,
        }
    }

    /// The value of a field; null is as good as missing.
    pub(super) fn take(&mut self, key: &str) -> Option<Value> {
        self.0.remove(key).filter(|value| !value.is_null())
    }

    /// `field` is the name in messages, `key` that in the object.
    pub(super) fn optional_text(
        &mut self,
        key: &str,
        field: &'static str,
    ) -> Result<Option<String>, DataNeedError> {
        let Some(value) = self.take(key) else {
            return Ok(None);
        };
        text(value, field).map(Some)
    }

    pub(super) fn text(&mut self, key: &str, field: &'static str) -> Result<String, DataNeedError> {
        let text = self
            .optional_text(key, field)?
            .ok_or(DataNeedError::Missing(field))?;
        if text.trim().is_empty() {
            return Err(DataNeedError::Blank(field));
        }
        Ok(text)
    }

    pub(super) fn boolean(
        &mut self,
        field: &'static str,
        default: bool,
    ) -> Result<bool, DataNeedError> {
        match self.take(field) {
            None => Ok(default),
            Some(Value::Bool(value)) => Ok(value),
            Some(_) => Err(DataNeedError::Type {
                field,
                expected: "true or false",
            }),
        }
    }

    /// A list of texts, each of them once.
    pub(super) fn texts(&mut self, field: &'static str) -> Result<Vec<String>, DataNeedError> {
        let values = match self.take(field) {
            None => return Ok(Vec::new()),
            Some(Value::Array(values)) => values,
            Some(_) => {
                return Err(DataNeedError::Type {
                    field,
                    expected: "a list of texts",
                });
            }
        };
        if values.len() > MAX_LIST {
            return Err(DataNeedError::Long {
                field,
                limit: MAX_LIST,
                of: "entries",
            });
        }
        let mut texts = Vec::with_capacity(values.len());
        for value in values {
            let text = text(value, field)?;
            if texts.contains(&text) {
                return Err(DataNeedError::Repeated { field, value: text });
            }
            texts.push(text);
        }
        Ok(texts)
    }

    /// Nothing may be left.
    pub(super) fn finish(self) -> Result<(), DataNeedError> {
        match self.0.into_iter().next() {
            None => Ok(()),
            Some((key, _)) => Err(DataNeedError::Unknown(key.chars().take(60).collect())),
        }
    }
}

fn text(value: Value, field: &'static str) -> Result<String, DataNeedError> {
    let Value::String(text) = value else {
        return Err(DataNeedError::Type {
            field,
            expected: "a text",
        });
    };
    if text.len() > MAX_TEXT {
        return Err(DataNeedError::Long {
            field,
            limit: MAX_TEXT,
            of: "bytes",
        });
    }
    Ok(text)
}
