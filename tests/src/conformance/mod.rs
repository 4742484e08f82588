//! The rules for every queue, whatever its engine.
//!
//! A case is a function over the trait. It gets its own queue, whose leases last [`LEASE`].
//! [`for_every_case!`](crate::for_every_case) turns each case into a test of one engine.
//!
//! * [`leasing`]: order, turns, counts, waiting.
//! * [`fencing`]: only the holder of a lease may finish.
//! * [`outcomes`]: collect, notify, rows.
//! * [`supply`]: push, missing, close.
//! * [`deaths`]: giving back, and the notes on a task.
//! * [`crowd`]: many workers at once.

use std::time::Duration;

use sheaf_common::queue::{Leased, Queue};

use crate::both::Both;
use crate::make::worker;

pub mod crowd;
pub mod deaths;
pub mod fencing;
pub mod leasing;
pub mod outcomes;
pub mod priorities;
pub mod supply;

/// The length of leases in these tests: short enough to wait for, long enough not to end by
/// accident.
pub const LEASE: Duration = Duration::from_millis(600);

/// A wait that is long enough for anything that is there or sure to come.
pub const PATIENTLY: Duration = Duration::from_secs(20);

/// Leases tasks without waiting.
pub async fn take<Q: Queue>(queue: &Both<Q>, name: &str, most: usize) -> Vec<Leased> {
    queue.lease(&worker(name), most, Duration::ZERO).await.unwrap()
}

/// Waits for a task and leases it.
pub async fn take_one<Q: Queue>(queue: &Both<Q>, name: &str) -> Leased {
    let mut leased = queue.lease(&worker(name), 1, PATIENTLY).await.unwrap();
    leased.pop().expect("a task within the deadline")
}

/// Makes a `#[tokio::test]` of every case. `$run` gets the name of the case, and the case.
#[macro_export]
macro_rules! for_every_case {
    ($run:path) => {
        $crate::for_every_case! { $run;
            leasing: the_first_pushed_goes_first,
                repair_goes_before_render_and_render_before_extract, jobs_take_turns,
                a_small_job_overtakes_a_large_one, deliveries_are_counted,
                an_empty_queue_answers_in_time, a_push_wakes_a_waiting_worker,
                a_lease_of_nothing_is_nothing, a_task_comes_back_as_it_was_pushed,
                a_caller_that_gives_up_loses_no_task, an_addressed_task_goes_to_its_worker_alone;
            fencing: an_ended_lease_goes_before_new_tasks, a_stale_finish_stores_nothing,
                a_lease_finishes_once, an_extended_lease_holds, a_stale_lease_is_not_extended,
                a_released_task_is_leased_again_at_once, a_stale_release_changes_nothing,
                a_lease_from_elsewhere_holds_nothing, a_late_finish_counts_until_another_leases,
                one_call_may_hold_stale_and_valid_outcomes;
            outcomes: outcomes_come_in_the_order_of_finishing, an_outcome_is_collected_once,
                collect_obeys_its_limit, a_finish_wakes_the_collector,
                jobs_do_not_see_each_others_outcomes, news_ends_no_task,
                rows_stay_until_they_are_forgotten, rows_handed_over_can_be_fetched,
                unknown_rows_are_none, a_coordinator_puts_and_reads_rows;
            priorities: higher_priorities_go_first, jobs_of_one_priority_take_turns,
                priority_goes_before_the_class, a_waiting_job_changes_its_priority,
                a_change_outlasts_an_empty_queue, capacity_counts_jobs_not_below;
            supply: a_task_is_pushed_once, a_finished_task_may_be_pushed_again,
                missing_names_unknown_tasks, close_makes_leases_stale_and_removes_all,
                a_closed_job_may_begin_again;
            deaths: a_task_given_back_goes_to_others_first, an_unwanted_task_returns_to_its_giver,
                a_finished_task_loses_its_notes, a_stale_lease_notes_and_gives_back_nothing,
                a_worker_without_others_has_none;
            crowd: each_task_is_finished_once, tasks_survive_consumers_that_vanish;
        }
    };
    ($run:path; $($theme:ident: $($case:ident),+;)+) => {
        $($(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                $run(stringify!($case), $crate::conformance::$theme::$case).await;
            }
        )+)+
    };
}
