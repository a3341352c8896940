//! Data that cannot be used: each mistake says where it is and what to do.

use crate::harness::{Folder, golden};

const TRAIN: &[&str] = &["train", "data.csv", "--target", "y"];

fn rows(header: &str, row: impl Fn(usize) -> String) -> String {
    let rows: Vec<String> = (2..42).map(row).collect();
    format!("{header}\n{}\n", rows.join("\n"))
}

/// What is wrong, and a file that has it.
fn files() -> Vec<(&'static str, Vec<u8>)> {
    let good = |i: usize| format!("{i},{},{}", i * i % 7, if i.is_multiple_of(2) { "a" } else { "b" });
    let with = |bad: &'static str| rows("x,z,y", move |i| if i == 17 { bad.to_owned() } else { good(i) });
    vec![
        ("empty", Vec::new()),
        ("header-only", b"x,z,y\n".to_vec()),
        ("ragged", with("1,2,a,4").into()),
        ("bad-number", with("1,2o5,a").into()),
        ("not-a-number", with("inf,2,a").into()),
        ("duplicate-header", rows("x,x,y", good).into()),
        ("unknown-target", rows("x,z,yy", good).into()),
        (
            "constant-column",
            rows("x,z,y", |i| format!("1,1,{}", if i.is_multiple_of(2) { "a" } else { "b" })).into(),
        ),
        (
            "missing-columns",
            rows("x,z,y", |i| format!(",?,{}", if i.is_multiple_of(2) { "a" } else { "b" })).into(),
        ),
        ("single-class", rows("x,z,y", |i| format!("{i},{},a", i * i % 7)).into()),
        ("constant-target", rows("x,z,y", |i| format!("{i},{},2.5", i * i % 7)).into()),
        ("missing-target", rows("x,z,y", |i| format!("{i},{},", i * i % 7)).into()),
        ("latin-1", [b"x,name,y\n1,Ren\xe9,a\n2,Ann,b\n".as_slice(), &b"3,Bob,a\n".repeat(20)].concat()),
        ("utf-16", b"\xff\xfex\0,\0y\0\n\0".to_vec()),
        ("binary", b"PAR1\0\0\0\x01\x02".to_vec()),
        ("one-row", b"x,z,y\n1,2,a\n".to_vec()),
    ]
}

#[test]
fn each_mistake_has_its_message() {
    for (name, contents) in files() {
        let answer = Folder::with("data.csv", contents).run(TRAIN);
        assert_eq!((answer.code, answer.stdout.as_str()), (1, ""), "{name}: {}", answer.stderr);
        golden(&format!("data-{name}"), TRAIN, &answer);
    }
}

#[test]
fn a_missing_file_is_told_with_a_similar_one() {
    let folder = Folder::with("data.csv", "x,y\n1,2\n");
    for (name, arguments) in [
        ("data-missing-file", vec!["train", "dta.csv", "--target", "y"]),
        ("data-missing-file-inspect", vec!["inspect", "nowhere/data.csv"]),
        ("data-no-target", vec!["train", "data.csv"]),
    ] {
        golden(name, &arguments, &folder.run(&arguments));
    }
}

#[test]
fn inspecting_shows_every_column_and_its_peculiarities() {
    let folder = Folder::with(
        "data.csv",
        rows("id,x,kind,same,empty", |i| format!("{i},{},{},1,", i % 5, ["red", "green"][i % 2])),
    );
    let arguments = ["inspect", "data.csv"];
    golden("inspect-data", &arguments, &folder.run(&arguments));
    let json = folder.run(&["inspect", "data.csv", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!((&json["rows"], &json["columns"][1]["name"]), (&40.into(), &"x".into()));
}
