//! Column names that a workbook cannot hold.

use sheaf_common::cell::{CELL_UNITS, written_units};
use sheaf_common::job::JobSpec;

use super::UsageError;

/// How many characters of a long name a message shows.
const SHOWN: usize = 40;

/// Checks that every name fits the cell above its column. No other check is needed: characters that
/// XML cannot hold are escaped.
pub fn check(spec: &JobSpec) -> Result<(), UsageError> {
    match spec.columns().find(|name| written_units(name) > CELL_UNITS) {
        None => Ok(()),
        Some(long) => Err(UsageError::ColumnName {
            name: long.chars().take(SHOWN).chain(['…']).collect(),
            units: written_units(long),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_must_fit_a_cell_once_escaped() {
        let check =
            |name: String| check(&JobSpec { source_column: Some(name), ..JobSpec::default() });
        assert!(check("n".repeat(CELL_UNITS)).is_ok());
        assert!(check("n".repeat(CELL_UNITS + 1)).is_err());
        assert!(check("\r".repeat(CELL_UNITS / 7)).is_ok());
        let error = check("\r".repeat(CELL_UNITS / 7 + 1)).unwrap_err().to_string();
        assert!(error.contains("32,767") && error.len() < 300, "{error}");
    }
}
