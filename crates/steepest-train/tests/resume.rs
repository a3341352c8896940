//! The law of resuming: a run that was killed at any moment and resumed ends with the bits of the run
//! that was never killed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use steepest_data::Dataset;
use steepest_tensor::Buffer;
use steepest_train::{
    Event, Finding, RunOptions, RunSpec, SavedModel, StopReason, TrainError, Trainer, Training,
};

fn bundled(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../examples/data").join(name)
}

/// Wine, with dropout, momentum, a batch size that leaves a tail, and early stopping close to its end.
fn spec(directory: &Path) -> RunSpec {
    let changes = [
        ("seed", "5"),
        ("model.hidden", "[16]"),
        ("model.dropout", "0.25"),
        ("optimizer.learning-rate", "0.05"),
        ("batch.size", "16"),
        ("data.split.validation", "0.15"),
        ("data.stratify", "false"),
        ("optimizer.l2", "0"),
        ("stop.epochs", "60"),
        ("stop.patience", "4"),
        ("stop.tolerance", "1e-9"),
        ("run.average", "30 steps"),
        ("run.checkpoint-every", "5 steps"),
        ("run.keep-checkpoints", "1000"),
    ];
    let start = RunSpec::new(bundled("wine.csv"), "cultivar").unwrap();
    let spec = changes.iter().fold(start, |spec, (key, value)| spec.with(key, value).unwrap());
    spec.with("run.directory", directory.display()).unwrap()
}

/// Every number of the saved model, by bits, and the lines of the log without the times.
fn outcome(directory: &Path) -> (Vec<(String, Vec<u32>)>, Vec<String>) {
    let model = SavedModel::load(directory.join("model.safetensors")).unwrap();
    let bits = |buffer: &Buffer| match buffer {
        Buffer::F32(values) => values.iter().map(|x| x.to_bits()).collect(),
        other => panic!("{other:?}"),
    };
    let weights =
        model.weights().iter().map(|(name, tensor)| (name.clone(), bits(tensor.buffer()))).collect();
    let log = fs::read_to_string(directory.join("metrics.jsonl")).unwrap();
    let untimed = log.lines().map(|line| {
        let mut line: serde_json::Value = serde_json::from_str(line).unwrap();
        let fields = line.as_object_mut().unwrap();
        // The test rows' record, the last, has no times, and parts of an epoch have no speed.
        let (timed, whole) = (!fields.contains_key("test"), fields.contains_key("train_loss"));
        assert_eq!(fields.remove("seconds").is_some(), timed);
        assert_eq!(fields.remove("rows_per_s").is_some(), whole);
        line.to_string()
    });
    (weights, untimed.collect())
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (path, target) = entry.map(|e| (e.path(), to.join(e.file_name()))).unwrap();
        if path.is_dir() { copy(&path, &target) } else { fs::copy(&path, &target).map(drop).unwrap() }
    }
}

fn checkpoints(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory.join("checkpoints")).unwrap();
    let mut all: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    all.sort();
    all
}

#[test]
fn resuming_from_any_checkpoint_gives_the_same_bits() {
    let folder = tempfile::tempdir().unwrap();
    let whole = folder.path().join("whole");
    let reason = Trainer::new(&spec(&whole)).unwrap().train().unwrap();
    // The best weights are neither the first nor the last, so that all of the state matters.
    assert!(
        matches!(reason, StopReason::Plateau { best, epoch, .. } if best.epoch > 3 && epoch < 60),
        "{reason}"
    );
    let expected = outcome(&whole);
    let count = checkpoints(&whole).len();
    assert!(count > 10, "{count}");
    // As if killed after each checkpoint in turn: later ones are gone, the log goes on a little further.
    for keep in 1..=count {
        let killed = folder.path().join(format!("killed-{keep}"));
        copy(&whole, &killed);
        fs::remove_file(killed.join("model.safetensors")).unwrap();
        for later in &checkpoints(&killed)[keep..] {
            fs::remove_file(later).unwrap();
        }
        let mut trainer = Trainer::resume(&killed, &[]).unwrap();
        trainer.train().unwrap();
        assert!(outcome(&killed) == expected, "resumed from checkpoint {keep} of {count}");
    }
    // Killed before the first checkpoint: only the spec is there.
    let early = folder.path().join("early");
    copy(&whole, &early);
    checkpoints(&early).iter().for_each(|path| fs::remove_file(path).unwrap());
    Trainer::resume(&early, &[]).unwrap().train().unwrap();
    assert!(outcome(&early) == expected);
}

/// States that are carried from window to window, and images that are changed at random, are where they were.
#[test]
fn streams_of_text_and_changed_images_are_resumed_too() {
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("text.txt");
    fs::write(&text, (0..1500u32).map(|i| char::from(b'a' + (i * i % 11) as u8)).collect::<String>())
        .unwrap();
    let pixels = (0..60 * 36u32).map(|i| (i * 37 % 251) as u8);
    let idx = |sizes: &[u32], bytes: Vec<u8>| {
        let sizes: Vec<u8> = sizes.iter().flat_map(|size| size.to_be_bytes()).collect();
        [vec![0, 0, 8, (sizes.len() / 4) as u8], sizes, bytes].concat()
    };
    let images = folder.path().join("images-idx3-ubyte");
    fs::write(&images, idx(&[60, 6, 6], pixels.collect())).unwrap();
    let labels = (0..60u32).map(|i| (i * i % 3) as u8).collect();
    fs::write(folder.path().join("labels-idx1-ubyte"), idx(&[60], labels)).unwrap();
    let common = "[batch]\nsize = 4\n[stop]\nepochs = 3\n[run]\ncheckpoint-every = \"5 steps\"\nkeep-checkpoints = 1000\n";
    let stream = format!(
        "[data]\ntrain = {text:?}\ntokens = \"characters\"\nwindow = 16\n[model]\nkind = \"lstm\"\nhidden = 7\n\
         carry = true\n{common}"
    );
    let changed = format!(
        "[data]\ntrain = {images:?}\ntarget = \"label\"\naugment = {{ shift = 1, flip = true }}\n[model]\n\
         kind = \"cnn\"\nchannels = [2]\nhidden = 5\ndropout = 0.2\n{common}"
    );
    for (name, spec) in [("stream", stream), ("changed", changed)] {
        let whole = folder.path().join(name);
        let mut spec = RunSpec::parse(&spec, folder.path().join("spec.toml"), &[]).unwrap();
        spec.run.directory = Some(whole.clone());
        Trainer::new(&spec).unwrap().train().unwrap();
        let (expected, count) = (outcome(&whole), checkpoints(&whole).len());
        assert!(count > 5, "{name}: {count}");
        for keep in 1..=count {
            let killed = folder.path().join(format!("{name}-{keep}"));
            copy(&whole, &killed);
            checkpoints(&killed)[keep..].iter().for_each(|later| fs::remove_file(later).unwrap());
            Trainer::resume(&killed, &[]).unwrap().train().unwrap();
            assert!(outcome(&killed) == expected, "{name} resumed from checkpoint {keep} of {count}");
        }
    }
}

#[test]
fn long_epochs_are_recorded_in_parts_that_add_up_and_that_resuming_does_not_change() {
    let folder = tempfile::tempdir().unwrap();
    let whole = folder.path().join("whole");
    let changes = [("batch.size", "1"), ("stop.epochs", "2"), ("run.checkpoint-every", "20 steps")];
    let spec = changes.iter().fold(spec(&whole), |spec, (key, value)| spec.with(key, value).unwrap());
    let mut trainer = Trainer::new(&spec).unwrap();
    let per_epoch = trainer.overview().steps_per_epoch;
    trainer.train().unwrap();
    let expected = outcome(&whole);
    let lines = expected.1.iter().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let numbers: Vec<(u64, f64, Option<f64>)> = lines
        .filter_map(|line| {
            Some((line["step"].as_u64()?, line["recent_loss"].as_f64()?, line["train_loss"].as_f64()))
        })
        .collect();
    // Some hundred steps an epoch make two parts of at least fifty each.
    let steps: Vec<u64> = numbers.iter().map(|(step, ..)| *step).collect();
    let half = per_epoch.div_ceil(2);
    assert_eq!(steps, [half, per_epoch, per_epoch + half, 2 * per_epoch]);
    for parts in numbers.chunks(2) {
        let mean = (parts[0].1 * half as f64 + parts[1].1 * (per_epoch - half) as f64) / per_epoch as f64;
        assert_eq!(parts[0].2, None);
        assert!((mean - parts[1].2.unwrap()).abs() < 1e-9 * mean, "{parts:?}");
    }
    let count = checkpoints(&whole).len();
    for keep in 1..=count {
        let killed = folder.path().join(format!("killed-{keep}"));
        copy(&whole, &killed);
        checkpoints(&killed)[keep..].iter().for_each(|later| fs::remove_file(later).unwrap());
        Trainer::resume(&killed, &[]).unwrap().train().unwrap();
        assert!(outcome(&killed) == expected, "resumed from checkpoint {keep} of {count}");
    }
}

#[test]
fn an_interrupted_run_goes_on_as_if_it_had_not_been() {
    let folder = tempfile::tempdir().unwrap();
    let (whole, broken) = (folder.path().join("whole"), folder.path().join("broken"));
    Trainer::new(&spec(&whole)).unwrap().train().unwrap();
    let mut trainer = Trainer::new(&spec(&broken)).unwrap();
    for stop_at in [1, 8, 9, 23, 61] {
        let flag = trainer.interrupt();
        let mut reason = None;
        for event in trainer.run() {
            match event.unwrap() {
                Event::Step(step) if step.step == stop_at => {
                    flag.store(true, std::sync::atomic::Ordering::Relaxed)
                }
                Event::Stopped(stopped) => reason = Some(stopped),
                _ => {}
            }
        }
        assert_eq!(reason, Some(StopReason::Interrupted { step: stop_at }));
        trainer = Trainer::resume(&broken, &[]).unwrap();
        assert_eq!(trainer.overview().steps_done, stop_at);
    }
    trainer.train().unwrap();
    assert!(outcome(&broken) == outcome(&whole));
}

#[test]
fn a_damaged_checkpoint_is_said_and_the_one_before_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    let whole = folder.path().join("whole");
    Trainer::new(&spec(&whole)).unwrap().train().unwrap();
    let expected = outcome(&whole);
    let last = checkpoints(&whole).pop().unwrap();
    let bytes = fs::read(&last).unwrap();
    fs::write(&last, &bytes[..bytes.len() / 2]).unwrap();
    let mut trainer = Trainer::resume(&whole, &[]).unwrap();
    let first = trainer.run().next().unwrap().unwrap();
    let Event::Warning(Finding::DamagedCheckpoint { path, fault }) = &first else { panic!("{first:?}") };
    assert!(*path == last && fault.contains("truncated"), "{first:?}");
    trainer.train().unwrap();
    assert!(outcome(&whole) == expected);
}

#[test]
fn changed_data_and_foreign_folders_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (data, run) = (folder.path().join("wine.csv"), folder.path().join("run"));
    fs::copy(bundled("wine.csv"), &data).unwrap();
    let mut spec = spec(&run);
    spec.data.train = data.clone();
    Trainer::new(&spec).unwrap().train().unwrap();
    assert!(matches!(Trainer::new(&spec), Err(TrainError::DirectoryInUse { .. })));
    let text = fs::read_to_string(&data).unwrap();
    fs::write(&data, text.replacen("14.23", "14.24", 1)).unwrap();
    let error = Trainer::resume(&run, &[]).err().unwrap();
    assert!(matches!(&error, TrainError::DataChanged { path, .. } if *path == data), "{error}");
    assert!(error.help().unwrap().contains("put the old file back"));
    let error = Trainer::resume(folder.path(), &[]).err().unwrap();
    assert!(error.to_string().ends_with("holds no run: it has no `run.toml`"), "{error}");
}

#[test]
fn a_larger_budget_continues_a_finished_run() {
    let folder = tempfile::tempdir().unwrap();
    let (long, short) = (folder.path().join("long"), folder.path().join("short"));
    Trainer::new(&spec(&long)).unwrap().train().unwrap();
    Trainer::new(&spec(&short).with("stop.epochs", 4).unwrap()).unwrap().train().unwrap();
    Trainer::resume(&short, &["stop.epochs=60".to_owned()]).unwrap().train().unwrap();
    assert!(outcome(&short) == outcome(&long));
}

#[test]
fn what_a_resumed_run_cannot_change_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    Trainer::new(&spec(&run).with("stop.epochs", 2).unwrap()).unwrap().train().unwrap();
    let error = Trainer::resume(&run, &["optimizer.learning-rate=1".to_owned()]).err().unwrap();
    assert_eq!(error.to_string(), "a resumed run keeps its `optimizer.learning-rate`");
    // Another model in the spec would not fit the checkpoints, which must survive that.
    let text = fs::read_to_string(run.join("run.toml")).unwrap();
    fs::write(run.join("run.toml"), text.replace("hidden = [16]", "hidden = [17]")).unwrap();
    let error = Trainer::resume(&run, &[]).err().unwrap();
    assert!(error.to_string().ends_with("its tensors are not those of the model"), "{error}");
    assert!(!fs::read_to_string(run.join("metrics.jsonl")).unwrap().is_empty());
}

#[test]
fn a_run_put_together_in_rust_is_resumed_in_rust() {
    let folder = tempfile::tempdir().unwrap();
    let training = |name: &str, epochs: u64| {
        let x: Vec<f32> = (0..90).map(|i| i as f32 / 45.0 - 1.0).collect();
        let y = x.iter().map(|&x| f64::from(x * x)).collect();
        let options = RunOptions { directory: Some(folder.path().join(name)), ..RunOptions::default() };
        Training::new(Dataset::regression([1], x, y).unwrap()).options(options).epochs(epochs)
    };
    let mut whole = training("whole", 9).trainer().unwrap();
    whole.train().unwrap();
    training("parts", 4).trainer().unwrap().train().unwrap();
    let error = Trainer::resume(folder.path().join("parts"), &[]).err().unwrap();
    assert!(matches!(error, TrainError::ForeignRun { .. }), "{error}");
    let mut parts = training("parts", 9).resume().unwrap();
    parts.train().unwrap();
    assert_eq!(parts.tensor("mlp.1.weight"), whole.tensor("mlp.1.weight"));
}

/// The name of the variable that makes this test a process that trains until it is killed.
const VICTIM: &str = "STEEPEST_TEST_VICTIM";

/// Not a test of its own: the process that the next test kills.
#[test]
fn victim() {
    let Some(directory) = std::env::var_os(VICTIM) else { return };
    let directory = PathBuf::from(directory);
    let mut trainer = match directory.join("run.toml").exists() {
        true => Trainer::resume(&directory, &[]).unwrap(),
        false => Trainer::new(&spec(&directory)).unwrap(),
    };
    for event in trainer.run() {
        if let Event::Saved(path) = event.unwrap() {
            // The parent reads these lines, and kills this process at some of them.
            println!("\nsaved {}", path.display());
        }
    }
}

#[test]
fn a_process_that_is_killed_again_and_again_ends_with_the_same_bits() {
    use std::io::{BufRead, BufReader};
    let folder = tempfile::tempdir().unwrap();
    let (whole, killed) = (folder.path().join("whole"), folder.path().join("killed"));
    Trainer::new(&spec(&whole)).unwrap().train().unwrap();
    for patience in (1..).map(|turn| turn % 4) {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["victim", "--exact", "--nocapture"])
            .env(VICTIM, &killed)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut saved = lines.map_while(Result::ok).filter(|line| line.starts_with("saved"));
        // Wait for so many checkpoints, then kill it wherever it is: the next write is under way.
        let reached = saved.by_ref().take(patience + 1).count() == patience + 1;
        if reached {
            child.kill().unwrap();
        }
        drop(saved);
        child.wait().unwrap();
        if killed.join("model.safetensors").exists() {
            break;
        }
    }
    // The last kill may have come between the checkpoint and the model; resuming is always right.
    Trainer::resume(&killed, &[]).unwrap().train().unwrap();
    assert!(outcome(&killed) == outcome(&whole));
}
