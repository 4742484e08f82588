//! Decides what of an earlier run is reused, and says it if that is nothing.

use std::path::Path;
use std::sync::Arc;

use sheaf_common::job::JobSpec;

use super::contents::Contents;
use super::failure::could_not_run;
use super::identity::Identity;
use crate::config::RunConfig;
use crate::discover::Sources;
use crate::errors::Failure;
use crate::report::{Notice, Observer};
use crate::reuse::{Reuser, fit};
use crate::spool::Spool;

/// What a run keeps and reuses; `None`: nothing.
///
/// # Errors
/// When nothing can be kept in the folder of the run.
pub fn reuser(
    config: &RunConfig,
    sources: &Arc<Sources>,
    contents: &Contents,
    spool: &Spool,
    observer: &mut dyn Observer,
) -> Result<Option<Arc<Reuser>>, Failure> {
    if !config.keeps() && config.reuse.earlier.is_none() {
        return Ok(None);
    }

    let spec = Arc::new(spec(config));
    let again = config.reuse.again.clone();
    let mut reuser = Reuser::new(spec, Arc::clone(sources), contents.clone(), again);
    let now = Identity::of(config);

    let mut reuse = |folder: &Path, is_own: bool| {
        let fit = fit(&now, folder);
        if !fit.rows && !is_own {
            observer.notice(&Notice::NothingReused(fit.differences.clone()));
        }

        reuser.reuse(folder, is_own, &fit);
    };

    // The most recent first: what this run kept before it was interrupted.
    if config.keeps() {
        reuse(spool.folder(), true);
        if let Some(earlier) = spool.earlier() {
            reuse(&earlier, false);
        }
    }
    if let Some(other) = &config.reuse.earlier {
        reuse(other, false);
    }

    if config.keeps() {
        reuser.keep_in(spool.folder()).map_err(could_not_run)?;
    }

    Ok(Some(Arc::new(reuser)))
}

/// The settings of the job as workers get them.
pub fn spec(config: &RunConfig) -> JobSpec {
    JobSpec { keep_rows: config.keeps(), ..config.spec.clone() }
}
