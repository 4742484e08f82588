//! How urgent a job is.

use serde::{Deserialize, Serialize};

/// How urgent a job is. As long as a job has tasks that wait, no worker leases one of a job of
/// lower priority; jobs of the same priority take turns.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Priority {
    Low,
    #[default]
    Normal,
    High,
}

impl Priority {
    /// All priorities, from the lowest to the highest.
    pub const ALL: [Priority; 3] = [Priority::Low, Priority::Normal, Priority::High];

    /// Its name in options and messages.
    pub fn name(self) -> &'static str {
        match self {
            Priority::Low => "low",
            Priority::Normal => "normal",
            Priority::High => "high",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::queue::JobOwner;

    #[test]
    fn priorities_are_ordered_and_named_in_json() {
        assert!(Priority::ALL.is_sorted());
        for priority in Priority::ALL {
            let name = format!("\"{}\"", priority.name());
            assert_eq!(serde_json::to_string(&priority).unwrap(), name);
        }
    }

    #[test]
    fn an_owner_of_before_is_normal() {
        let owner: JobOwner = serde_json::from_str(r#"{"host":"a","pid":1}"#).unwrap();
        assert_eq!(owner.priority, Priority::Normal);
    }
}
