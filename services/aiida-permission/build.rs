//! Lists the files of `texts/`: a language is there when its file is, English first.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::{env, fs, io};

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=texts");
    let folder = PathBuf::from(variable("CARGO_MANIFEST_DIR")?).join("texts");
    let mut codes = Vec::new();
    for entry in fs::read_dir(&folder)? {
        let name = entry?.file_name().into_string().unwrap_or_default();
        codes.extend(name.strip_suffix(".ftl").map(str::to_owned));
    }
    codes.sort_by_key(|code| (code != "en", code.clone()));
    let mut list = "[\n".to_owned();
    for code in codes {
        let file = folder.join(format!("{code}.ftl"));
        let path = file.to_string_lossy();
        // Writing to a text does not fail.
        let _written = writeln!(list, "    ({code:?}, include_str!({path:?})),");
    }
    list.push(']');
    let out = PathBuf::from(variable("OUT_DIR")?);
    fs::write(out.join("languages.rs"), list)
}

#[expect(
    clippy::disallowed_methods,
    reason = "cargo tells a build script nothing in another way"
)]
fn variable(name: &str) -> io::Result<String> {
    env::var(name).map_err(io::Error::other)
}
