//! The list of formats, found by extension or name.

use sheaf_common::job::{JobSpec, Packing, Rendering};

use crate::text::{self, Text};
use crate::workbook::Workbook;
use crate::{Counts, Format, OutputWriter, Place, UnitWriter};

/// All formats.
const ALL: &[&dyn Format] = &[
    // One line each; messages list their extensions in this order.
    &Workbook,
    &Text(text::csv::Csv),
    &Text(text::tsv::Tsv),
    &Text(text::json_lines::JsonLines),
];

/// The format of the files' own outputs.
const PER_FILE: Form = Form { format: &Workbook, packing: Packing::Plain };

/// The default format of standard output.
const STANDARD_OUTPUT: Form =
    Form { format: &Text(text::json_lines::JsonLines), packing: Packing::Plain };

/// A [`Rendering`] with its format found: the format, and how its outputs are packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Form {
    pub format: &'static dyn Format,
    pub packing: Packing,
}

/// A rendering names an unknown format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no format `{0}`")]
pub struct UnknownFormat(pub String);

impl Form {
    /// The form that a rendering names.
    ///
    /// # Errors
    /// [`UnknownFormat`]; never if the rendering was made by [`Form::rendering`].
    pub fn of(rendering: &Rendering) -> Result<Form, UnknownFormat> {
        let format = ALL.iter().find(|format| format.name() == rendering.format);
        let format = *format.ok_or_else(|| UnknownFormat(rendering.format.clone()))?;
        Ok(Form { format, packing: rendering.packing })
    }

    /// The form that the extension of a file name means, in upper case or lower; `None`: none does.
    /// A name that is nothing but an extension (`.csv`) is a hidden file without one.
    pub fn of_name(name: &str) -> Option<Form> {
        let name = name.to_lowercase();
        let is_meant = |extension: &str| name.ends_with(extension) && name.len() > extension.len();
        let (_, form) = extensions().into_iter().find(|(extension, _)| is_meant(extension))?;
        Some(form)
    }

    /// Its name in the settings of a job.
    pub fn rendering(self) -> Rendering {
        Rendering { format: self.format.name().into(), packing: self.packing }
    }

    /// Its name for people: `CSV, gzip`.
    pub fn title(self) -> String {
        let packing = self.packing.name().map_or(String::new(), |name| format!(", {name}"));
        format!("{}{packing}", self.format.title())
    }

    /// The usual extension of its outputs, with its dot.
    pub fn extension(self) -> String {
        format!("{}{}", self.format.extensions()[0], self.packing.extension())
    }

    /// The media type of its outputs, as HTTP names it.
    pub fn media_type(self) -> &'static str {
        match self.packing {
            Packing::Plain => self.format.media_type(),
            Packing::Gzip => "application/gzip",
            Packing::Zstd => "application/zstd",
        }
    }

    /// Whether its outputs have sheets, whose cells and rows have limits.
    pub fn has_sheets(self) -> bool {
        self.format.sheets(Counts::default()).is_some()
    }

    /// As [`Format::unit_writer`].
    pub fn unit_writer<'a>(self, spec: &'a JobSpec, place: Place) -> Box<dyn UnitWriter + 'a> {
        self.format.unit_writer(spec, self.packing, place)
    }

    /// As [`Format::output_writer`].
    pub fn output_writer<'a>(self, spec: &'a JobSpec) -> Box<dyn OutputWriter + 'a> {
        self.format.output_writer(spec, self.packing)
    }
}

/// Every known extension, with its dot, and its form; those of plain outputs come first.
pub fn extensions() -> Vec<(String, Form)> {
    let form = |format, extension: &str, packing: Packing| {
        (format!("{extension}{}", packing.extension()), Form { format, packing })
    };

    // Plain ones first, as messages list the most usual extensions first.
    let mut plain = Vec::new();
    let mut packed = Vec::new();
    for format in ALL.iter().copied() {
        for extension in format.extensions() {
            plain.push(form(format, extension, Packing::Plain));
            packed.extend(format.packings().iter().map(|kind| form(format, extension, *kind)));
        }
    }

    plain.extend(packed);
    plain
}

/// The form of the files' own outputs.
pub fn per_file() -> Form {
    PER_FILE
}

/// The default form of standard output.
pub fn standard_output() -> Form {
    STANDARD_OUTPUT
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_and_extensions_mean_one_form_each() {
        let names: HashSet<&str> = ALL.iter().map(|format| format.name()).collect();
        assert_eq!(names.len(), ALL.len());

        let extensions = extensions();
        let different: HashSet<&str> = extensions.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(different.len(), extensions.len());

        for (extension, form) in extensions {
            assert_eq!(Form::of_name(&format!("a.b{extension}")), Some(form));
            assert_eq!(Form::of_name(&format!("A{}", extension.to_uppercase())), Some(form));
            assert_eq!(Form::of_name(&extension), None, "a hidden file");
            assert_eq!(Form::of(&form.rendering()), Ok(form));
        }
    }

    #[test]
    fn extensions_come_plain_first() {
        let listed = extensions();
        assert_eq!(listed[0].0, ".xlsx");
        assert!(listed.is_sorted_by_key(|(_, form)| form.packing != Packing::Plain));
    }

    #[test]
    fn forms_are_called_by_format_and_packing() {
        let title = |name| Form::of_name(name).unwrap().title();
        assert_eq!(["a.xlsx", "a.csv", "a.tsv"].map(title), ["workbook", "CSV", "tab-separated"]);
        assert_eq!(title("a.jsonl"), "JSON lines");
        assert_eq!(["a.csv.gz", "a.tsv.zst"].map(title), ["CSV, gzip", "tab-separated, zstd"]);
    }

    #[test]
    fn a_name_that_is_no_formats_is_refused() {
        let rendering = Rendering { format: "pdf".into(), packing: Packing::Plain };
        assert_eq!(Form::of(&rendering), Err(UnknownFormat("pdf".into())));
    }

    #[test]
    fn the_defaults_of_a_job_are_known_here() {
        let spec = JobSpec::default();
        assert_eq!(Form::of(&spec.renderings[0]), Ok(per_file()));
    }
}
