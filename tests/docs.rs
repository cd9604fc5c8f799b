//! What the pages say: programs compile, commands, links and names exist, numbers are the defaults.

#![allow(clippy::unwrap_used)]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use support::{
    STRICT, both, declared, declared_in, end, library_folder, mock_for_programs, output, program, root, run,
    tool,
};

fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// The hand-written pages and those made from sources, by their path from the root.
fn pages() -> Vec<String> {
    let docs = std::fs::read_dir(root().join("docs")).unwrap();
    let docs = docs.map(|entry| format!("docs/{}", entry.unwrap().file_name().to_str().unwrap()));
    let mut pages: Vec<String> = docs.filter(|path| path.ends_with(".md")).collect();
    pages.extend(["README.md".to_owned(), "CHANGELOG.md".to_owned()]);
    pages.sort();
    pages
}

/// The code blocks of a page in one language.
fn blocks(text: &str, language: &str) -> Vec<String> {
    let opening = format!("\n```{language}\n");
    text.split(&opening).skip(1).map(|rest| rest.split("```").next().unwrap().to_owned()).collect()
}

/// A page without its code blocks.
fn prose(text: &str) -> String {
    text.split("\n```").step_by(2).collect::<Vec<_>>().join("\n")
}

/// The parts of a text in backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

fn targets() -> BTreeSet<String> {
    let makefile = read("Makefile");
    let phony = makefile.lines().find_map(|line| line.strip_prefix(".PHONY:")).unwrap();
    phony.split_whitespace().map(str::to_owned).collect()
}

/// Compiles and links a program of a page, without a warning; `language` is `c` or `cpp`.
fn compile(folder: &Path, name: &str, language: &str, code: &str) -> PathBuf {
    let (source, program) = (folder.join(format!("{name}.{language}")), folder.join(name));
    std::fs::write(&source, code).unwrap();
    let library = folder.join("librmq.so.0");
    if !library.exists() {
        std::os::unix::fs::symlink(library_folder().join("librmq.so"), &library).unwrap();
    }
    let (mut compiler, standard) = match language {
        "cpp" => (tool("g++", "g++"), "-std=c++11"),
        _ => (tool("gcc", "gcc"), "-std=c11"),
    };
    run(compiler
        .args([standard, "-pthread"])
        .args(STRICT)
        .arg("-I")
        .arg(root().join("include"))
        .args([&source, Path::new("-o"), &program, &library])
        .args(code.contains("rmq_mock.h").then(mock_for_programs))
        .arg(format!("-Wl,-rpath,{}", folder.display()))
        .arg(format!("-Wl,-rpath,{}", library_folder().display())));
    program
}

#[test]
fn the_two_commands_stand_at_the_top_and_work() {
    let readme = read("README.md");
    let top = &blocks(&readme, "sh")[0];
    let commands: Vec<&str> = top
        .lines()
        .map(|line| line.split('#').next().unwrap().trim())
        .filter(|line| !line.is_empty())
        .collect();
    assert_eq!(commands, ["make demo", "make test"]);
    assert!(readme.find("make demo").unwrap() < readme.find("\n## ").unwrap());
    let ci = read(".ci/run");
    assert_eq!(ci.lines().last(), Some("make test"), "the machine runs what the page says");
    let targets = targets();
    for page in pages() {
        let text = read(&page);
        for part in text.split("make ").skip(1) {
            let name = part.split(|c: char| !c.is_ascii_lowercase() && c != '-').next().unwrap();
            let is_command =
                text.contains(&format!("`make {name}")) || text.contains(&format!("\nmake {name}"));
            assert!(!is_command || targets.contains(name), "{page}: make {name} is no target");
        }
    }
}

#[test]
fn make_alone_lists_every_target() {
    let listed =
        run(tool("make", "make").env_remove("MAKEFLAGS").arg("--no-print-directory").arg("-C").arg(root()));
    let listed: BTreeSet<String> =
        listed.lines().map(|line| line.split_whitespace().nth(1).unwrap().to_owned()).collect();
    assert_eq!(listed, targets());
}

#[test]
fn programs_of_the_pages_compile_and_link() {
    let folder = output("docs");
    let mut count = 0;
    for page in pages() {
        for language in ["c", "cpp"] {
            for (index, code) in blocks(&read(&page), language).into_iter().enumerate() {
                assert!(code.contains("int main("), "{page}: a block of C is a complete program:\n{code}");
                let name = page.replace(['/', '.'], "-");
                compile(&folder, &format!("{name}-{language}-{index}"), language, &code);
                count += 1;
            }
        }
    }
    assert!(count >= 7, "{count}");
}

#[test]
fn the_program_of_the_readme_says_what_it_lacks() {
    let code = &blocks(&read("README.md"), "c")[0];
    let output = end(&mut program(compile(&output("docs-readme"), "readme", "c", code)));
    assert_eq!(output.status.code(), Some(1));
    assert!(both(&output).contains("namesrv.addr is not set"), "{}", both(&output));
}

#[test]
fn links_lead_somewhere() {
    for page in pages() {
        let text = prose(&read(&page));
        for target in text.split("](").skip(1).map(|rest| rest.split(')').next().unwrap()) {
            if target.starts_with("https://") {
                continue;
            }
            let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
            let folder = root().join(&page).parent().unwrap().to_owned();
            let path = if path.is_empty() { root().join(&page) } else { folder.join(path) };
            assert!(path.exists(), "{page}: {target} is not there");
            let anchors = || read(&path).lines().filter_map(heading).collect::<Vec<_>>();
            assert!(anchor.is_empty() || anchors().iter().any(|a| a == anchor), "{page}: {target}");
        }
    }
}

/// The anchor of a heading.
fn heading(line: &str) -> Option<String> {
    let text = line.strip_prefix('#')?.trim_start_matches('#').strip_prefix(' ')?;
    let kept = text.to_lowercase();
    let kept = kept.chars().filter(|c| c.is_alphanumeric() || "-_ ".contains(*c));
    Some(kept.map(|c| if c == ' ' { '-' } else { c }).collect())
}

#[test]
fn functions_constants_and_files_that_are_named_exist() {
    let functions = [declared(), declared_in("rmq_mock.h")].concat();
    let (header, cmake) = (read("include/rmq.h") + &read("include/rmq_mock.h"), read("CMakeLists.txt"));
    for page in pages() {
        for name in quoted(&prose(&read(&page))) {
            let word = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
            if word && name.starts_with("rmq_") {
                assert!(functions.iter().any(|f| f == name) || header.contains(name), "{page}: {name}");
            } else if word && name.starts_with("RMQ_CARGO_") {
                assert!(cmake.contains(&format!("set({name} ")), "{page}: {name}");
            } else if word && name.starts_with("RMQ_") && name != "RMQ_BLESS" {
                assert!(header.contains(&format!("#define {name}")), "{page}: {name}");
            } else if name.starts_with("tests/") || name.starts_with("src/") {
                assert!(root().join(name).exists(), "{page}: {name}");
            }
        }
    }
}

/// The keys of the generated page with their defaults.
fn properties() -> BTreeMap<String, String> {
    let text = read("docs/CONFIGURATION.md");
    let sections = text.split("\n### ").skip(1).map(|section| {
        let default = section.split("- default: `").nth(1).and_then(|rest| rest.split('`').next());
        (section.lines().next().unwrap().to_owned(), default.unwrap_or_default().to_owned())
    });
    sections.collect()
}

#[test]
fn properties_that_are_named_exist_and_have_the_default_that_is_said() {
    let properties = properties();
    let mut compared = 0;
    for page in ["README.md", "CHANGELOG.md", "docs/guide.md"] {
        let text = prose(&read(page));
        let parts: Vec<&str> = text.split('`').collect();
        for pair in parts.windows(2).skip(1).step_by(2) {
            let (name, behind) = (pair[0], pair[1]);
            let file = [".h", ".hpp", ".so", ".a", ".md", ".rs", ".c"].iter().any(|end| name.ends_with(end));
            let dotted = name.contains('.') && name.chars().all(|c| c.is_ascii_lowercase() || c == '.');
            if !dotted || file {
                continue;
            }
            let default = properties.get(name).unwrap_or_else(|| panic!("{page}: {name} is no property"));
            if let Some(said) = behind.strip_prefix(" (").and_then(|rest| rest.split(')').next()) {
                assert_eq!(&plain(said), default, "{page}: {name} ({said})");
                compared += 1;
            }
        }
    }
    assert!(compared > 10, "{compared}");
}

/// A default as the generated page writes it: without separators and units, times in milliseconds.
fn plain(said: &str) -> String {
    let said = said.replace(',', "");
    let (number, unit) = said.split_once(' ').unwrap_or((&said, ""));
    let factor = match unit {
        "min" => 60_000,
        "s" => 1000,
        _ => 1,
    };
    number.parse::<i64>().map_or_else(|_| said.clone(), |number| (number * factor).to_string())
}

#[test]
fn the_changelog_is_of_this_version() {
    let changelog = read("CHANGELOG.md");
    let newest = changelog.lines().find_map(|line| line.strip_prefix("## ")).unwrap();
    assert_eq!(newest.split(' ').next(), Some(env!("CARGO_PKG_VERSION")));
}
