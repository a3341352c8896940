//! One pass over a stream, and sparse files that cannot be used.

use crate::harness::{Folder, golden};

/// Rows of two classes that one feature tells apart.
fn rows(count: usize) -> String {
    let line =
        |i: usize| format!("{} | {}:1 x{}\n", if i.is_multiple_of(2) { "1" } else { "-1" }, i % 2, i % 7);
    (0..count).map(line).collect()
}

#[test]
fn standard_input_and_a_file_end_in_the_same_model() {
    let folder = Folder::with("rows.vw", rows(3000));
    let train = |input: &str, out: &str, stdin: &str| {
        let mut arguments = vec!["train", input, "--target", "label", "--out", out];
        for set in
            ["model.kind=logistic", "batch.size=1", "optimizer.kind=sgd", "optimizer.learning-rate=0.5"]
        {
            arguments.extend(["--set", set]);
        }
        arguments.extend(["--set", "data.stream=true"]);
        let answer = folder.run_with_input(&arguments, stdin);
        assert_eq!(answer.code, 0, "{}", answer.stderr);
        answer.stdout
    };
    let said = train("rows.vw", "a", "");
    let piped = train("-", "b", &rows(3000));
    let table = |said: &str| {
        said.lines().filter(|line| line.starts_with("0.")).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(table(&said), table(&piped));
    assert_eq!(table(&said).len(), 12, "{said}");
    assert!(
        said.contains("average    since        example     example        current       current   current")
    );
    assert!(
        said.lines().any(|line| line.starts_with("0.693147   0.693147           1         1.0")),
        "{said}"
    );
    let last = table(&said).pop().unwrap();
    assert!(last.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() < 0.01, "{last}");
    // The model predicts files of the same format.
    let answer = folder.run(&["evaluate", "b", "rows.vw"]);
    assert!(answer.code == 0 && answer.stdout.contains("accuracy"), "{}{}", answer.stdout, answer.stderr);
    let answer = folder.run(&["predict", "b", "rows.vw"]);
    let lines: Vec<&str> = answer.stdout.lines().collect();
    assert_eq!(
        (answer.code, lines.len(), lines[0]),
        (0, 3001, "line,prediction,probability:-1,probability:1")
    );
    assert!(lines[1].starts_with("1 | 0:1 x0,1,0."), "{}", lines[1]);
}

#[test]
fn a_pass_over_standard_input_goes_on_to_the_same_weights() {
    let (folder, rows) = (Folder::new(), rows(60_000));
    let mut arguments = vec!["train", "-", "--target", "label", "--out", "a"];
    for set in
        ["model.kind=logistic", "batch.size=1", "run.checkpoint-seconds=0.001", "run.keep-checkpoints=9"]
    {
        arguments.extend(["--set", set]);
    }
    let weights = || {
        let file = std::fs::read(folder.path("a/model.safetensors")).unwrap();
        let head = u64::from_le_bytes(file[..8].try_into().unwrap()) as usize;
        file[8 + head..].to_vec()
    };
    assert_eq!(folder.run_with_input(&arguments, &rows).code, 0);
    let whole = weights();
    // A run that was killed has its older checkpoints only.
    let mut kept: Vec<_> =
        std::fs::read_dir(folder.path("a/checkpoints")).unwrap().map(|e| e.unwrap().path()).collect();
    kept.sort();
    assert!(kept.len() > 1, "{kept:?}");
    kept.drain(1..).for_each(|path| std::fs::remove_file(path).unwrap());
    std::fs::remove_file(folder.path("a/model.safetensors")).unwrap();
    let answer = folder.run_with_input(&["train", "--resume", "a"], &rows);
    assert_eq!(answer.code, 0, "{}", answer.stderr);
    assert!(weights() == whole, "resumed from {kept:?}");
}

#[test]
fn each_mistake_of_a_sparse_file_has_its_message() {
    let files = [
        ("vw-no-bar", "bad.vw", "1 | a\n-1 b\n"),
        ("vw-bad-value", "bad.vw", "1 | a\n-1 | b:x\n"),
        ("vw-bad-label", "bad.vw", "1 | a\nmaybe | b\n"),
        ("vw-bad-weight", "bad.vw", "1 | a\n-1 -3 | b\n"),
        ("vw-one-class", "bad.vw", &"1 | a\n".repeat(40)),
        ("libsvm-bad-index", "bad.svm", "1 1:1\n-1 x:1\n"),
        ("libsvm-duplicate", "bad.svm", "1 1:1\n-1 2:1 2:3\n"),
        ("libsvm-huge-index", "bad.svm", "1 1:1\n-1 999999999:1\n"),
        ("libsvm-nan", "bad.svm", "1 1:1\n-1 2:nan\n"),
        ("libsvm-bad-label", "bad.svm", "1 1:1\nmaybe 2:1\n"),
        ("libsvm-no-value", "bad.svm", "1 1:1\n-1 2\n"),
        ("label-text-no-text", "bad.ft", &"__label__a\n__label__b\n".repeat(40)),
    ];
    for (name, file, contents) in files {
        let folder = Folder::with(file, contents);
        let mut arguments = vec!["train", file, "--target", "label", "--set", "model.kind=svm"];
        if name.starts_with("label-text") {
            arguments.extend(["--set", "data.text=text"]);
        }
        let answer = folder.run(&arguments);
        assert_eq!((answer.code, answer.stdout.as_str()), (1, ""), "{name}: {}", answer.stderr);
        golden(&format!("data-{name}"), &arguments, &answer);
    }
}

#[test]
fn what_a_stream_cannot_do_is_told() {
    let folder = Folder::with("rows.vw", rows(50));
    let arguments =
        ["train", "rows.vw", "--target", "label", "--set", "data.stream=true", "--set", "stop.epochs=3"];
    golden("stream-epochs", &arguments, &folder.run(&arguments));
}
