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
