//! Quantities in objects: as they are written, and through serde and JSON schema.

use super::{ParseQuantityError, Quantity};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;
use std::fmt;

/// The longest text of a quantity that the objects' schemas take.
pub const TEXT_LENGTH_MAX: u32 = 48;

/// Every form of a quantity that is not negative.
const PATTERN: &str = r"^\+?([0-9]+(\.[0-9]*)?|\.[0-9]+)([numkMGTPE]|[KMGTPE]i|[eE][+-]?[0-9]+)?$";

/// A quantity as it stands in an object, not read yet.
///
/// Objects are read without judging their amounts, so that one bad amount does not hide the next, and so
/// that a list of objects does not become unreadable by one of them. Who uses an amount parses it, and can
/// say in which field a bad one stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct QuantityText(pub String);

impl QuantityText {
    /// Reads it.
    pub fn parse(&self) -> Result<Quantity, ParseQuantityError> {
        self.0.parse()
    }
}

impl From<Quantity> for QuantityText {
    fn from(quantity: Quantity) -> QuantityText {
        QuantityText(quantity.to_string())
    }
}

impl From<&str> for QuantityText {
    fn from(text: &str) -> QuantityText {
        QuantityText(text.into())
    }
}

impl fmt::Display for QuantityText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Quantity {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Quantity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Quantity, D::Error> {
        let text = deserializer.deserialize_any(TextVisitor)?;
        text.parse().map_err(D::Error::custom)
    }
}

impl<'de> Deserialize<'de> for QuantityText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<QuantityText, D::Error> {
        deserializer.deserialize_any(TextVisitor).map(QuantityText)
    }
}

struct TextVisitor;

impl Visitor<'_> for TextVisitor {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a quantity, as text or as a whole number")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<String, E> {
        Ok(text.into())
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<String, E> {
        Ok(number.to_string())
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<String, E> {
        Ok(number.to_string())
    }

    fn visit_i128<E: Error>(self, number: i128) -> Result<String, E> {
        Ok(number.to_string())
    }

    fn visit_u128<E: Error>(self, number: u128) -> Result<String, E> {
        Ok(number.to_string())
    }

    /// By now it may have lost digits.
    fn visit_f64<E: Error>(self, number: f64) -> Result<String, E> {
        Err(E::custom(format!(
            "{number} has a fraction and is not in quotes; write \"{number}\""
        )))
    }
}

/// The schema of an amount, with the forms that `pattern` allows where it is text.
pub(crate) fn amount_schema(pattern: &str) -> Schema {
    json_schema!({
        "x-kubernetes-int-or-string": true,
        "minimum": 0,
        "pattern": pattern,
        "maxLength": TEXT_LENGTH_MAX,
    })
}

impl JsonSchema for QuantityText {
    fn schema_name() -> Cow<'static, str> {
        "QuantityText".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        amount_schema(PATTERN)
    }
}

impl JsonSchema for Quantity {
    fn schema_name() -> Cow<'static, str> {
        "Quantity".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        amount_schema(PATTERN)
    }
}
