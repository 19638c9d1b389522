//! What a pool holds back: an amount or a share of the capacity.

use crate::quantity::{QuantityText, amount_schema};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// A quantity, or a percentage with up to four decimal places, as it stands in the object.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ReserveText(pub QuantityText);

/// The forms of a quantity that is not negative, and `2.5%`.
const PATTERN: &str = r"^\+?(([0-9]+(\.[0-9]*)?|\.[0-9]+)([numkMGTPE]|[KMGTPE]i|[eE][+-]?[0-9]+)?|[0-9]{1,3}(\.[0-9]{1,4})?%)$";

impl JsonSchema for ReserveText {
    fn schema_name() -> Cow<'static, str> {
        "ReserveText".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        amount_schema(PATTERN)
    }
}
