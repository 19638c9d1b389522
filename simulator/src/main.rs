//! The `simulator` program.

fn main() -> std::process::ExitCode {
    simulator::cli::main()
}
