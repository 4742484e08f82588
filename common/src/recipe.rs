//! The recipe: what to extract from a file.
//!
//! A record is a CSS selector; a column is a name and an [`Expression`]. Selectors are only text
//! here: `sheaf_worker::extract::selectors` compiles them, and finds those that are not valid CSS.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::cell::SHEET_COLUMNS;
use crate::xpath;

/// Says what to extract: which elements become rows, and the texts of their cells.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// The CSS selector of the elements that become rows.
    pub record: String,
    /// The columns, in order; at least one.
    #[serde(rename = "column")]
    pub columns: Vec<Column>,
}

/// A column of the sheet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Column {
    pub name: String,
    pub value: Expression,
}

/// Where a cell's text comes from: `[CSS selector]::text` or `[CSS selector]::attr(NAME)`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Expression {
    /// Selects an element within the record, the first match; `None`: the record itself.
    pub selector: Option<String>,
    pub take: Take,
}

/// The part of an element that a cell takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Take {
    /// All text inside it, descendants included.
    Text,
    /// The value of an attribute.
    Attribute(String),
}

/// Why a recipe cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecipeError {
    #[error("column `{name}`: {source}")]
    Column { name: String, source: ExpressionError },
    #[error("two columns are named `{0}`")]
    TwoColumns(String),
    #[error("a column has an empty name")]
    EmptyName,
    #[error("a recipe needs at least one column")]
    NoColumn,
    #[error("{0} columns, a sheet holds at most {SHEET_COLUMNS}")]
    TooManyColumns(usize),
    #[error("expected `NAME=EXPRESSION`, got `{0}`")]
    NotAPair(String),
    #[error("{0}")]
    Toml(String),
}

/// Why a text is not an [`Expression`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpressionError {
    pub found: String,
    pub wrong: Wrong,
    /// A guess at the intended expression; `None` for XPath that CSS cannot say.
    pub meant: Option<String>,
}

/// The fault in a text that is not an [`Expression`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wrong {
    /// The end, `::text` or `::attr(NAME)`, is missing.
    NoEnd,
    /// The end is neither of these.
    End,
    XPath,
}

impl std::error::Error for ExpressionError {}

impl fmt::Display for ExpressionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let found = &self.found;
        match self.wrong {
            Wrong::NoEnd => {
                write!(
                    f,
                    "expected `[CSS selector]::text` or `[CSS selector]::attr(NAME)`, got `{found}`"
                )
            }
            Wrong::End => f.write_str("expected `::text` or `::attr(NAME)` at the end"),
            Wrong::XPath => {
                write!(
                    f,
                    "expected `[CSS selector]::text` or `[CSS selector]::attr(NAME)`, got the XPath `{found}`"
                )
            }
        }
    }
}

impl Default for Recipe {
    /// WikiExtractor's `<doc id title>text</doc>`.
    fn default() -> Self {
        let attribute = |name: &str| Column {
            name: name.into(),
            value: Expression { selector: None, take: Take::Attribute(name.into()) },
        };

        let text =
            Column { name: "text".into(), value: Expression { selector: None, take: Take::Text } };
        Recipe { record: "doc".into(), columns: vec![attribute("id"), attribute("title"), text] }
    }
}

impl Recipe {
    /// Reads a recipe file.
    ///
    /// # Errors
    /// [`RecipeError::Toml`] with the line and the reason, or what [`Recipe::check`] finds.
    pub fn from_toml(text: &str) -> Result<Self, RecipeError> {
        let recipe: Recipe = toml::from_str(text)
            .map_err(|error| RecipeError::Toml(error.to_string().trim_end().into()))?;
        recipe.check(None)?;
        Ok(recipe)
    }

    /// Checks the columns as a whole; `source_column` is the name of the added column, if any.
    ///
    /// # Errors
    /// The first of: no column, an empty name, a name given twice, more columns than a sheet holds.
    pub fn check(&self, source_column: Option<&str>) -> Result<(), RecipeError> {
        if self.columns.is_empty() {
            return Err(RecipeError::NoColumn);
        }

        // The source column is a column of the sheet like the others.
        let mut seen = std::collections::HashSet::new();
        let names = self.columns.iter().map(|column| column.name.as_str()).chain(source_column);
        for (index, name) in names.enumerate() {
            if name.is_empty() {
                return Err(RecipeError::EmptyName);
            }

            if !seen.insert(name) {
                return Err(RecipeError::TwoColumns(name.into()));
            }

            if index >= SHEET_COLUMNS {
                return Err(RecipeError::TooManyColumns(index + 1));
            }
        }
        Ok(())
    }
}

impl FromStr for Column {
    type Err = RecipeError;

    /// Reads `NAME=EXPRESSION`, as it is typed after `--column`.
    fn from_str(typed: &str) -> Result<Self, RecipeError> {
        // The `=` in `a[href="x"]::text` does not follow a name: that is an expression alone.
        let is_name = |name: &str| {
            name.matches('[').count() == name.matches(']').count() && !xpath::is_xpath(name)
        };

        let pair = typed.split_once('=').filter(|(name, _)| is_name(name));
        let (name, value) = pair.ok_or_else(|| RecipeError::NotAPair(typed.into()))?;

        let value =
            value.parse().map_err(|source| RecipeError::Column { name: name.into(), source })?;
        Ok(Column { name: name.trim().into(), value })
    }
}

impl FromStr for Expression {
    type Err = ExpressionError;

    fn from_str(typed: &str) -> Result<Self, ExpressionError> {
        let wrong = || {
            let (wrong, meant) = if xpath::is_xpath(typed) {
                (Wrong::XPath, xpath::expression(typed))
            } else {
                let wrong = if typed.contains("::") { Wrong::End } else { Wrong::NoEnd };
                (wrong, Some(guess(typed)))
            };
            ExpressionError { found: typed.into(), wrong, meant }
        };

        // The last `::`, as selectors may have pseudo-elements of their own.
        let (selector, what) = typed.rsplit_once("::").ok_or_else(wrong)?;
        let take = match what.trim() {
            "text" => Take::Text,
            other => {
                let name = other
                    .strip_prefix("attr(")
                    .and_then(|rest| rest.strip_suffix(')'))
                    .ok_or_else(wrong)?
                    .trim();
                // No attribute has such a name.
                if name.is_empty()
                    || name.contains(|c: char| c.is_whitespace() || "()\"'".contains(c))
                {
                    return Err(wrong());
                }
                Take::Attribute(name.into())
            }
        };

        let selector = selector.trim();
        Ok(Expression { selector: (!selector.is_empty()).then(|| selector.into()), take })
    }
}

/// Guesses the expression that was meant by `typed`.
fn guess(typed: &str) -> String {
    let typed = typed.trim();
    let (selector, what) = typed.rsplit_once("::").unwrap_or((typed, ""));

    // As in `a@href` or `a/@href`.
    if let Some((selector, name)) = typed.rsplit_once('@') {
        return format!("{}::attr({})", selector.trim_end_matches('/'), name);
    }

    // Longer words first, as they begin with the shorter ones.
    let argument = ["attributes", "attribute", "attrs", "attr", "@"]
        .iter()
        .find_map(|word| what.strip_prefix(word));

    if let Some(argument) = argument {
        let name: String =
            argument.chars().filter(|c| c.is_alphanumeric() || "-_:".contains(*c)).collect();
        return format!("{selector}::attr({})", if name.is_empty() { "NAME" } else { &name });
    }

    format!("{}::text", selector.strip_suffix(":text").unwrap_or(selector))
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.selector.as_deref().unwrap_or_default())?;
        match &self.take {
            Take::Text => f.write_str("::text"),
            Take::Attribute(name) => write!(f, "::attr({name})"),
        }
    }
}

impl TryFrom<String> for Expression {
    type Error = ExpressionError;

    fn try_from(typed: String) -> Result<Self, ExpressionError> {
        typed.parse()
    }
}

impl From<Expression> for String {
    fn from(expression: Expression) -> String {
        expression.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(typed: &str) -> Result<Expression, ExpressionError> {
        typed.parse()
    }

    #[test]
    fn expressions_are_read_and_written_back() {
        for typed in
            ["::text", "::attr(id)", "h1 > a::text", "a[href]::attr(href)", "p::first-line::text"]
        {
            assert_eq!(read(typed).unwrap().to_string(), typed);
        }

        assert_eq!(read(" a :: attr( href ) ").unwrap().to_string(), "a::attr(href)");
    }

    #[test]
    fn what_was_meant_is_guessed() {
        let meant = |typed| read(typed).unwrap_err().meant.unwrap();
        assert_eq!(meant(".price"), ".price::text");
        assert_eq!(meant(".price:text"), ".price::text");

        assert_eq!(meant("a@href"), "a::attr(href)");
        assert_eq!(meant("a::attr[href]"), "a::attr(href)");
        assert_eq!(meant("a::attr()"), "a::attr(NAME)");
        assert_eq!(meant("a::attribute(href)"), "a::attr(href)");
        assert_eq!(meant("::attrs[data-id]"), "::attr(data-id)");
        assert_eq!(meant("//a/@href"), "a::attr(href)");
        assert_eq!(meant("a::html"), "a::text");
    }

    #[test]
    fn an_expression_without_a_name_is_no_column() {
        for typed in ["a::text", "a[href=x]::text", "//a[@class='x']/@href"] {
            assert_eq!(
                typed.parse::<Column>(),
                Err(RecipeError::NotAPair(typed.into())),
                "{typed}"
            );
        }

        assert_eq!("x=a[href=x]::text".parse::<Column>().unwrap().name, "x");
    }

    #[test]
    fn the_default_is_what_the_design_says() {
        let text = "record = 'doc'\n[[column]]\nname = 'id'\nvalue = '::attr(id)'\n\
            [[column]]\nname = 'title'\nvalue = '::attr(title)'\n[[column]]\nname = 'text'\nvalue = '::text'\n";
        assert_eq!(Recipe::from_toml(text).unwrap(), Recipe::default());
    }

    #[test]
    fn a_wrong_recipe_file_is_explained() {
        let error = Recipe::from_toml("record = 'a'\n[[column]]\nname = 'x'\nvalue = '.price'\n")
            .unwrap_err()
            .to_string();
        assert!(error.contains("line 4") && error.contains("got `.price`"), "{error}");

        let twice = "record='a'\n[[column]]\nname='x'\nvalue='::text'\n[[column]]\nname='x'\nvalue='::text'\n";
        assert_eq!(Recipe::from_toml(twice).unwrap_err(), RecipeError::TwoColumns("x".into()));
        assert!(Recipe::from_toml("record='a'\ncolumns=[]").is_err());
    }

    #[test]
    fn the_source_column_must_not_repeat_a_name() {
        assert_eq!(Recipe::default().check(Some("id")), Err(RecipeError::TwoColumns("id".into())));
        assert_eq!(Recipe::default().check(Some("source")), Ok(()));
    }
}
