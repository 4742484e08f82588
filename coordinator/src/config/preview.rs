//! The settings of `sheaf preview`.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use sheaf_common::job::{Compression, CsvStyle, JobSpec, LongCells};

use super::{UsageError, recipe};
use crate::cli::{PreviewArgs, ViewArg};

/// The settings of a preview, checked.
#[derive(Debug, Clone)]
pub struct PreviewConfig {
    /// The same as for a run with these options, but without outputs.
    pub spec: JobSpec,
    pub file: PathBuf,
    pub view: ViewArg,
    /// The most rows to show.
    pub rows: NonZeroUsize,
}

impl PreviewConfig {
    /// # Errors
    /// The first argument that cannot be used.
    pub fn resolve(args: &PreviewArgs) -> Result<Self, UsageError> {
        let spec = JobSpec {
            recipe: recipe::resolve(&args.recipe)?,
            source_column: args.recipe.source_column.clone(),
            encoding: recipe::encoding(&args.recipe.encoding),
            long_cells: LongCells::Overflow,
            compression: Compression::Fast,
            sheet_name: "rows".into(),
            renderings: Vec::new(),
            csv: CsvStyle::default(),
            per_file: false,
            keep_rows: false,
            // No retries: the user waits, and can try again.
            limits: recipe::limits(&args.limits.time_limit, &args.limits.memory_limit, 0)?,
        };

        recipe::check_recipe(&spec)?;
        Ok(PreviewConfig { spec, file: args.file.clone(), view: args.view, rows: args.rows })
    }
}
