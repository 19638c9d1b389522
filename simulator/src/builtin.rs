//! The built-in scenarios: texts that are written by code and read like any other file, so that running a
//! name and running its generated file are the same.

mod diurnal;
mod edl;
mod enterprise;
mod queue;
mod random;
mod write;

use crate::problem::{Failure, Problem};
use crate::scenario::fields::nearest;

/// A built-in scenario.
struct Builtin {
    name: &'static str,
    about: &'static str,
    /// Its parameters with their defaults.
    parameters: &'static [(&'static str, u64)],
    /// Its text for the values of its parameters.
    text: fn(&[u64]) -> String,
}

const BUILTINS: &[Builtin] = &[
    Builtin {
        name: "edl-case1",
        about: "20 elastic training jobs fill 133 nodes (published experiment, case 1)",
        parameters: &[],
        text: |_| edl::case1(true),
    },
    Builtin {
        name: "edl-case1-fixed",
        about: "the same with 60 trainers each, no more, no less",
        parameters: &[],
        text: |_| edl::case1(false),
    },
    Builtin {
        name: "edl-case2",
        about: "a web service goes down and up again over elastic training (case 2)",
        parameters: &[],
        text: |_| edl::case2(true),
    },
    Builtin {
        name: "edl-case2-fixed",
        about: "the same with 15 trainers each, no more, no less",
        parameters: &[],
        text: |_| edl::case2(false),
    },
    Builtin {
        name: "queue-baseline",
        about: "15,000 short workloads in 30 queues of 5 cohorts, by leases alone",
        parameters: &[],
        text: |_| queue::text(&queue::BASELINE),
    },
    Builtin {
        name: "queue-large",
        about: "50,000 short workloads in 1,000 queues of 10 cohorts, by leases alone",
        parameters: &[],
        text: |_| queue::text(&queue::LARGE),
    },
    Builtin {
        name: "diurnal",
        about: "two days of web load by day and night, batch and training in what it leaves",
        parameters: &[("seed", 1)],
        text: |values| diurnal::text(values[0]),
    },
    Builtin {
        name: "enterprise",
        about: "12 lines of business, 1,000 namespaces, 100,000 pods of all kinds in 4 hours",
        parameters: &[("pods", 100_000), ("seed", 1)],
        text: |values| enterprise::text(values[0], values[1]),
    },
];

/// Most pods that may be asked for.
const PARAMETER_MAX: u64 = 100_000_000;

/// Name, one line and the parameters of each.
pub fn all() -> impl Iterator<Item = (&'static str, &'static str, &'static [(&'static str, u64)])> {
    BUILTINS.iter().map(|b| (b.name, b.about, b.parameters))
}

/// Whether `source` names a built-in, with parameters or without.
pub fn is_known(source: &str) -> bool {
    find(source).is_some()
}

fn find(source: &str) -> Option<&'static Builtin> {
    let name = source.split(':').next()?;
    BUILTINS.iter().find(|builtin| builtin.name == name)
}

/// What to say to somebody who named something that is neither a file nor a built-in.
pub fn hint(source: &str) -> String {
    match nearest(source, BUILTINS.iter().map(|b| b.name)) {
        Some(near) => format!("did you mean the built-in `{near}`?"),
        None => "name a file, or a built-in that `simulator list` prints".into(),
    }
}

/// A built-in scenario as YAML. `source` is its name, with parameters as in `enterprise:pods=1000000,seed=3`.
///
/// # Errors
/// There is none of that name, or it has no such parameter.
pub fn text(source: &str) -> Result<String, Failure> {
    let Some(builtin) = find(source) else {
        let problem = Problem::error(format!("no built-in scenario is called `{source}`"));
        return Err(problem.hint(hint(source)).into());
    };
    let mut values: Vec<u64> = builtin
        .parameters
        .iter()
        .map(|(_, default)| *default)
        .collect();
    let given = source.split_once(':').map_or("", |(_, given)| given);
    let mut problems = Vec::new();
    for part in given.split(',').filter(|part| !part.is_empty()) {
        let (key, value) = part.split_once('=').unwrap_or((part, ""));
        let known = || builtin.parameters.iter().map(|(name, _)| *name);
        let Some(index) = known().position(|name| name == key) else {
            let problem = Problem::error(format!("`{}` has no parameter `{key}`", builtin.name));
            problems.push(match known().next() {
                None => problem.hint("it has none"),
                Some(_) => problem.hint(format!(
                    "it has `{}`",
                    known().collect::<Vec<_>>().join("`, `")
                )),
            });
            continue;
        };
        match value.parse::<u64>() {
            Ok(n) if (1..=PARAMETER_MAX).contains(&n) => values[index] = n,
            _ => {
                let what =
                    format!("`{key}` is `{value}`, no whole number from 1 to {PARAMETER_MAX}");
                let example = format!("write it like `{}:{key}={}`", builtin.name, values[index]);
                problems.push(Problem::error(what).hint(example));
            }
        }
    }
    if problems.is_empty() {
        Ok((builtin.text)(&values))
    } else {
        Err(Failure::bad_input(problems))
    }
}
