//! Recommendations, neighbours and analogies.

use crate::harness::{Folder, golden};

/// Users like items of their own kind.
fn trained() -> Folder {
    let folder = Folder::new();
    let mut text = "user,item,rating\n".to_owned();
    for user in 0..12 {
        for item in (0..12).filter(|item| (user + 2 * item) % 5 != 0) {
            text += &format!("u{user:02},i{item:02},{}\n", if user % 2 == item % 2 { 5 } else { 1 });
        }
    }
    folder.write("ratings.csv", text);
    let set = [
        "data.embed=[\"user\", \"item\"]",
        "data.task=regression",
        "data.split.validation=0.0",
        "data.split.test=0.0",
        "model.kind=matrix-factorization",
        "model.factors=3",
        "model.penalty=0.001",
        "optimizer.learning-rate=0.05",
        "batch.size=8",
        "stop.epochs=60",
    ];
    let mut arguments = vec!["train", "ratings.csv", "--target", "rating", "--out", "run"];
    arguments.extend(set.iter().flat_map(|set| ["--set", set]));
    let answer = folder.run(&arguments);
    assert_eq!(answer.code, 0, "{}\n{}", answer.stdout, answer.stderr);
    folder
}

#[test]
fn a_run_recommends_and_compares() {
    let folder = trained();
    let json = |arguments: &[&str]| -> Vec<(String, f64)> {
        let answer = folder.run(arguments);
        assert_eq!(answer.code, 0, "{}", answer.stderr);
        let value: serde_json::Value = serde_json::from_str(&answer.stdout).unwrap();
        let item = |item: &serde_json::Value| {
            (item["name"].as_str().unwrap().to_owned(), item["score"].as_f64().unwrap())
        };
        value.as_array().unwrap().iter().map(item).collect()
    };
    // Of u02, the items i04 and i09 are not rated yet.
    let rest = json(&["recommend", "run", "--user", "u02", "--json"]);
    assert_eq!(rest.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["i04", "i09"]);
    assert!(rest[0].1 > 3.5 && rest[1].1 < 2.5, "{rest:?}");
    let all = json(&["recommend", "run", "--user", "u02", "-n", "6", "--all", "--json"]);
    assert!(all.len() == 6 && all.iter().all(|(name, _)| name[1..].parse::<u32>().unwrap() % 2 == 0));
    let near = json(&["neighbors", "run", "u01", "--column", "user", "-n", "3", "--json"]);
    assert!(near.iter().all(|(name, _)| name[1..].parse::<u32>().unwrap() % 2 == 1), "{near:?}");
    assert_eq!(json(&["analogy", "run", "i00", "i02", "i04", "-n", "2", "--json"]).len(), 2);

    let table = folder.run(&["recommend", "run", "--user", "nobody", "-n", "2"]);
    assert_eq!((table.code, table.stdout.lines().count()), (0, 3), "{}", table.stdout);
    assert!(table.stderr.starts_with("warning: training never saw `nobody`"), "{}", table.stderr);
    for (name, arguments) in [
        ("neighbors-unknown", ["neighbors", "run", "i4"].as_slice()),
        ("neighbors-no-column", &["neighbors", "run", "i04", "--column", "film"]),
    ] {
        golden(name, arguments, &folder.run(arguments));
    }
    // What was rated cannot be left out without the file that says so.
    std::fs::rename(folder.path("ratings.csv"), folder.path("moved.csv")).unwrap();
    let gone = ["recommend", "run", "--user", "u02", "-n", "3"];
    golden("recommend-moved", &gone, &folder.run(&gone));
    let rest = json(&["recommend", "run", "--user", "u02", "--seen", "moved.csv", "--json"]);
    assert_eq!(rest.len(), 2);
    let none = ["recommend", "run", "--user", "u02", "-n", "0"];
    golden("recommend-none", &none, &folder.run(&none));
}

#[test]
fn a_model_without_users_says_what_to_train() {
    let folder = crate::runs::trained("iris.csv", "species", &["--set", "stop.epochs=1"]);
    let arguments = ["recommend", "run", "--user", "me"];
    golden("recommend-no-users", &arguments, &folder.run(&arguments));
}
