//! The `testbed` program: a cluster for a person, up until it is taken down.

mod cli;

fn main() -> std::process::ExitCode {
    cli::main()
}
