//! On what and from what the figures come.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde::{Deserialize, Serialize};

/// The machine and the tools.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Machine {
    pub processor: String,
    pub cores: usize,
    pub memory_gib: u64,
    pub system: String,
    pub rustc: String,
    /// The commit that was built.
    pub commit: String,
}

pub fn describe(root: &Path) -> Machine {
    let processors = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let processor = processors.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let kib = memory.lines().find_map(|line| line.strip_prefix("MemTotal:")?.trim().strip_suffix("kB"));
    Machine {
        processor: processor
            .map_or_else(|| std::env::consts::ARCH.to_owned(), |(_, name)| name.trim().to_owned()),
        cores: std::thread::available_parallelism().map_or(1, usize::from),
        memory_gib: kib.and_then(|kib| kib.trim().parse::<u64>().ok()).unwrap_or(0) >> 20,
        system: output(Command::new("uname").args(["-s", "-r"])),
        rustc: output(Command::new("rustc").arg("--version")),
        commit: output(Command::new("git").current_dir(root).args(["describe", "--always", "--dirty"])),
    }
}

/// What a command prints, or nothing if it cannot be run.
fn output(command: &mut Command) -> String {
    let output = command.output().map(|output| output.stdout).unwrap_or_default();
    String::from_utf8_lossy(&output).trim().to_owned()
}
