//! Jobs of different priorities.

use sheaf_common::job::{Class, JobId};
use sheaf_common::queue::{JobOwner, Priority, Queue};

use super::{take, take_one};
use crate::both::Both;
use crate::make::{addressed, id, leases, nap_of, naps};

/// Opens jobs with these priorities.
async fn open(queue: &Both<impl Queue>, jobs: &[(u64, Priority)]) {
    for (job, priority) in jobs {
        let owner = JobOwner { priority: *priority, ..JobOwner::default() };
        queue.open(JobId(*job), owner).await.unwrap();
    }
}

/// The jobs of the next tasks, leased one by one.
async fn turns(queue: &Both<impl Queue>, count: usize) -> Vec<u64> {
    let mut turns = Vec::new();
    for _ in 0..count {
        turns.push(take(queue, "a", 1).await[0].task.id.job.0);
    }
    turns
}

pub async fn higher_priorities_go_first(queue: Both<impl Queue>) {
    open(&queue, &[(1, Priority::Low), (2, Priority::Normal), (3, Priority::High)]).await;
    for job in 1..=3 {
        queue.push_as(JobId(job), &naps(job, 0..2)).await.unwrap();
    }

    assert_eq!(turns(&queue, 3).await, [3, 3, 2]);

    // Also when one call leases tasks of several priorities, and what comes later.
    queue.push_as(JobId(3), &naps(3, 2..3)).await.unwrap();
    let leased = take(&queue, "a", 9).await;
    let jobs: Vec<u64> = leased.iter().map(|leased| leased.task.id.job.0).collect();
    assert_eq!(jobs, [3, 2, 1, 1]);
    assert!(queue.extend_if_held(leases(&leased)).await.unwrap().is_empty());
}

pub async fn jobs_of_one_priority_take_turns(queue: Both<impl Queue>) {
    open(&queue, &[(1, Priority::Low), (2, Priority::High), (3, Priority::High)]).await;
    for job in 1..=3 {
        queue.push_as(JobId(job), &naps(job, 0..4)).await.unwrap();
    }

    let first = turns(&queue, 8).await;
    for round in first.chunks(2) {
        assert!(matches!(round, [2, 3] | [3, 2]), "{first:?}");
    }
    assert_eq!(turns(&queue, 4).await, [1; 4]);
}

pub async fn priority_goes_before_the_class(queue: Both<impl Queue>) {
    open(&queue, &[(1, Priority::Normal), (2, Priority::High)]).await;
    queue.push(&[nap_of(id(1, Class::Repair, 0)), addressed(1, 1, "a")]).await.unwrap();
    queue.push_as(JobId(2), &naps(2, 0..1)).await.unwrap();
    queue.push_as(JobId(2), &[nap_of(id(2, Class::Render, 5))]).await.unwrap();

    let mut order = Vec::new();
    for _ in 0..4 {
        let task = take_one(&queue, "a").await.task.id;
        order.push((task.job.0, task.class));
    }
    let (high, normal) = (2, 1);
    assert_eq!(
        order,
        [
            (high, Class::Render),
            (high, Class::Extract),
            (normal, Class::Repair),
            (normal, Class::Render)
        ]
    );
}

pub async fn a_waiting_job_changes_its_priority(queue: Both<impl Queue>) {
    open(&queue, &[(1, Priority::Normal), (2, Priority::Normal)]).await;
    for job in 1..=2 {
        queue.push(&naps(job, 0..20)).await.unwrap();
    }

    queue.prioritise(JobId(2), Priority::High).await.unwrap();
    assert_eq!(turns(&queue, 4).await, [2; 4]);
    queue.prioritise(JobId(2), Priority::Low).await.unwrap();
    assert_eq!(turns(&queue, 4).await, [1; 4]);

    // Back among equals, both take turns.
    queue.prioritise(JobId(2), Priority::Normal).await.unwrap();
    let mut both = turns(&queue, 6).await;
    both.sort_unstable();
    assert_eq!(both[2..4], [1, 2], "{both:?}");
}

pub async fn a_change_outlasts_an_empty_queue(queue: Both<impl Queue>) {
    open(&queue, &[(1, Priority::Normal), (2, Priority::Normal)]).await;
    queue.prioritise(JobId(2), Priority::High).await.unwrap();
    assert_eq!(take(&queue, "a", 9).await, []);

    queue.push(&naps(1, 0..2)).await.unwrap();
    let tasks = naps(2, 0..2);
    queue.push_as(JobId(2), &tasks).await.unwrap();
    assert_eq!(turns(&queue, 4).await, [2, 2, 1, 1]);
}

pub async fn capacity_counts_jobs_not_below(queue: Both<impl Queue>) {
    open(&queue, &[(1, Priority::Low), (2, Priority::Normal), (3, Priority::High)]).await;
    let jobs = async |job| queue.capacity_of(JobId(job)).await.unwrap().jobs;
    assert_eq!([jobs(1).await, jobs(2).await, jobs(3).await], [3, 2, 1]);

    queue.prioritise(JobId(1), Priority::High).await.unwrap();
    assert_eq!([jobs(1).await, jobs(2).await, jobs(3).await], [2, 3, 2]);

    queue.end(JobId(3)).await.unwrap();
    assert_eq!([jobs(1).await, jobs(2).await], [1, 2]);
}
