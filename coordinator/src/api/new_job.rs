//! What clients ask for: a new job, and changes of one.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sheaf_common::fit;
use utoipa::ToSchema;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};

use super::{Inputs, JobId, JobOptions, Priority};

/// A job to be done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewJob {
    /// The caller's own name for the job. If there is one with this id, that one is the answer, and
    /// nothing else happens: safe to repeat.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<JobId>,
    /// For people; need not be unique.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 200)]
    pub name: Option<String>,
    #[serde(default)]
    pub priority: Priority,
    /// The job is ended early when more files fail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_failures: Option<FailureBudget>,
    #[serde(default)]
    pub options: JobOptions,
    pub inputs: Inputs,
}

/// A change of a job. Absent fields stay as they are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeJob {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 200)]
    pub name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<Priority>,
}

/// Ends a job.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Cancel {
    /// Why, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 1000)]
    pub reason: Option<String>,
}

/// Reads the failed files of a job again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Retry {
    /// Only files that failed for these kinds of problems, by their codes; empty: all failed files.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(example = json!(["time-limit"]))]
    pub kinds: Vec<String>,
}

/// How many files of a job may fail. In JSON: `"10"` or `"2.5%"`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum FailureBudget {
    Files(u64),
    /// Of all files of the job, from 0 to 100.
    Percent(f64),
}

/// A text that is not a [`FailureBudget`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a number of files, such as `10`, or a share of them, such as `5%`")]
pub struct BadBudget;

impl FailureBudget {
    /// The most of `files` files that may fail.
    pub fn of(self, files: u64) -> u64 {
        match self {
            FailureBudget::Files(most) => most,
            FailureBudget::Percent(percent) => fit::floor(files as f64 * percent / 100.0),
        }
    }
}

impl FromStr for FailureBudget {
    type Err = BadBudget;

    fn from_str(text: &str) -> Result<Self, BadBudget> {
        match text.strip_suffix('%') {
            Some(percent) => {
                let percent: f64 = percent.trim().parse().map_err(|_| BadBudget)?;
                let is_share = (0.0..=100.0).contains(&percent);
                if is_share { Ok(FailureBudget::Percent(percent)) } else { Err(BadBudget) }
            }
            // A sign is no part of a number of files.
            None if text.bytes().all(|byte| byte.is_ascii_digit()) => {
                text.parse().map(FailureBudget::Files).map_err(|_| BadBudget)
            }
            None => Err(BadBudget),
        }
    }
}

impl TryFrom<String> for FailureBudget {
    type Error = BadBudget;

    fn try_from(text: String) -> Result<Self, BadBudget> {
        text.parse()
    }
}

impl From<FailureBudget> for String {
    fn from(budget: FailureBudget) -> String {
        budget.to_string()
    }
}

impl fmt::Display for FailureBudget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FailureBudget::Files(most) => write!(f, "{most}"),
            FailureBudget::Percent(percent) => write!(f, "{percent}%"),
        }
    }
}

impl utoipa::PartialSchema for FailureBudget {
    fn schema() -> RefOr<Schema> {
        let schema = ObjectBuilder::new()
            .schema_type(Type::String)
            .pattern(Some(r"^([0-9]{1,18}|(100|[0-9]{1,2})(\.[0-9]{1,6})?%)$"))
            .description(Some("A number of files, or a share of them with `%`"));
        schema.into()
    }
}

impl ToSchema for FailureBudget {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_is_a_number_or_share() {
        let of = |text: &str| text.parse::<FailureBudget>().map(|budget| budget.of(250));

        assert_eq!(of("0"), Ok(0));
        assert_eq!(of("10"), Ok(10));
        assert_eq!(of("2.5%"), Ok(6));
        assert_eq!(of("100%"), Ok(250));
        for wrong in ["", "-1", "+1", "101%", "-1%", "NaN%", "%", "ten", "1.5"] {
            assert_eq!(of(wrong), Err(BadBudget), "{wrong}");
        }
    }
}
