//! The specification of a job: what decides the bytes of its outputs.

use sheaf_common::job::{Compression, Encoding, JobSpec, Limits, LongCells, Rendering};
use sheaf_common::recipe::Recipe;

use super::{Output, UsageError, column_names, csv, output, recipe, sheet_name};
use crate::cli::{CompressionArg, LongCellsArg, OutputArgs};

/// What a user wants, apart from the outputs.
pub struct Wanted {
    pub recipe: Recipe,
    pub source_column: Option<String>,
    pub encoding: Encoding,
    /// Whether every file also gets its own workbook.
    pub per_file: bool,
    pub limits: Limits,
}

impl Wanted {
    /// The specification, and the outputs.
    ///
    /// # Errors
    /// The first argument that cannot be used.
    pub fn resolve(self, args: &OutputArgs) -> Result<(JobSpec, Vec<Output>), UsageError> {
        let (outputs, renderings) = output::resolve(&args.outputs)?;
        sheet_name::check(&args.sheet_name)?;

        let spec = self.spec(args, &outputs, renderings)?;
        Ok((spec, outputs))
    }

    /// The specification of the job that writes `outputs`, whose renderings are `renderings`.
    ///
    /// # Errors
    /// When the style of CSV, the name of a column, a selector or the encoding cannot be used.
    pub fn spec(
        self,
        args: &OutputArgs,
        outputs: &[Output],
        renderings: Vec<Rendering>,
    ) -> Result<JobSpec, UsageError> {
        let spec = JobSpec {
            recipe: self.recipe,
            source_column: self.source_column,
            encoding: self.encoding,
            long_cells: args.long_cells.into(),
            compression: args.compression.into(),
            sheet_name: args.sheet_name.clone(),
            csv: csv::resolve(&args.csv, outputs)?,
            renderings,
            per_file: self.per_file,
            keep_rows: false,
            limits: self.limits,
        };

        // Only a workbook limits the length of a column's name.
        if spec.per_file || outputs.iter().any(|output| output.form.has_sheets()) {
            column_names::check(&spec)?;
        }

        recipe::check_recipe(&spec)?;
        Ok(spec)
    }
}

impl From<LongCellsArg> for LongCells {
    fn from(typed: LongCellsArg) -> Self {
        match typed {
            LongCellsArg::Overflow => LongCells::Overflow,
            LongCellsArg::Truncate => LongCells::Truncate,
            LongCellsArg::Fail => LongCells::Fail,
        }
    }
}

impl From<CompressionArg> for Compression {
    fn from(typed: CompressionArg) -> Self {
        match typed {
            CompressionArg::Fast => Compression::Fast,
            CompressionArg::Balanced => Compression::Balanced,
            CompressionArg::Small => Compression::Small,
        }
    }
}
