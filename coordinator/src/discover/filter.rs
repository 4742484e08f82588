//! Decides which files of a folder are read.

use std::path::Path;

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

/// A pattern that is not a glob.
#[derive(Debug, thiserror::Error)]
#[error("invalid pattern for `{option}`")]
pub struct BadPattern {
    /// The option it was given to.
    pub option: &'static str,
    source: globset::Error,
}

/// The patterns of `--include` and `--exclude`.
///
/// A pattern is matched against the name of a file or folder, and against its path below the folder
/// that was given as input: `*.html` matches all files of that kind, `2024/*.html` those in one
/// folder. `*` does not match a `/`, but `**` does. A `/` at the end and the case of letters are
/// ignored. A file that was itself given as input is always read.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// `None`: everything is included.
    include: Option<GlobSet>,
    exclude: Option<GlobSet>,
    hidden: bool,
}

impl Filter {
    /// # Errors
    /// The first pattern that is not a glob, with the reason.
    pub fn new(include: &[String], exclude: &[String]) -> Result<Self, BadPattern> {
        let include = build("--include", include)?;
        let exclude = build("--exclude", exclude)?;
        Ok(Filter { include, exclude, hidden: false })
    }

    /// The same filter; if `hidden` is true, it lets hidden files and folders pass.
    pub fn with_hidden(self, hidden: bool) -> Self {
        Filter { hidden, ..self }
    }

    /// Whether hidden files and folders are read.
    pub fn reads_hidden(&self) -> bool {
        self.hidden
    }

    /// Whether a file with this path below its input folder is read.
    pub fn takes_file(&self, below: &Path) -> bool {
        self.include.as_ref().is_none_or(|set| matches(set, below)) && self.takes_folder(below)
    }

    /// Whether a folder with this path below its input folder is entered.
    pub fn takes_folder(&self, below: &Path) -> bool {
        !self.exclude.as_ref().is_some_and(|set| matches(set, below))
    }

    /// Whether all files are read.
    pub fn takes_all(&self) -> bool {
        self.include.is_none() && self.exclude.is_none()
    }
}

fn matches(set: &GlobSet, below: &Path) -> bool {
    set.is_match(below) || below.file_name().is_some_and(|name| set.is_match(name))
}

fn build(option: &'static str, patterns: &[String]) -> Result<Option<GlobSet>, BadPattern> {
    if patterns.is_empty() {
        return Ok(None);
    }

    let wrong = |source| BadPattern { option, source };

    let mut set = GlobSetBuilder::new();
    for pattern in patterns {
        // Shells complete folders as `./a` and `a/`, which mean `a` here.
        let pattern = pattern.strip_prefix("./").unwrap_or(pattern);
        let pattern = pattern.strip_suffix('/').filter(|rest| !rest.is_empty()).unwrap_or(pattern);
        set.add(
            GlobBuilder::new(pattern)
                .literal_separator(true)
                .case_insensitive(true)
                .build()
                .map_err(wrong)?,
        );
    }

    set.build().map(Some).map_err(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(include: &[&str], exclude: &[&str]) -> Filter {
        let own = |list: &[&str]| list.iter().map(|text| text.to_string()).collect::<Vec<_>>();
        Filter::new(&own(include), &own(exclude)).unwrap()
    }

    #[test]
    fn a_pattern_matches_the_name_or_the_path() {
        let takes =
            |patterns: &[&str], path: &str| filter(patterns, &[]).takes_file(Path::new(path));
        assert!(takes(&["*.html"], "a.html") && takes(&["*.html"], "deep/er/a.html"));
        assert!(
            takes(&["2024/*.html"], "2024/a.html") && !takes(&["2024/*.html"], "2024/b/a.html")
        );
        assert!(
            takes(&["2024/**/*.html"], "2024/b/c/a.html")
                && !takes(&["2024/*.html"], "old/2024/a.html")
        );
        assert!(takes(&["*.csv", "*.{htm,html}"], "a.htm") && !takes(&["*.html"], "a.txt"));
        assert!(takes(&["*.html"], "A.HTML") && takes(&["*.HTML"], "a.html"));
    }

    #[test]
    fn what_is_excluded_wins() {
        let filter = filter(&["*.html"], &["draft*", "old/"]);
        assert!(
            filter.takes_file(Path::new("a.html")) && !filter.takes_file(Path::new("draft-1.html"))
        );
        assert!(!filter.takes_folder(Path::new("old")) && !filter.takes_folder(Path::new("a/old")));
        assert!(filter.takes_folder(Path::new("new")), "--include speaks of files only");
    }

    #[test]
    fn a_broken_pattern_is_explained() {
        let error = Filter::new(&["a[".into()], &[]).unwrap_err();
        assert_eq!(error.to_string(), "invalid pattern for `--include`");
        assert!(std::error::Error::source(&error).unwrap().to_string().contains("a["));
    }
}
