//! How CSV is written.

use sheaf_common::job::CsvStyle;
use sheaf_format::CsvUse;

use super::{Output, UsageError, units};
use crate::cli::{CsvArgs, FormulasArg};

/// The style that the arguments ask for.
///
/// # Errors
/// A delimiter that cannot be one, or an option that applies to none of `outputs`.
pub fn resolve(args: &CsvArgs, outputs: &[Output]) -> Result<CsvStyle, UsageError> {
    let uses: Vec<CsvUse> = outputs.iter().map(|output| output.form.format.csv_use()).collect();
    let csv = uses.contains(&CsvUse::All);
    let any = csv || uses.contains(&CsvUse::OwnDelimiter);

    let typed = [
        ("--csv-bom", args.csv_bom, any),
        // The delimiter of a tab-separated output is fixed.
        ("--csv-delimiter", args.csv_delimiter.is_some(), csv),
        ("--csv-newline", args.csv_newline.is_some(), any),
        ("--csv-formulas", args.csv_formulas.is_some(), any),
    ];
    if let Some((option, ..)) = typed.iter().find(|(_, typed, allowed)| *typed && !allowed) {
        return Err(UsageError::NoCsvOutput(option));
    }

    Ok(CsvStyle {
        bom: args.csv_bom,
        delimiter: args.csv_delimiter.as_deref().map_or(Ok(','), delimiter)?,
        newline: args.csv_newline.map(Into::into),
        escape_formulas: args.csv_formulas == Some(FormulasArg::Escape),
    })
}

fn delimiter(typed: &str) -> Result<char, UsageError> {
    let mut characters = typed.chars();
    match (characters.next(), characters.next()) {
        // In most shells a typed `\t` arrives as these two characters.
        _ if typed.eq_ignore_ascii_case("tab") || typed == "\\t" => Ok('\t'),
        // A delimiter that occurs in the syntax of CSV, or that readers drop, would break the
        // cells.
        (Some('"' | '\r' | '\n' | '\0' | '\u{feff}'), None) | (None, _) | (_, Some(_)) => {
            let expected = "one character that is neither a quote nor a line end, or `tab`";
            Err(units::value("--csv-delimiter", typed, expected))
        }
        (Some(one), None) => Ok(one),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delimiter_is_one_character_or_tab() {
        for (typed, expected) in
            [(";", ';'), ("|", '|'), ("tab", '\t'), ("TAB", '\t'), ("\\t", '\t'), ("¦", '¦')]
        {
            assert_eq!(delimiter(typed).unwrap(), expected);
        }
        for typed in ["", "ab", "\"", "\n", "\r\n"] {
            assert!(
                delimiter(typed).unwrap_err().to_string().contains("expected one character"),
                "{typed:?}"
            );
        }
    }
}
