//! The systems that are measured, and the programs that run them.

use std::path::{Path, PathBuf};
use std::process::Command;

use bench_protocol::{Model, Workload};

use super::results::Peaks;
use super::{BenchError, checked};

/// A system that takes steps of a workload.
pub struct System {
    /// The name on the command line.
    pub name: &'static str,
    /// The name in tables.
    pub label: &'static str,
    program: Program,
    /// Whether the system can run a workload.
    pub takes: fn(&Workload) -> bool,
}

#[derive(Clone, Copy)]
enum Program {
    Steepest,
    Python { file: &'static str, variant: &'static str },
    Rust { binary: &'static str },
}

/// The first of them that runs is what the others' losses are compared with.
static SYSTEMS: &[System] = &[
    python("torch-eager", "PyTorch eager, fused optimizer", "torch_eager.py", "", |_| true),
    python("torch-compile", "PyTorch, torch.compile", "torch_compile.py", "", |_| true),
    python("jax-jit", "JAX jit, optax", "jax_jit.py", "", |_| true),
    python("scikit-learn", "scikit-learn", "scikit_learn.py", "", in_scikit_learn),
    python("scikit-learn-shuffle", "scikit-learn, rows shuffled", "scikit_learn.py", "shuffle", |workload| {
        matches!(workload.model, Model::Logistic { .. })
    }),
    rust("burn", "Burn", "burn-peer"),
    rust("candle", "Candle", "candle-peer"),
    System { name: "steepest", label: "Steepest", program: Program::Steepest, takes: |_| true },
];

const fn python(
    name: &'static str,
    label: &'static str,
    file: &'static str,
    variant: &'static str,
    takes: fn(&Workload) -> bool,
) -> System {
    System { name, label, program: Program::Python { file, variant }, takes }
}

const fn rust(name: &'static str, label: &'static str, binary: &'static str) -> System {
    System { name, label, program: Program::Rust { binary }, takes: |_| true }
}

/// MLPClassifier has one output for two classes, which is another model; updates alone it does not offer.
fn in_scikit_learn(workload: &Workload) -> bool {
    match &workload.model {
        Model::Mlp { layers } => layers.last() != Some(&2),
        Model::Logistic { .. } => true,
        _ => false,
    }
}

/// The systems of these names, or all.
pub fn choose(names: &[String]) -> Result<Vec<&'static System>, BenchError> {
    if names.is_empty() {
        return Ok(SYSTEMS.iter().collect());
    }
    let find = |name: &String| {
        let known = || SYSTEMS.iter().map(|system| system.name.to_owned()).collect();
        let found = SYSTEMS.iter().find(|system| system.name == name);
        found.ok_or_else(|| BenchError::System { name: name.clone(), known: known() })
    };
    let mut chosen = names.iter().map(find).collect::<Result<Vec<_>, _>>()?;
    chosen.sort_by_key(|system| SYSTEMS.iter().position(|other| other.name == system.name));
    Ok(chosen)
}

/// The programs, built.
pub struct Programs {
    /// Steepest's side.
    pub steepest: PathBuf,
    python: PathBuf,
    peers: PathBuf,
    rust: PathBuf,
}

impl Programs {
    /// Builds what the systems need: Steepest always, the Rust peers and the Python environment if asked for.
    pub fn build(root: &Path, python: Option<&Path>, systems: &[&System]) -> Result<Programs, BenchError> {
        let bench = root.join("bench");
        let cargo = || Command::new(env!("CARGO"));
        checked(cargo().current_dir(root).args(["build", "--release", "--package", "steepest-bench"]))?;
        if systems.iter().any(|system| matches!(system.program, Program::Rust { .. })) {
            checked(cargo().current_dir(bench.join("peers-rust")).args(["build", "--release"]))?;
        }
        let needs_python = systems.iter().any(|system| matches!(system.program, Program::Python { .. }));
        let python = match python {
            Some(python) => python.to_path_buf(),
            None if needs_python => environment(&bench)?,
            None => PathBuf::new(),
        };
        Ok(Programs {
            steepest: root.join("target/release/steepest-bench"),
            python,
            peers: bench.join("peers"),
            rust: bench.join("peers-rust/target/release"),
        })
    }

    /// The command that runs a system on a workload, bound to as many processors as it has threads.
    pub fn command(&self, system: &System, folder: &Path, threads: usize) -> Command {
        let mut line: Vec<PathBuf> = match system.program {
            Program::Steepest => vec![self.steepest.clone(), "run".into()],
            Program::Python { file, .. } => vec![self.python.clone(), self.peers.join(file)],
            Program::Rust { binary } => vec![self.rust.join(binary)],
        };
        if bindable() {
            line.splice(0..0, ["taskset".into(), "-c".into(), format!("0-{}", threads - 1).into()]);
        }
        let mut command = Command::new(&line[0]);
        command.args(&line[1..]).arg(folder).arg("--threads").arg(threads.to_string());
        if let Program::Python { variant, .. } = system.program {
            command.arg("--variant").arg(variant);
        }
        if let Program::Rust { .. } = system.program {
            // They allocate the result of every operation; memory given back to the system would be cleared each time.
            for name in ["MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_"] {
                command.env(name, u32::MAX.to_string());
            }
        }
        // Settings for other processors or older libraries would slow a peer down.
        for name in ["OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "MKL_DEBUG_CPU_TYPE"] {
            command.env_remove(name);
        }
        command.env("RAYON_NUM_THREADS", threads.to_string());
        command
    }

    /// What the machine can do at most with this many threads.
    pub fn peaks(&self, threads: usize) -> Result<Peaks, BenchError> {
        let mut command = Command::new(&self.steepest);
        command.arg("peaks").arg("--threads").arg(threads.to_string());
        let program = self.steepest.display().to_string();
        let output = command.output().map_err(|source| BenchError::Start { program, source })?;
        serde_json::from_slice(&output.stdout).map_err(BenchError::Peaks)
    }
}

/// Whether processes can be bound to processors here.
fn bindable() -> bool {
    Command::new("taskset").arg("--version").output().is_ok_and(|output| output.status.success())
}

/// The interpreter of `bench/.venv`, made from the pinned requirements if it is missing.
fn environment(bench: &Path) -> Result<PathBuf, BenchError> {
    let folder = bench.join(".venv");
    let python = folder.join("bin/python");
    if !python.exists() {
        eprintln!("making {} from bench/requirements.txt", folder.display());
        checked(Command::new("python3").args(["-m", "venv"]).arg(&folder))?;
        let install = ["-m", "pip", "install", "--quiet", "--requirement"];
        checked(Command::new(&python).args(install).arg(bench.join("requirements.txt")))?;
    }
    Ok(python)
}
