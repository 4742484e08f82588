//! The page of `sheaf serve` in a real browser. What is checked stands in `tests/python/page.py`.

use std::process::Command;

use sheaf_tests::binary::sheaf_bin;
use sheaf_tests::python;
use sheaf_tests::skip::{skip, skip_without};

#[test]
fn the_page_works_in_a_real_browser() {
    let name = "the_page_works_in_a_real_browser";
    let Some(python) = python::python(name) else { return };
    if skip_without(name, &["chromium"]) {
        return;
    }

    let has_driver = Command::new(&python)
        .args(["-c", "import playwright"])
        .output()
        .is_ok_and(|output| output.status.success());
    if !has_driver {
        skip(name, "`playwright` is not in target/python: `./tests/run` installs it");
        return;
    }

    let folder = tempfile::tempdir().unwrap();
    let output = python::script(&python, "page.py")
        .arg(sheaf_bin())
        .arg("chromium")
        .arg(folder.path())
        .output()
        .expect("Python starts");

    if !output.status.success() {
        // The picture of the page is worth keeping.
        let folder = folder.keep();
        panic!(
            "{}{}\nsee {}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr),
            folder.display()
        );
    }
}
