//! Empty environment variables count as unset: compose files and shells leave them so.

use std::ffi::OsString;

use clap::Command;
use clap::builder::Resettable;

/// The same command, which ignores empty variables.
pub fn without_empty_variables(command: Command) -> Command {
    without(command, &|name| std::env::var_os(name))
}

fn without(command: Command, variable: &dyn Fn(&std::ffi::OsStr) -> Option<OsString>) -> Command {
    let command = command.mut_args(|arg| match arg.get_env().and_then(variable) {
        Some(value) if value.is_empty() => arg.env(Resettable::Reset),
        _ => arg,
    });
    command.mut_subcommands(|subcommand| without(subcommand, variable))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::{Arg, Command};

    #[test]
    fn only_empty_variables_are_ignored() {
        let arg = |name: &'static str| Arg::new(name).long(name).env(name);
        let command = Command::new("x").arg(arg("EMPTY")).arg(arg("SET")).arg(arg("UNSET"));
        let command = command.subcommand(Command::new("sub").arg(arg("EMPTY")));

        let variable = |name: &std::ffi::OsStr| match name.to_str() {
            Some("EMPTY") => Some("".into()),
            Some("SET") => Some("x".into()),
            _ => None,
        };

        let command = without(command, &variable);
        let known = |command: &Command| {
            let names = command.get_arguments().filter_map(|arg| Some(arg.get_env()?.to_owned()));
            names.collect::<Vec<_>>()
        };

        assert_eq!(known(&command), ["SET", "UNSET"]);
        assert_eq!(known(command.find_subcommand("sub").unwrap()), [""; 0]);
    }
}
