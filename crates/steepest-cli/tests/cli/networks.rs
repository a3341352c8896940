//! Images, sequences and texts, from training to predictions, and what is said when something is wrong with them.

use image::{GrayImage, Luma};

use crate::harness::{Answer, Folder};

/// Forty images of 4×4 pixels, dark for the class 0 and bright for 1, in the format of MNIST.
fn images() -> Folder {
    let pixels = (0..40 * 16).map(|i| if i / 16 % 2 == 0 { 10 + (i % 7) as u8 } else { 200 + (i % 9) as u8 });
    let labels = (0..40).map(|i| (i % 2) as u8);
    let folder = Folder::new();
    let idx = |sizes: &[u32], bytes: Vec<u8>| {
        let sizes: Vec<u8> = sizes.iter().flat_map(|size| size.to_be_bytes()).collect();
        [vec![0, 0, 8, (sizes.len() / 4) as u8], sizes, bytes].concat()
    };
    folder.write("few-images-idx3-ubyte", idx(&[40, 4, 4], pixels.collect()));
    folder.write("few-labels-idx1-ubyte", idx(&[40], labels.collect()));
    folder.write(
        "few.toml",
        "[data]\ntrain = \"few-images-idx3-ubyte\"\ntarget = \"label\"\nsplit = { validation = 0.0, test = 0.0 }\n\
         [model]\nkind = \"cnn\"\nchannels = [2]\nhidden = 8\n[optimizer]\nkind = \"adam\"\nlearning-rate = 0.01\n\
         [stop]\nepochs = 30\n",
    );
    folder
}

fn picture(folder: &Folder, name: &str, size: u32, shade: u8) {
    GrayImage::from_pixel(size, size, Luma([shade])).save(folder.path(name)).unwrap();
}

fn well(answer: &Answer) {
    assert_eq!(answer.code, 0, "{}\n{}", answer.stdout, answer.stderr);
}

/// The program fails and says all of this.
fn refused(folder: &Folder, arguments: &[&str], parts: &[&str]) {
    let answer = folder.run(arguments);
    assert_eq!(answer.code, 1, "{}\n{}", answer.stdout, answer.stderr);
    for part in parts {
        assert!(answer.stderr.contains(part), "{part:?} is not said:\n{}", answer.stderr);
    }
    assert!(!answer.stderr.contains("panicked"), "{}", answer.stderr);
}

#[test]
fn images_in_files_and_folders_are_predicted() {
    let folder = images();
    well(&folder.run(&["train", "few.toml", "--out", "run"]));
    let answer = folder.run(&["predict", "run", "few-images-idx3-ubyte"]);
    well(&answer);
    let rows: Vec<&str> = answer.stdout.lines().collect();
    assert_eq!((rows.len(), rows[0]), (41, "image,label,prediction,probability:0,probability:1"));
    for (number, row) in rows[1..].iter().enumerate() {
        let class = number % 2;
        assert!(row.starts_with(&format!("{},{class},{class},", number + 1)), "{row}");
    }

    std::fs::create_dir(folder.path("new")).unwrap();
    picture(&folder, "new/bright.png", 4, 205);
    picture(&folder, "new/dark.png", 4, 12);
    let answer = folder.run(&["predict", "run", "new"]);
    well(&answer);
    let rows: Vec<&str> = answer.stdout.lines().collect();
    assert_eq!((rows.len(), rows[0]), (3, "image,prediction,probability:0,probability:1"));
    assert!(rows[1].starts_with("bright.png,1,") && rows[2].starts_with("dark.png,0,"), "{rows:?}");
    let one = folder.run(&["predict", "run", "new/dark.png"]);
    assert!(one.stdout.contains("\nnew/dark.png,0,"), "{}\n{}", one.stdout, one.stderr);
    assert!(folder.run(&["inspect", "new"]).stdout.contains('2'), "pictures are not taken for a run");

    std::fs::create_dir(folder.path("large")).unwrap();
    picture(&folder, "large/one.png", 6, 0);
    refused(&folder, &["predict", "run", "large"], &["large", "[6, 6]", "[4, 4]", "help:"]);
    refused(&folder, &["predict", "run", "large/one.png"], &["[6, 6]", "[4, 4]", "help:"]);
}

/// Sequences of one channel and two to five steps that rise or fall.
fn sequences() -> Folder {
    let mut text = "@problemName two\n@classLabel true rise fall\n@data\n".to_owned();
    for row in 0..40 {
        let slope = if row % 2 == 0 { 1.0 } else { -1.0 };
        let values: Vec<String> =
            (0..2 + row % 4).map(|t| (slope * f64::from(t) + 0.01 * f64::from(row)).to_string()).collect();
        text += &format!("{}:{}\n", values.join(","), if row % 2 == 0 { "rise" } else { "fall" });
    }
    let folder = Folder::with("two.ts", text);
    folder.write(
        "two.toml",
        "[data]\ntrain = \"two.ts\"\nsplit = { validation = 0.0, test = 0.0 }\n[model]\nkind = \"sequential\"\n\
         layers = [{ kind = \"recurrent\", hidden = 8, last = true }]\n[optimizer]\nkind = \"adam\"\n\
         learning-rate = 0.02\n[stop]\nepochs = 60\n",
    );
    folder
}

#[test]
fn sequences_without_labels_are_predicted() {
    let folder = sequences();
    well(&folder.run(&["train", "two.toml", "--out", "run"]));
    folder.write("new.ts", "@classLabel true rise fall\n@data\n0,1,2,3:?\n0,-1,-2,-3,-4,-5,-6:?\n");
    let answer = folder.run(&["predict", "run", "new.ts"]);
    well(&answer);
    let rows: Vec<&str> = answer.stdout.lines().collect();
    assert!(rows[1].starts_with("1,rise,") && rows[2].starts_with("2,fall,"), "{rows:?}");
    assert!(answer.stderr.contains("1 sequence was cut to 5 steps"), "{}", answer.stderr);
    refused(&folder, &["evaluate", "run", "new.ts"], &["new.ts:3", "label"]);
    let flat = ["train", "two.toml", "--out", "flat", "--set", "model.kind=mlp"];
    refused(&folder, &flat, &["varied length", "`lstm`", "help:"]);
    // Only tables of few rows are held back.
    assert!(!folder.read("run/run.toml").contains("\nl2 = 0.0"), "{}", folder.read("run/run.toml"));
}

#[test]
fn sequences_of_one_length_are_for_any_model() {
    let folder = sequences();
    let row = |slope: i32| format!("0,{slope},{}:{}\n", 2 * slope, if slope > 0 { "rise" } else { "fall" });
    // Without a header, all is data.
    folder.write("even.ts", (1..20).map(|i| row(i) + &row(-i)).collect::<String>());
    let even =
        ["train", "two.toml", "--out", "even", "--set", "data.train=even.ts", "--set", "model.kind=mlp"];
    well(&folder.run(&even));
    folder.write("new.ts", "@data\n0,3,6,9:?\n0,-1,-2:?\n");
    let answer = folder.run(&["predict", "even", "new.ts"]);
    well(&answer);
    assert!(answer.stdout.contains("\n1,rise,") && answer.stdout.contains("\n2,fall,"), "{}", answer.stdout);
    folder.write("short.ts", "@data\n0,3:rise\n");
    refused(&folder, &["predict", "even", "short.ts"], &["short.ts:2", "2 steps", "have 3"]);
    // Without a model, one that suits.
    folder.write("bare.toml", "[data]\ntrain = \"two.ts\"\n[stop]\nepochs = 1\n");
    well(&folder.run(&["train", "bare.toml", "--out", "bare"]));
    assert!(folder.read("bare/run.toml").contains("kind = \"gru\""));
    let changed = ["train", "bare.toml", "--out", "never", "--set", "data.augment.flip=true"];
    refused(&folder, &changed, &["`data.augment` changes images"]);
    let numbers = ["train", "bare.toml", "--out", "never", "--set", "data.task=regression"];
    refused(&folder, &numbers, &["classes, not numbers"]);
}

#[test]
fn layers_over_a_text_do_not_look_ahead() {
    let folder = Folder::with("abc.txt", "abcabcabcabcabcabcabcabcabcabcabcabc".repeat(20));
    folder.write(
        "abc.toml",
        "[data]\ntrain = \"abc.txt\"\ntokens = \"characters\"\nwindow = 8\n[batch]\nsize = 7\n[stop]\nepochs = 1\n",
    );
    let embedding = "{ kind = \"embedding\", width = 4 }";
    let train = |layers: &str, parts: &[&str]| {
        let set = format!("model.layers=[{embedding}, {layers}]");
        refused(&folder, &["train", "abc.toml", "--out", "never", "--set", &set], parts);
    };
    let behind = "lets a position see what is behind it";
    train("{ kind = \"conv1d\", outputs = 4, kernel = 3, padding = 1 }", &[behind, "conv1d"]);
    train("{ kind = \"transformer-block\" }", &[behind, "set `causal = true`"]);
    train("{ kind = \"attention\" }", &[behind, "set `causal = true`"]);
    train("{ kind = \"recurrent\", bidirectional = true }", &[behind, "set `bidirectional = false`"]);
    train("{ kind = \"max-pool\", kernel = 1 }", &[behind]);
    train("{ kind = \"recurrent\", last = true }", &["a vector for each position", "`last = true`"]);
    let few = "model.layers=[{ kind = \"embedding\", width = 4, vocabulary = 2 }]";
    let few = ["train", "abc.toml", "--out", "never", "--set", few];
    refused(&folder, &few, &["`vocabulary` must be at least 3, the tokens of the text, got 2"]);

    well(&folder.run(&[
        "train",
        "abc.toml",
        "--out",
        "bare",
        "--set",
        "model.width=8",
        "--set",
        "model.heads=2",
    ]));
    assert!(folder.read("bare/run.toml").contains("kind = \"gpt\""));
    let carried = ["--set", "model.kind=lstm", "--set", "model.hidden=4", "--set", "model.carry=true"];
    let answer = folder.run(&[&["train", "abc.toml", "--out", "carried"], &carried[..]].concat());
    well(&answer);
    assert!(answer.stderr.contains("left out: states are carried through 7 streams"), "{}", answer.stderr);
    well(&folder.run(&["generate", "bare", "--prompt", "a", "--length", "1"]));
    refused(&folder, &["generate", "bare", "--prompt", "-x"], &["character 1", "`-`"]);
}

#[test]
fn a_list_of_layers_writes_text() {
    let folder = Folder::with("abc.txt", "abcabcabcabcabcabcabcabcabcabcabcabc".repeat(20));
    folder.write(
        "abc.toml",
        "[data]\ntrain = \"abc.txt\"\ntokens = \"characters\"\nwindow = 8\n[model]\nkind = \"sequential\"\n\
         layers = [{ kind = \"embedding\", width = 12 }, { kind = \"positions\", encoding = \"sinusoidal\" }, \
         { kind = \"transformer-block\", heads = 3, causal = true }]\n[optimizer]\nkind = \"adam\"\n\
         learning-rate = 0.01\n[batch]\nsize = 8\n[stop]\nepochs = 30\n",
    );
    well(&folder.run(&["train", "abc.toml", "--out", "run"]));
    let writes = |more: &[&str]| {
        let mut arguments = vec!["generate", "run", "--prompt", "ab", "--length", "7"];
        arguments.extend(more);
        let answer = folder.run(&arguments);
        well(&answer);
        answer.stdout
    };
    assert_eq!(writes(&["--temperature", "0"]), "abcabcabc\n");
    assert_eq!(writes(&["--top-k", "1"]), "abcabcabc\n");
    let dared = |seed| writes(&["--temperature", "50", "--seed", seed]);
    assert_eq!(dared("1"), dared("1"));
    assert_ne!(dared("1"), dared("2"));

    let generate = |more: &[&'static str]| [vec!["generate", "run"], more.to_vec()].concat();
    refused(&folder, &generate(&["--prompt", "abé"]), &["character 3", "`é`", "help:"]);
    refused(&folder, &generate(&["--prompt", ""]), &["the prompt is empty", "`--prompt TEXT`"]);
    refused(&folder, &generate(&[]), &["the prompt is empty", "`--prompt TEXT`"]);
    let cold = ["--prompt", "a", "--temperature", "-1"];
    refused(&folder, &generate(&cold), &["`temperature` must be a number of at least 0, got -1"]);
    let none = ["--prompt", "a", "--top-k", "0"];
    refused(&folder, &generate(&none), &["`top-k` must be a whole number of at least 1"]);
}

#[test]
fn networks_that_cannot_be_are_refused() {
    let folder = sequences();
    let list = |layers: &str| format!("model.layers=[{layers}]");
    let train = |set: &str, parts: &[&str]| {
        refused(&folder, &["train", "two.toml", "--out", "never", "--set", set], parts);
    };
    train(&list("{ kind = \"recurrent\" }, { kind = \"dens\" }"), &["layer 1 of the list", "`dense`"]);
    train(&list("{ kind = \"recurrent\", hidden = 2000000000 }"), &["layer 0", "16777216"]);
    train(
        &list("{ kind = \"recurrent\", hidden = 16000000 }"),
        &["more than a terabyte", "[4, 16000000, 16000000]"],
    );
    train(
        &list("{ kind = \"dense\", outputs = 8 }, { kind = \"attention\", heads = 3 }"),
        &["of which there are 3", "5, 8]"],
    );
    train(&list("{ kind = \"conv1d\", outputs = 4 }, { kind = \"conv2d\", outputs = 4 }"), &["`conv1d`"]);
    train(&list("{ kind = \"conv1d\", outputs = 4, kernel = 9 }"), &["kernel", "help:"]);
    train(
        &list("{ kind = \"conv1d\", outputs = 4 }, { kind = \"global-avg-pool\" }"),
        &["where sequences end", "3 steps of 5", "help:"],
    );
}
