//! The program and version of a server.

use std::path::PathBuf;
use std::process::Command;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerVersion {
    pub program: PathBuf,
    /// Such as `Redis 7.0.15`.
    pub name: String,
    major: u64,
    is_valkey: bool,
}

impl ServerVersion {
    /// Asks the program for its version.
    ///
    /// # Errors
    /// The program does not run, or is not a server.
    pub fn of(program: PathBuf) -> Result<Self, String> {
        // Servers start in other folders, so make a path absolute. A plain name is found by `PATH`.
        let program = match program.components().count() {
            1 => program,
            _ => std::path::absolute(&program).unwrap_or(program),
        };

        let output = Command::new(&program).arg("--version").output();
        let output =
            output.map_err(|error| format!("{} does not run: {error}", program.display()))?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        Self::parse(program, &said)
    }

    fn parse(program: PathBuf, said: &str) -> Result<Self, String> {
        let version = said.split_whitespace().find_map(|word| word.strip_prefix("v="));
        let major = version.and_then(|version| version.split('.').next()?.parse().ok());
        let (Some(version), Some(major)) = (version, major) else {
            return Err(format!(
                "{} is no server: its version is `{}`",
                program.display(),
                said.trim()
            ));
        };

        let is_valkey = said.starts_with("Valkey");
        let name = format!("{} {version}", if is_valkey { "Valkey" } else { "Redis" });
        Ok(ServerVersion { program, name, major, is_valkey })
    }

    #[cfg(test)]
    pub fn parsed_for_tests(said: &str) -> Self {
        Self::parse("redis".into(), said).expect("a good version")
    }

    /// Whether it has the features of this major version of Redis. Every Valkey does.
    pub fn is_at_least(&self, major: u64) -> bool {
        self.is_valkey || self.major >= major
    }

    /// Whether `DEBUG` is off by default.
    pub fn has_debug_switch(&self) -> bool {
        self.is_at_least(7)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read() {
        let parse = |said: &str| ServerVersion::parse("x".into(), said);
        let redis =
            parse("Redis server v=6.2.5 sha=00000000:0 malloc=jemalloc-5.1.0 bits=64 build=1")
                .unwrap();
        assert_eq!((redis.name.as_str(), redis.has_debug_switch()), ("Redis 6.2.5", false));

        let valkey =
            parse("Valkey server v=9.1.2 sha=00000000:1 malloc=libc bits=64 build=1\n").unwrap();
        assert_eq!((valkey.name.as_str(), valkey.has_debug_switch()), ("Valkey 9.1.2", true));
        assert!(parse("redis-check-rdb 7.0.15").unwrap_err().contains("no server"));
    }
}
