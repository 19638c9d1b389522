//! From the values of a trace's column to namespaces.

use super::problem::Bad;
use super::table::Cell;
use crate::model::NamespaceFrom;
use engine::spec::Name;
use rustc_hash::FxHashMap;
use std::collections::BTreeMap;

/// The longest name of a namespace or workload: a DNS label.
const NAME_MAX: usize = 63;

/// A value made a valid name: lower case, with dashes for what is neither letter nor digit. `None` if
/// nothing is left of it.
pub fn valid_name(value: &str) -> Option<String> {
    let dashed: String = value
        .chars()
        .map(|c| c.to_ascii_lowercase())
        .map(|c| {
            if c.is_ascii_lowercase() || c.is_ascii_digit() {
                c
            } else {
                '-'
            }
        })
        .collect();
    let trimmed = dashed.trim_start_matches('-');
    let cut = trimmed
        .get(..NAME_MAX)
        .unwrap_or(trimmed)
        .trim_end_matches('-');
    (!cut.is_empty()).then(|| cut.into())
}

/// Finds the namespace of each row.
pub struct Tenants {
    from: From,
    known: FxHashMap<String, Option<Name>>,
    /// The value that first became a name, so that two tenants never become one unnoticed.
    values: BTreeMap<Name, String>,
}

enum From {
    Fixed(Name),
    Map(BTreeMap<String, String>),
    Value,
}

impl Tenants {
    /// The namespaces of a trace.
    pub fn new(from: &NamespaceFrom) -> Tenants {
        Tenants {
            from: match from {
                NamespaceFrom::Fixed(name) => From::Fixed(name.clone()),
                NamespaceFrom::Column { map: Some(map), .. } => From::Map(map.clone()),
                NamespaceFrom::Column { map: None, .. } => From::Value,
            },
            known: FxHashMap::default(),
            values: BTreeMap::new(),
        }
    }

    /// The namespace of a row by its cell; `None` if the map leaves the value out.
    ///
    /// # Errors
    /// The value cannot be made a name, or two values become one.
    pub fn namespace(&mut self, cell: &Cell) -> Result<Option<Name>, Bad> {
        if let From::Fixed(name) = &self.from {
            return Ok(Some(name.clone()));
        }
        if let Some(known) = self.known.get(cell.value) {
            return Ok(known.clone());
        }
        let name = match &self.from {
            From::Map(map) => map.get(cell.value).map(|name| Name::from(name.as_str())),
            _ => Some(self.made(cell)?),
        };
        self.known.insert(cell.value.into(), name.clone());
        Ok(name)
    }

    fn made(&mut self, cell: &Cell) -> Result<Name, Bad> {
        let wanted = "a namespace has a letter or digit; name others in a `map`";
        let name: Name = valid_name(cell.value)
            .ok_or_else(|| cell.bad(wanted))?
            .into();
        match self.values.get(&name) {
            Some(first) => Err(Bad {
                what: format!(
                    "`{}` and `{first}` both become the namespace `{name}`",
                    cell.value
                ),
                ..cell.bad("give each a namespace in a `map`")
            }),
            None => {
                self.values.insert(name.clone(), cell.value.into());
                Ok(name)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(value: &str) -> Cell<'_> {
        Cell {
            column: "user",
            value,
            position: 1,
        }
    }

    #[test]
    fn a_value_becomes_a_valid_name() {
        for (value, name) in [
            ("vc6YE", Some("vc6ye")),
            ("12", Some("12")),
            ("_team A_", Some("team-a")),
            ("größe", Some("gr--e")),
            ("--", None),
            ("", None),
        ] {
            assert_eq!(valid_name(value).as_deref(), name, "{value}");
        }
        assert_eq!(valid_name(&"a".repeat(80)), Some("a".repeat(63)));
    }

    #[test]
    fn two_tenants_never_become_one_unnoticed() {
        let mut tenants = Tenants::new(&NamespaceFrom::Column {
            column: "user".into(),
            map: None,
        });
        assert_eq!(tenants.namespace(&cell("vcA")), Ok(Some("vca".into())));
        assert_eq!(tenants.namespace(&cell("vcA")), Ok(Some("vca".into())));
        let bad = tenants.namespace(&cell("vca")).unwrap_err();
        assert_eq!(bad.what, "`vca` and `vcA` both become the namespace `vca`");
    }

    #[test]
    fn what_a_map_leaves_out_has_no_namespace() {
        let mut tenants = Tenants::new(&NamespaceFrom::Column {
            column: "user".into(),
            map: Some([("1".into(), "ml".into())].into()),
        });
        assert_eq!(tenants.namespace(&cell("1")), Ok(Some("ml".into())));
        assert_eq!(tenants.namespace(&cell("2")), Ok(None));
    }
}
