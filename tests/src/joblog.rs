//! Reads a job log: tab-separated, with the names of the columns in the first line.

/// The values of one column.
///
/// # Panics
/// If there is no such column.
pub fn column_of_log(log: &str, name: &str) -> Vec<String> {
    let mut lines = log.lines();
    let header = lines.next().expect("a header");
    let at = header.split('\t').position(|column| column.eq_ignore_ascii_case(name));
    let at = at.unwrap_or_else(|| panic!("no column {name} in {header}"));
    lines.map(|line| line.split('\t').nth(at).unwrap_or_default().to_string()).collect()
}
