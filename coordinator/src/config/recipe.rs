//! The recipe: from a file, or from `--record` and `--column`, or the default.

use std::path::Path;

use serde::Deserialize;
use sheaf_common::job::{Encoding, JobSpec, Limits};
use sheaf_common::recipe::{Column, Recipe, RecipeError};
use sheaf_worker::extract::Extractor;

use super::{UsageError, units};
use crate::cli::RecipeArgs;

/// The least memory with which a slot can start and read a file: 64 MiB.
const LEAST_MEMORY: u64 = 64 << 20;

/// The recipe that the arguments describe. Its selectors are not compiled yet: see
/// [`check_recipe`].
///
/// `--record` replaces the default record, `--column` the default columns.
pub fn resolve(args: &RecipeArgs) -> Result<Recipe, UsageError> {
    let mut recipe = match &args.recipe {
        Some(path) => read(path)?,
        None => Recipe::default(),
    };

    if let Some(record) = &args.record {
        recipe.record = record.clone();
    }

    if !args.columns.is_empty() {
        // All default columns go: a user who names one wants no others.
        recipe.columns = args
            .columns
            .iter()
            .map(|typed| typed.parse())
            .collect::<Result<_, _>>()
            .map_err(UsageError::Recipe)?;
    }

    recipe.check(args.source_column.as_deref()).map_err(UsageError::Recipe)?;
    Ok(recipe)
}

/// Compiles the selectors and looks up the encoding, so that a mistake shows before a file is read.
pub fn check_recipe(spec: &JobSpec) -> Result<(), UsageError> {
    match Extractor::new(spec) {
        Ok(_) => Ok(()),
        Err(error) => {
            let pointer = error.pointer().map_or(String::new(), |pointer| format!("\n\n{pointer}"));
            Err(UsageError::Setup { reason: format!("{error}{pointer}"), hint: error.hint() })
        }
    }
}

/// Translates `--encoding`. An unknown name is refused by [`check_recipe`].
pub fn encoding(typed: &str) -> Encoding {
    match typed {
        name if name.eq_ignore_ascii_case("auto") => Encoding::Auto,
        name => Encoding::Named(name.into()),
    }
}

/// Reads the limits of a file.
pub fn limits(time: &str, memory: &str, retries: u32) -> Result<Limits, UsageError> {
    let typed = memory;
    let time = units::time("--time-limit", time)?;
    let memory = units::bytes("--memory-limit", typed)?;

    if memory < LEAST_MEMORY {
        let expected = format!("at least {} MiB", LEAST_MEMORY >> 20);
        return Err(units::value("--memory-limit", typed, &expected));
    }

    Ok(Limits { time, memory, retries })
}

fn read(path: &Path) -> Result<Recipe, UsageError> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| UsageError::RecipeUnreadable { path: path.into(), source })?;

    Recipe::from_toml(&text).map_err(|error| UsageError::RecipeFile {
        path: path.into(),
        source: column_error(&text).unwrap_or(error),
    })
}

/// The first column whose value is not an expression, as a typed error with a suggestion. The TOML
/// reader gives only the text of that error.
fn column_error(text: &str) -> Option<RecipeError> {
    #[derive(Deserialize)]
    struct Loose {
        column: Vec<LooseColumn>,
    }

    #[derive(Deserialize)]
    struct LooseColumn {
        name: String,
        value: String,
    }

    // Values as texts, so that TOML itself finds no mistake in them.
    let loose: Loose = toml::from_str(text).ok()?;
    loose
        .column
        .iter()
        .find_map(|column| format!("{}={}", column.name, column.value).parse::<Column>().err())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::errors::Failure;
    use crate::human::Paint;

    fn args() -> RecipeArgs {
        let encoding = "auto".into();
        RecipeArgs {
            record: None,
            columns: Vec::new(),
            recipe: None,
            source_column: None,
            encoding,
        }
    }

    #[test]
    fn each_option_takes_the_place_of_its_part() {
        assert_eq!(resolve(&args()).unwrap(), Recipe::default());
        let record = resolve(&RecipeArgs { record: Some("p".into()), ..args() }).unwrap();
        assert_eq!((record.record.as_str(), record.columns.len()), ("p", 3));
        let column =
            resolve(&RecipeArgs { columns: vec!["url=a::attr(href)".into()], ..args() }).unwrap();
        assert_eq!((column.record.as_str(), column.columns.len()), ("doc", 1));
    }

    #[test]
    fn a_wrong_recipe_column_gets_a_hint() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("shop.toml");
        std::fs::write(&path, "record = 'p'\n[[column]]\nname = 'price'\nvalue = '.price'\n")
            .unwrap();
        let failure = Failure::from(
            resolve(&RecipeArgs { recipe: Some(path.clone()), ..args() }).unwrap_err(),
        );
        let mut text = Vec::new();
        failure.write(&mut text, Paint::Plain).unwrap();
        let expected = format!(
            "error: could not read recipe `{}`\n  Caused by: column `price`: expected `[CSS selector]::text` or \
             `[CSS selector]::attr(NAME)`, got `.price`\n\nhint: did you mean `.price::text`?\n",
            path.display()
        );

        assert_eq!(String::from_utf8(text).unwrap(), expected);
    }

    #[test]
    fn toml_errors_in_recipes_name_the_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("shop.toml");
        std::fs::write(&path, "record = 'p'\ncolumn ==\n").unwrap();
        let error = resolve(&RecipeArgs { recipe: Some(path), ..args() }).unwrap_err();
        assert!(std::error::Error::source(&error).unwrap().to_string().contains("line 2"));
        assert!(matches!(
            resolve(&RecipeArgs { recipe: Some("absent.toml".into()), ..args() }),
            Err(UsageError::RecipeUnreadable { .. })
        ));
    }

    #[test]
    fn the_source_column_must_not_repeat_a_name() {
        let error =
            resolve(&RecipeArgs { source_column: Some("title".into()), ..args() }).unwrap_err();
        assert_eq!(error.to_string(), "two columns are named `title`");
    }

    #[test]
    fn too_small_a_memory_limit_is_refused() {
        let limits = |memory: &str| limits("1s", memory, 2);
        assert!(limits("64MiB").is_ok());
        assert!(limits("1M").unwrap_err().to_string().contains("at least 64 MiB"));
    }
}
