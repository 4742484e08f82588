//! The plan of one run: it follows from the kind and the seed alone.

use std::time::Duration;

use sheaf_common::fit;

use super::dice::Dice;
use super::kind::Kind;

/// The most workers beyond those that a kind needs.
const MORE_WORKERS: u64 = 2;

/// The plan of one run.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    pub seed: u64,
    pub kind: Kind,
    /// The number of workers at the start.
    pub workers: usize,
    pub bytes_servers: usize,
    /// The share of the output at which the fault begins, in percent; for a second strike, the
    /// further share until then.
    pub moments: Vec<u64>,
    /// The length of each strike.
    pub hold: Duration,
    /// The victim among several, modulo their number.
    pub victim: usize,
    /// For decisions during the run.
    pub dice: Dice,
}

impl Plan {
    pub fn new(kind: &Kind, seed: u64) -> Self {
        let mut dice = Dice::named(seed, &kind.name);

        let workers = kind.workers + fit::size(dice.between(0, MORE_WORKERS));
        let bytes_servers = if kind.needs_bytes_servers() {
            fit::size(dice.between(1, 2))
        } else {
            // Most runs have none, like most users.
            fit::size(dice.between(0, 4).saturating_sub(2))
        };

        // Many keys are on the servers only at the beginning.
        let mut moments =
            vec![if kind.strikes_keys() { dice.between(3, 15) } else { dice.between(5, 45) }];
        if !kind.is_once() && dice.between(0, 1) == 1 {
            moments.push(dice.between(10, 25));
        }

        let hold = kind.hold.length(&mut dice);
        let victim = dice.index(1 << 16);
        Plan { seed, kind: kind.clone(), workers, bytes_servers, moments, hold, victim, dice }
    }
}

/// The plans of `runs` runs. They take the kinds in turn, each with the next seed.
pub fn plans(kinds: &[Kind], seed: u64, runs: usize) -> Vec<Plan> {
    let numbered = (seed..).zip(kinds.iter().cycle());
    numbered.take(runs).map(|(seed, kind)| Plan::new(kind, seed)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::faults::kind::Hold;
    use crate::faults::kinds;

    #[test]
    fn the_same_seed_gives_the_same_plans() {
        let kinds = kinds::all();
        assert_eq!(plans(&kinds, 7, 300), plans(&kinds, 7, 300));
        assert_ne!(plans(&kinds, 7, 300), plans(&kinds, 8, 300));
    }

    #[test]
    fn seed_and_kind_reproduce_a_single_run() {
        let kinds = kinds::all();
        let planned = &plans(&kinds, 100, 50)[31];
        let again = plans(
            &kinds::named(std::slice::from_ref(&planned.kind.name)).unwrap(),
            planned.seed,
            1,
        );
        assert_eq!(again, std::slice::from_ref(planned));
    }

    #[test]
    fn plans_meet_the_needs_of_their_kind() {
        for plan in plans(&kinds::all(), 1, 2_000) {
            let kind = &plan.kind;
            assert!(plan.workers >= kind.workers && plan.workers >= 1, "{plan:?}");
            assert!(plan.bytes_servers > 0 || !kind.needs_bytes_servers(), "{plan:?}");
            assert!(
                plan.moments.iter().sum::<u64>() <= 70
                    && plan.moments.iter().all(|percent| *percent >= 3),
                "{plan:?}"
            );
            assert!(!kind.is_once() || plan.moments.len() == 1, "{plan:?}");
            assert!(kind.hold != Hold::Long || plan.hold.as_secs() >= 18, "{plan:?}");
        }
    }
}
