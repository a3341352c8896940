//! Runs the program in a folder of its own and compares what it says with a golden file.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

/// What a run of the program came to.
pub struct Answer {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

/// A folder to run the program in.
pub struct Folder {
    folder: TempDir,
}

impl Folder {
    pub fn new() -> Folder {
        Folder { folder: TempDir::new().unwrap() }
    }

    /// A folder with one file.
    pub fn with(name: &str, contents: impl AsRef<[u8]>) -> Folder {
        let folder = Folder::new();
        folder.write(name, contents);
        folder
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, contents: impl AsRef<[u8]>) {
        fs::write(self.path(name), contents).unwrap();
    }

    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// Copies a bundled data file into the folder.
    pub fn bundled(&self, name: &str) {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/data").join(name);
        fs::copy(source, self.path(name)).unwrap();
    }

    /// Runs the program.
    pub fn run(&self, arguments: &[&str]) -> Answer {
        self.run_with_input(arguments, "")
    }

    pub fn run_with_input(&self, arguments: &[&str], input: &str) -> Answer {
        let mut child = self.start(arguments);
        // A program that fails early does not read its input.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        Answer::of(child)
    }

    /// Runs the program until it has said `text`, then interrupts it as Ctrl-C does.
    #[cfg(unix)]
    pub fn interrupt_after(&self, arguments: &[&str], text: &str) -> Answer {
        let mut child = self.start(arguments);
        let mut said = String::new();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        while !said.contains(text) {
            assert!(lines.read_line(&mut said).unwrap() > 0, "it ended before it said {text:?}:\n{said}");
        }
        let pid = child.id().to_string();
        assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
        lines.read_to_string(&mut said).unwrap();
        let mut answer = Answer::of(child);
        answer.stdout = said;
        answer
    }

    /// Runs the program while nobody reads what it prints.
    pub fn run_unheard(&self, arguments: &[&str]) -> Answer {
        let mut child = self.start(arguments);
        drop(child.stdout.take());
        Answer::of(child)
    }

    fn start(&self, arguments: &[&str]) -> Child {
        Command::new(env!("CARGO_BIN_EXE_steepest"))
            .args(arguments)
            .current_dir(self.folder.path())
            .env("NO_COLOR", "1")
            .env("COLUMNS", "100")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }
}

impl Answer {
    fn of(child: Child) -> Answer {
        let output = child.wait_with_output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Answer {
            code: output.status.code().unwrap_or(-1),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }
}

/// Compares an answer with `tests/golden/NAME.txt`; `UPDATE_GOLDEN=1` writes the file instead.
pub fn golden(name: &str, arguments: &[&str], answer: &Answer) {
    let command = arguments.join(" ");
    let Answer { code, stdout, stderr } = answer;
    let got = format!("$ steepest {command}\n[exit code {code}]\n{stdout}--- standard error\n{stderr}");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(format!("{name}.txt"));
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(path, got).unwrap();
        return;
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        got == expected,
        "{} differs; UPDATE_GOLDEN=1 writes it anew.\n--- expected\n{expected}\n--- got\n{got}",
        path.display()
    );
}
