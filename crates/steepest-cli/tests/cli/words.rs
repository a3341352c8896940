//! Word vectors from a text: training, comparing, and other programs' files.

use crate::harness::{Folder, golden};

const WORDS: &str = "[data]\ntrain = \"text.txt\"\ntokens = \"words\"\n[data.words]\nsample = 0.0\nblock = 8\nnegatives = 4\n\
     [model]\nkind = \"word2vec\"\nsize = 8\n[optimizer]\nkind = \"adam\"\nlearning-rate = 0.02\n\
     [batch]\nsize = 8\n[stop]\nepochs = 8\n";

/// Two kinds of words that never stand together.
fn corpus() -> Folder {
    let folder = Folder::new();
    let kinds = [["red", "green", "blue", "color"], ["one", "two", "three", "number"]];
    let (mut text, mut state) = (String::new(), 1u32);
    // Words of a sentence at random, so that those around a word tell its kind and no more.
    let mut draw = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 30) as usize
    };
    for i in 0..600 {
        let words: Vec<&str> = (0..6).map(|_| kinds[i % 2][draw()]).collect();
        text += &format!("{}\n", words.join(" "));
    }
    folder.write("text.txt", text + "rare\n");
    folder.write("words.toml", WORDS);
    folder.write(
        "pairs.tsv",
        "# a comment\nred\tblue\t9\none\ttwo\t9\nred\ttwo\t1\nOne\tGreen\t1\nred\tnever\t5\n",
    );
    folder.write("subwords.toml", WORDS.to_owned() + "[data.subwords]\nbuckets = 500\n");
    folder.write("unseen-pairs.tsv", "colors\tblue\t9\ncolors\ttwo\t1\nnumbers\tone\t9\nnumbers\tred\t1\n");
    folder.write("bad-pairs.tsv", "red\tblue\t9\nred blue 3\n");
    folder.write("other-pairs.tsv", "x\ty\t1\n");
    folder.write("broken.vec", "2 2\na 1 2\nb 1\n");
    folder.write("tiny.txt", "a b c\n");
    folder
}

#[test]
fn words_of_a_kind_become_neighbors() {
    let folder = corpus();
    for architecture in ["skip-gram", "cbow"] {
        let set = format!("model.architecture={architecture}");
        let answer = folder.run(&["train", "words.toml", "--out", architecture, "--set", &set]);
        assert_eq!(answer.code, 0, "{}\n{}", answer.stdout, answer.stderr);
        let answer = folder.run(&["similarity", architecture, "pairs.tsv", "--json"]);
        assert_eq!(answer.code, 0, "{}", answer.stderr);
        let scores: serde_json::Value = serde_json::from_str(&answer.stdout).unwrap();
        assert_eq!((&scores[0]["known"], &scores[0]["unknown"]), (&4.into(), &1.into()), "{architecture}");
        assert!(scores[0]["spearman"].as_f64().unwrap() > 0.8, "{architecture}: {scores}");
    }
    // The same vectors in either format.
    let neighbors = |model: &str| folder.run(&["neighbors", model, "red", "-n", "3"]).stdout;
    for (file, more) in [("vectors.txt", &[][..]), ("vectors.bin", &["--binary"])] {
        let answer = folder.run(&[&["vectors", "skip-gram", file], more].concat());
        assert_eq!(answer.stderr.trim(), format!("wrote 8 vectors of size 8 to {file}"));
        assert_eq!(neighbors(file), neighbors("skip-gram"));
    }
    for name in ["green", "blue", "color"] {
        assert!(neighbors("vectors.txt").contains(name));
    }
    for (name, arguments) in [
        ("words-unknown", ["neighbors", "skip-gram", "rare"].as_slice()),
        ("words-empty-vocabulary", &["train", "words.toml", "--set", "data.train=tiny.txt"]),
        ("words-wrong-model", &["train", "words.toml", "--set", "model.kind=mlp"]),
        ("similarity-bad-line", &["similarity", "skip-gram", "bad-pairs.tsv"]),
        ("similarity-none-known", &["similarity", "skip-gram", "other-pairs.tsv"]),
        ("vectors-broken", &["neighbors", "broken.vec", "a"]),
    ] {
        golden(name, arguments, &folder.run(arguments));
    }
}

#[test]
fn a_word_that_training_never_saw_is_made_of_its_ngrams() {
    let folder = corpus();
    for architecture in ["skip-gram", "cbow"] {
        let set = format!("model.architecture={architecture}");
        let answer = folder.run(&["train", "subwords.toml", "--out", architecture, "--set", &set]);
        assert_eq!(answer.code, 0, "{}\n{}", answer.stdout, answer.stderr);
        let answer = folder.run(&["similarity", architecture, "unseen-pairs.tsv", "--json"]);
        let scores: serde_json::Value = serde_json::from_str(&answer.stdout).unwrap();
        assert_eq!((&scores[0]["known"], &scores[0]["unknown"]), (&4.into(), &0.into()), "{architecture}");
        assert!(scores[0]["spearman"].as_f64().unwrap() > 0.8, "{architecture}: {scores}");
        let answer = folder.run(&["neighbors", architecture, "colors", "-n", "4", "--json"]);
        let found: serde_json::Value = serde_json::from_str(&answer.stdout).unwrap();
        let near = found.as_array().unwrap().iter();
        let mut names: Vec<&str> = near.filter_map(|near| near["name"].as_str()).collect();
        names.sort_unstable();
        assert_eq!(names, ["blue", "color", "green", "red"], "{found}");
    }
    let answer = folder.run(&["neighbors", "skip-gram", "numbers", "-n", "4"]);
    assert!(answer.stdout.contains("number") && !answer.stdout.contains("red"), "{}", answer.stdout);
    assert_eq!(answer.stderr, "note: training never saw `numbers`: its vector is that of its n-grams\n");
    // A file of vectors holds those of whole words, so that it knows no others.
    folder.run(&["vectors", "skip-gram", "vectors.vec"]);
    let whole = |model: &str| folder.run(&["neighbors", model, "color", "-n", "7"]).stdout;
    assert_eq!(whole("vectors.vec"), whole("skip-gram"));
    assert_ne!(folder.run(&["neighbors", "vectors.vec", "colors"]).code, 0);
    let arguments = ["train", "subwords.toml", "--set", "data.subwords.longest=2"];
    golden("subwords-bad-lengths", &arguments, &folder.run(&arguments));
}
