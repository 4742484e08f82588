//! The interface of the service as methods.

use ureq::http::Method;

use super::ClientError;
use super::address::escaped;
use super::http::{Ask, Server};
use crate::api::{
    AskContents, Cancel, ChangeJob, Explanation, FilePage, Hash, Job, JobId, JobPage,
    MissingContent, MissingContents, Retry, Service, State,
};

/// Which jobs are asked for. Absent parts do not matter.
#[derive(Debug, Clone, Default)]
pub struct JobFilter {
    pub states: Vec<State>,
    /// A part of the name.
    pub name: Option<String>,
    /// Submitted since then, RFC 3339.
    pub since: Option<String>,
    pub select: Option<String>,
}

/// Which files of a job are asked for.
#[derive(Debug, Clone, Default)]
pub struct FileFilter {
    /// Only those that failed.
    pub failed: bool,
    /// Only those that failed for this kind of problem.
    pub kind: Option<String>,
}

/// The most jobs and files of a page.
const PAGE: usize = 1000;

impl Server {
    /// The service itself.
    ///
    /// # Errors
    /// As for all of these: no service, or it refuses.
    pub fn service(&self) -> Result<Service, ClientError> {
        self.json(&Ask::get("/v1/service"))
    }

    /// The job of an id.
    pub fn job(&self, id: &JobId) -> Result<Job, ClientError> {
        self.json(&Ask::get(job_path(id, "")))
    }

    /// The jobs that a filter lets pass, the newest first, and at most `most`; and how many there
    /// are in all.
    pub fn jobs(&self, filter: &JobFilter, most: usize) -> Result<(Vec<Job>, u64), ClientError> {
        let mut jobs = Vec::new();
        let mut after: Option<String> = None;

        loop {
            let limit = (most - jobs.len()).min(PAGE);
            let path = jobs_path(filter, limit, after.as_deref());
            let page: JobPage = self.json(&Ask::get(path))?;

            // A page without jobs would never end.
            let is_last = page.jobs.is_empty() || page.next.is_none();
            jobs.extend(page.jobs);
            if is_last || jobs.len() >= most {
                jobs.truncate(most);
                return Ok((jobs, page.total));
            }

            after = page.next;
        }
    }

    /// Ends a job.
    pub fn cancel(&self, id: &JobId, reason: Option<&str>) -> Result<Job, ClientError> {
        let cancel = Cancel { reason: reason.map(Into::into) };
        self.send_json(Method::POST, job_path(id, "/cancel"), &cancel)
    }

    /// Lets a job rest.
    pub fn pause(&self, id: &JobId) -> Result<Job, ClientError> {
        self.json(&Ask::new(Method::POST, job_path(id, "/pause")))
    }

    /// Lets a job go on.
    pub fn resume(&self, id: &JobId) -> Result<Job, ClientError> {
        self.json(&Ask::new(Method::POST, job_path(id, "/resume")))
    }

    /// Reads the failed files of a job again; only those of some kinds, if any are given.
    pub fn retry(&self, id: &JobId, kinds: &[String]) -> Result<Job, ClientError> {
        let retry = Retry { kinds: kinds.to_vec() };
        self.send_json(Method::POST, job_path(id, "/retry"), &retry)
    }

    /// Changes a job.
    pub fn change(&self, id: &JobId, change: &ChangeJob) -> Result<Job, ClientError> {
        self.send_json(Method::PATCH, job_path(id, ""), change)
    }

    /// Removes a finished job, with its outputs.
    pub fn remove(&self, id: &JobId) -> Result<(), ClientError> {
        self.ask(&Ask::new(Method::DELETE, job_path(id, ""))).map(drop)
    }

    /// Why a job does not run, or not faster.
    pub fn explain(&self, id: &JobId) -> Result<Explanation, ClientError> {
        self.json(&Ask::get(job_path(id, "/explain")))
    }

    /// Some files of a job, from `offset` on; at most `most`, and at most 1000.
    pub fn files(
        &self,
        id: &JobId,
        filter: &FileFilter,
        offset: u64,
        most: usize,
    ) -> Result<FilePage, ClientError> {
        let mut path = job_path(id, "/files");
        path.push_str(&format!("?offset={offset}&limit={}", most.min(PAGE)));
        if filter.failed || filter.kind.is_some() {
            path.push_str("&status=failed");
        }
        if let Some(kind) = &filter.kind {
            path.push_str(&format!("&kind={}", escaped(kind)));
        }

        self.json(&Ask::get(path))
    }

    /// The summary of a finished job, as JSON.
    pub fn summary(&self, id: &JobId) -> Result<serde_json::Value, ClientError> {
        self.json(&Ask::get(job_path(id, "/summary")))
    }

    /// The contents that the service lacks. At most [`crate::api::MOST_ASKED`] may be asked for.
    pub fn missing(&self, sha256: Vec<Hash>) -> Result<Vec<MissingContent>, ClientError> {
        let ask = AskContents { sha256 };
        let path = "/v1/contents/missing".into();
        let answer: MissingContents = self.send_json(Method::POST, path, &ask)?;

        Ok(answer.missing)
    }
}

/// The path of a job, or of something below it.
pub(super) fn job_path(id: &JobId, below: &str) -> String {
    format!("/v1/jobs/{}{below}", escaped(id.as_str()))
}

fn jobs_path(filter: &JobFilter, limit: usize, after: Option<&str>) -> String {
    let words: Vec<&str> = filter.states.iter().map(|state| state.word()).collect();
    let states = (!words.is_empty()).then(|| words.join(","));

    let parts = [
        ("state", states.as_deref()),
        ("name", filter.name.as_deref()),
        ("since", filter.since.as_deref()),
        ("select", filter.select.as_deref()),
        ("after", after),
    ];

    let mut path = format!("/v1/jobs?limit={limit}");
    for (name, value) in parts {
        if let Some(value) = value {
            path.push_str(&format!("&{name}={}", escaped(value)));
        }
    }

    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_is_a_query() {
        let filter = JobFilter {
            states: vec![State::Done, State::OverBudget],
            name: Some("a b&c".into()),
            ..JobFilter::default()
        };

        let path = jobs_path(&filter, 7, Some("x=1"));
        assert_eq!(path, "/v1/jobs?limit=7&state=done%2Cover-budget&name=a%20b%26c&after=x%3D1");
        assert_eq!(jobs_path(&JobFilter::default(), 20, None), "/v1/jobs?limit=20");
    }

    #[test]
    fn an_id_is_escaped_in_paths() {
        let id: JobId = "a@b+c".parse().unwrap();
        assert_eq!(job_path(&id, "/log"), "/v1/jobs/a%40b%2Bc/log");
    }
}
