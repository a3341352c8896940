//! Training, evaluating and predicting, from the first command to the last.

use crate::harness::{Folder, golden};

/// A folder with a bundled data file and a short run in `run`.
pub fn trained(file: &str, target: &str, more: &[&str]) -> Folder {
    let folder = Folder::new();
    folder.bundled(file);
    let mut arguments = vec!["train", file, "--target", target, "--out", "run", "--set", "stop.epochs=30"];
    arguments.extend(more);
    let answer = folder.run(&arguments);
    assert_eq!(answer.code, 0, "{}\n{}", answer.stdout, answer.stderr);
    folder
}

#[test]
fn a_run_leaves_its_model_records_and_pictures_and_can_be_used() {
    let folder = trained("iris.csv", "species", &["--set", "optimizer.learning-rate=0.01"]);
    for name in ["run.toml", "metrics.jsonl", "model.safetensors", "curves.svg", "loss.png", "confusion.png"]
    {
        assert!(folder.path("run").join(name).exists(), "{name} is missing");
    }
    let score = folder.run(&["evaluate", "run", "iris.csv", "--json"]);
    let score: serde_json::Value = serde_json::from_str(&score.stdout).unwrap();
    assert_eq!(score["rows"], 150);
    assert!(score["metrics"]["accuracy"].as_f64().unwrap() > 0.93, "{score}");

    let answer = folder.run(&["predict", "run", "iris.csv", "-o", "out.csv"]);
    assert_eq!((answer.code, answer.stdout.as_str()), (0, ""), "{}", answer.stderr);
    let written = folder.read("out.csv");
    assert_eq!(written.lines().count(), 151);
    let piped = folder.run_with_input(&["predict", "run", "-"], &folder.read("iris.csv"));
    assert_eq!(piped.stdout, written, "from a pipe as from a file");
    let lacking = folder.run_with_input(&["predict", "run", "-"], "a,b\n1,x\n");
    assert!(lacking.stderr.starts_with("error: standard input has no column `"), "{}", lacking.stderr);
    let own = folder.run(&["predict", "run", "out.csv", "-o", "out.csv"]);
    assert!(own.code == 1 && own.stderr.contains("at once"), "{}", own.stderr);
}

#[test]
fn a_run_goes_on_when_nobody_listens() {
    let folder = Folder::new();
    folder.bundled("iris.csv");
    let train = ["train", "iris.csv", "--target", "species", "--out", "run", "--set", "stop.epochs=5"];
    let answer = folder.run_unheard(&train);
    assert!(answer.code == 0 && !answer.stderr.contains("panicked"), "{}", answer.stderr);
    assert!(folder.path("run/model.safetensors").exists());
    let answer = folder.run_unheard(&["predict", "run", "iris.csv"]);
    assert_eq!((answer.code, answer.stderr.as_str()), (0, ""));
}

#[test]
fn predictions_that_fail_leave_the_file_as_it_was() {
    let folder = trained("iris.csv", "species", &[]);
    let rows = folder.read("iris.csv");
    folder.write("bad.csv", format!("{}\nlong,long,long,long,long\n", rows.trim_end()));
    folder.write("out.csv", "before");
    let answer = folder.run(&["predict", "run", "bad.csv", "-o", "out.csv"]);
    assert!(answer.code == 1 && answer.stderr.contains("bad.csv:152"), "{}", answer.stderr);
    assert_eq!(folder.read("out.csv"), "before");
    assert!(!folder.path("out.csv.part").exists());
}

#[test]
fn a_run_without_a_model_says_how_to_go_on() {
    let folder = trained("iris.csv", "species", &[]);
    std::fs::remove_file(folder.path("run/model.safetensors")).unwrap();
    let answer = folder.run(&["inspect", "run"]);
    assert!(answer.code == 1 && answer.stderr.contains("train --resume run"), "{}", answer.stderr);
}

#[test]
fn rows_to_predict_need_no_target_and_may_hold_new_categories() {
    let folder = Folder::new();
    let rows: String = (0..60)
        .map(|i| format!("{},{},{}\n", i % 7, ["red", "green"][i % 2], ["no", "yes"][i % 2]))
        .collect();
    folder.write("data.csv", format!("x,colour,answer\n{rows}"));
    let answer =
        folder.run(&["train", "data.csv", "--target", "answer", "--out", "run", "--set", "stop.epochs=20"]);
    assert_eq!(answer.code, 0, "{}", answer.stderr);
    folder.write("new.csv", "colour,x\ngreen,3\nblue,4\n");
    let answer = folder.run(&["predict", "run", "new.csv"]);
    assert_eq!(answer.code, 0, "{}", answer.stderr);
    assert!(answer.stdout.lines().nth(1).unwrap().starts_with("green,3,yes"), "{}", answer.stdout);
    assert!(answer.stderr.starts_with("warning: ") && answer.stderr.contains("blue"), "{}", answer.stderr);
}

#[test]
fn regression_predicts_in_the_targets_own_unit() {
    let folder = trained(
        "diabetes.csv",
        "target",
        &["--set", "model.kind=linear", "--set", "optimizer.learning-rate=0.02"],
    );
    let answer = folder.run(&["predict", "run", "diabetes.csv"]);
    let predicted: Vec<f64> =
        answer.stdout.lines().skip(1).map(|line| line.rsplit(',').next().unwrap().parse().unwrap()).collect();
    let mean = predicted.iter().sum::<f64>() / predicted.len() as f64;
    assert!((mean - 152.0).abs() < 15.0, "the mean of the target is 152, of the predictions {mean}");
    // What stands in the column of the target does not matter to predictions; without any there is no score.
    let lines = folder.read("diabetes.csv");
    let cell = |text: &str| {
        let rows = lines.lines().take(4).enumerate().map(|(at, line)| match line.rsplit_once(',') {
            Some((features, _)) if at > 0 => format!("{features},{text}\n"),
            _ => format!("{line}\n"),
        });
        rows.collect::<String>()
    };
    folder.write("unknown.csv", cell("unknown"));
    let odd = folder.run(&["predict", "run", "unknown.csv"]);
    assert_eq!((odd.code, odd.stdout.lines().count()), (0, 4), "{}", odd.stderr);
    let first = |text: &str| text.lines().nth(1).unwrap().rsplit_once(',').unwrap().1.to_owned();
    assert_eq!(first(&odd.stdout), first(&answer.stdout));
    folder.write("empty.csv", cell(""));
    let unscored = ["evaluate", "run", "empty.csv"];
    golden("evaluate-no-labels", &unscored, &folder.run(&unscored));
}

#[test]
fn the_same_seed_gives_the_same_model_and_threads_change_nothing() {
    let metrics = |more: &[&str]| {
        let folder = trained("iris.csv", "species", more);
        std::fs::read(folder.path("run/model.safetensors")).unwrap().len();
        folder.run(&["predict", "run", "iris.csv"]).stdout
    };
    let first = metrics(&["--threads", "1", "--seed", "3"]);
    assert!(first == metrics(&["--threads", "3", "--seed", "3"]), "threads change the predictions");
    assert!(first != metrics(&["--threads", "1", "--seed", "4"]), "the seed changes nothing");
}

#[test]
fn a_run_directory_is_never_overwritten() {
    let folder = trained("iris.csv", "species", &[]);
    let again = folder.run(&["train", "iris.csv", "--target", "species", "--out", "run"]);
    assert_eq!(again.code, 1);
    assert!(
        again.stderr.contains("already holds a run") && again.stderr.contains("--resume run"),
        "{}",
        again.stderr
    );
}

#[test]
fn a_diverging_run_fails_and_says_what_to_try() {
    let folder = Folder::new();
    folder.bundled("diabetes.csv");
    let arguments = ["train", "diabetes.csv", "--target", "target", "--set", "optimizer.kind=sgd"];
    let answer = folder.run(
        &[&arguments[..], &["--set", "optimizer.learning-rate=1e30", "--set", "stop.epochs=20"]].concat(),
    );
    assert_eq!(answer.code, 1, "{}", answer.stdout);
    assert!(
        answer.stderr.contains("diverged at step") && answer.stderr.contains("help: "),
        "{}",
        answer.stderr
    );
}

#[test]
fn the_settings_come_first_then_the_table_then_the_result() {
    let folder = Folder::new();
    folder.bundled("wine.csv");
    let arguments = ["train", "wine.csv", "--target", "cultivar", "--set", "stop.epochs=12"];
    let answer = folder.run(&arguments);
    let at =
        |text: &str| answer.stdout.find(text).unwrap_or_else(|| panic!("no {text:?} in\n{}", answer.stdout));
    let order = [
        "data ",
        "\noptimizer  adam (",
        "since start",
        "whole budget",
        "\ntest ",
        "\nrun  runs/wine: model.safetensors",
    ]
    .map(at);
    assert!(order.is_sorted(), "{order:?}\n{}", answer.stdout);
    let second = folder.run(&arguments);
    assert!(second.stdout.contains("runs/wine-2"), "{}", second.stdout);
}

#[cfg(unix)]
#[test]
fn an_interrupted_run_saves_and_goes_on_to_the_same_model() {
    let folder = Folder::new();
    folder.bundled("wine.csv");
    let train = ["train", "wine.csv", "--target", "cultivar", "--set", "stop.patience=0"];
    let endless = ["--set", "stop.epochs=1000000"];

    let cut = folder.interrupt_after(&[&train[..], &endless, &["--out", "cut"]].concat(), "since start");
    assert_eq!(cut.code, 1, "{}\n{}", cut.stdout, cut.stderr);
    assert!(cut.stderr.contains("help: go on with `steepest train --resume cut`"), "{}", cut.stderr);
    let (_, step) = cut.stderr.split_once("interrupted after step ").unwrap();
    let step: u64 = step.split_whitespace().next().unwrap().parse().unwrap();

    let end = format!("stop.steps={}", step + 100);
    let resumed = folder.run(&["train", "--resume", "cut", "--threads", "1", "--set", &end]);
    assert_eq!(resumed.code, 0, "{}\n{}", resumed.stdout, resumed.stderr);
    assert!(resumed.stdout.contains("\nresumed    after step "), "{}", resumed.stdout);
    let whole = folder.run(&[&train[..], &endless, &["--out", "whole", "--set", &end]].concat());
    assert_eq!(whole.code, 0, "{}", whole.stderr);
    let predict = |model| folder.run(&["predict", model, "wine.csv"]).stdout;
    assert!(predict("whole") == predict("cut"), "the resumed run came to another model");
}
