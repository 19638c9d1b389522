//! Policies as the files that are installed.

use super::{Installation, Policies, policies};
use serde::Serialize;

/// The file `deploy/policies/<mode>.yaml`.
pub fn render(installation: &Installation) -> String {
    let Policies { adding, refusing } = policies(installation);
    let mut file = format!(
        "# Generated from quota-controller/src/policies by `cargo run -p leasehold-quota-controller --bin \
         generate-policies`.\n# Mode {}. The controller applies these itself, and puts them back when they are \
         removed or changed.\n",
        installation.mode.name()
    );
    add(&mut file, &adding.0);
    add(&mut file, &adding.1);
    for (policy, binding) in &refusing {
        add(&mut file, policy);
        add(&mut file, binding);
    }
    file
}

fn add(file: &mut String, object: &impl Serialize) {
    let value = serde_json::to_value(object).unwrap_or_default();
    file.push_str("---\n");
    file.push_str(&api::to_yaml(&value));
}
