//! What each sparse format makes of bad input: an error, or what its policy is. All outcomes stand in
//! `golden/bad_input.txt`; `UPDATE_GOLDEN=1 cargo test -p steepest-data --test bad_input` writes it anew.

use std::fmt::Write as _;
use std::path::Path;

use steepest_data::{
    DataError, DataOptions, Dataset, FeatureForm, Fractions, NO_ROW, Prepared, Subwords, TargetKind, Task,
    Tokens, Unseen, WordField, WordOptions, prepare,
};

/// A format: the file's ending, lines that are fine, how they are read, and lines that are not.
struct Format {
    name: &'static str,
    ending: &'static str,
    /// The line of names, if there is one.
    header: &'static str,
    good: &'static [&'static str],
    options: fn(&mut DataOptions),
    cases: &'static [Case],
}

/// What is bad, and where: a training file is `good` and these lines.
enum Case {
    /// Lines of the training file.
    Train(&'static str, &'static [&'static str]),
    /// Lines of a test file.
    Test(&'static str, &'static [&'static str]),
    /// Lines of a test file where what training never saw is an error.
    Strict(&'static str, &'static [&'static str]),
    /// A training file of these bytes alone.
    Whole(&'static str, &'static [u8]),
}

use Case::{Strict, Test, Train, Whole};

static FORMATS: &[Format] = &[
    Format {
        name: "libsvm",
        ending: "svm",
        header: "",
        good: &["1 1:1 3:0.5", "-1 2:1"],
        options: |options| {
            options.target = "label".to_owned();
            options.preprocess.task = Some(Task::Classification);
        },
        cases: &[
            Train("bad index", &["1 x:1"]),
            Train("negative index", &["1 -2:1"]),
            Train("duplicate features", &["1 2:1 3:1 2:5"]),
            Train("unsorted features", &["1 3:1 1:2"]),
            Train("empty line and comment", &["", "# nothing", "1 2:3 # why"]),
            Train("no features", &["1"]),
            Train("NaN", &["1 2:nan"]),
            Train("NaN as label", &["nan 2:1"]),
            Train("huge index", &["1 4294967296:1"]),
            Train("pair without a value", &["1 2"]),
            Test("label outside the set", &["3 1:1"]),
            Test("feature that training never saw", &["1 1:1 90:2"]),
            Whole("empty file", b""),
            Whole("one class", b"1 1:1\n1 2:1\n"),
        ],
    },
    Format {
        name: "Vowpal Wabbit text",
        ending: "vw",
        header: "",
        good: &["1 | 1 3:0.5", "-1 | 2"],
        options: |options| {
            options.target = "label".to_owned();
            options.preprocess.hash_bits = Some(18);
            options.preprocess.task = Some(Task::Classification);
        },
        cases: &[
            Train("no bar", &["1 a b"]),
            Train("value without a name", &["1 | :3"]),
            Train("duplicate features", &["1 | 2:1 3 2:5"]),
            Train("unsorted features", &["1 | 3 1:2"]),
            Train("empty line", &["", "1 | 2:3"]),
            Train("no features", &["1 |"]),
            Train("no label", &["| 2"]),
            Train("NaN", &["1 | 2:nan"]),
            Train("NaN as label", &["nan | 2"]),
            Train("huge value", &["1 | 2:1e99"]),
            Train("huge index", &["1 | 4294967299:1"]),
            Train("negative weight", &["1 -2 | 2"]),
            Test("label outside the set", &["3 | 1"]),
            Whole("empty file", b""),
            Whole("one class", b"1 | 1\n1 | 2\n"),
        ],
    },
    Format {
        name: "`__label__` text",
        ending: "ft",
        header: "",
        good: &["__label__a red fish", "__label__b blue fish"],
        options: |options| {
            options.target = "label".to_owned();
            options.preprocess.text = Some("text".to_owned());
            options.preprocess.tf_idf = false;
        },
        cases: &[
            Train("empty line", &["", "__label__a red"]),
            Train("no label", &["red fish"]),
            Train("nameless label", &["__label__ red"]),
            Train("several labels", &["__label__b __label__a red"]),
            Train("no text", &["__label__a"]),
            Train("repeated words", &["__label__a red red"]),
            Test("label outside the set", &["__label__c red fish"]),
            Test("words that training never saw", &["__label__a green"]),
            Whole("empty vocabulary", b"__label__a ! ?\n__label__b ... -\n"),
            Whole("not UTF-8", b"__label__a red\n__label__b bl\xfce\n"),
            Whole("empty file", b""),
            Whole("one class", b"__label__a red\n__label__a blue\n"),
        ],
    },
    Format {
        name: "ratings",
        ending: "csv",
        header: "user,item,rating",
        good: &["ann,jaws,5", "bob,alien,1", "bob,jaws,2.5"],
        options: |options| {
            options.target = "rating".to_owned();
            options.preprocess.embed = ["user", "item"].map(str::to_owned).into();
            options.preprocess.task = Some(Task::Regression);
            options.preprocess.standardize_target = false;
        },
        cases: &[
            Train("empty line", &["", "ann,alien,4"]),
            Train("the same pair twice", &["ann,jaws,1"]),
            Train("no user", &[",jaws,1"]),
            Train("no rating", &["ann,alien,"]),
            Train("a rating that is no number", &["ann,alien,good"]),
            Train("an infinite rating", &["ann,alien,inf"]),
            Train("a field too many", &["ann,alien,3,4"]),
            Test("unknown user", &["eve,jaws,3"]),
            Test("unknown item", &["ann,heat,3"]),
            Strict("unknown user, `unseen = \"error\"`", &["eve,jaws,3"]),
            Strict("unknown item, `unseen = \"error\"`", &["ann,heat,3"]),
            Whole("no rows", b"user,item,rating\n"),
            Whole("no column of that name", b"user,film,rating\nann,jaws,5\nbob,alien,1\n"),
            Whole("empty file", b""),
        ],
    },
    Format {
        name: "words",
        ending: "txt",
        header: "",
        good: &["red fish blue fish", "one fish two fish red one"],
        options: |options| {
            options.tokens = Some(Tokens::Words);
            let words = WordOptions { min_count: 2, sample: 0.0, block: 4, ..WordOptions::default() };
            options.words = words;
        },
        cases: &[
            Train("empty line", &["", "red red"]),
            Train("rare words", &["seldom red"]),
            Test("unknown words", &["green red"]),
            Test("nothing but unknown words", &["green eggs"]),
            Whole("empty vocabulary", b"one two three\n"),
            Whole("not UTF-8", b"red fish\nbl\xfce fish\n"),
            Whole("empty file", b""),
            Whole("nothing but white space", b"  \n\t\n"),
        ],
    },
    Format {
        name: "words with n-grams that there cannot be",
        ending: "txt",
        header: "",
        good: &["red fish blue fish"],
        options: |options| {
            options.tokens = Some(Tokens::Words);
            options.words.min_count = 1;
            options.subwords = Some(Subwords { shortest: 5, longest: 3, buckets: 9 });
        },
        cases: &[Train("shortest above longest", &[])],
    },
    Format {
        name: "a text column of CSV",
        ending: "csv",
        header: "text,label",
        good: &["red fish,a", "blue fish,b"],
        options: |options| {
            options.target = "label".to_owned();
            options.preprocess.text = Some("text".to_owned());
            options.preprocess.tf_idf = false;
        },
        cases: &[
            Train("empty line", &["", "red,a"]),
            Train("no text", &[",a"]),
            Train("no label", &["red,"]),
            Train("a field too many", &["red,fish,a"]),
            Test("label outside the set", &["red fish,c"]),
            Test("words that training never saw", &["green,a"]),
            Whole("empty vocabulary", b"text,label\n!,a\n?,b\n"),
            Whole("a text that is no column", b"words,label\nred,a\nblue,b\n"),
            Whole("an open quote", b"text,label\n\"red,a\nblue,b\n"),
            Whole("not UTF-8", b"text,label\nred,a\nbl\xfce,b\n"),
        ],
    },
];

/// What is read of a file, row by row.
fn rows(part: &str, data: &Dataset, learned: &Prepared) -> Result<String, DataError> {
    let (mut said, numbers, classes) = (String::new(), data.numbers(), data.classes());
    for row in 0..data.rows() {
        let mut line = match data.target_kind() {
            TargetKind::Classes { names } => format!("{} ←", names[classes[row] as usize]),
            TargetKind::Context { .. } => "…".to_owned(),
            _ => format!("{} ←", numbers[row]),
        };
        let name = |code: u32| if code == NO_ROW { "unknown".to_owned() } else { code.to_string() };
        match data.form() {
            FeatureForm::Sparse { .. } => {
                let columns = data.columns(row);
                let mut values = vec![0f32; columns.len()];
                data.fill_values([row], &mut values)?;
                for (column, value) in columns.iter().zip(values) {
                    _ = write!(line, " {column}:{value}");
                }
            }
            FeatureForm::Categories { fields, .. } => {
                for (field, (column, _)) in fields.iter().enumerate() {
                    let mut code = [0];
                    data.fill_category([row], field, &mut code)?;
                    _ = write!(line, " {column} {}", name(code[0]));
                }
            }
            FeatureForm::Words { row: form } => {
                let mut words = vec![0; form.block];
                data.fill_words([row], WordField::Center, &mut words)?;
                words.into_iter().for_each(|word| _ = write!(line, " {}", name(word)));
            }
            other => _ = write!(line, " {other:?} of {} inputs", learned.preprocessor.inputs.len()),
        }
        _ = writeln!(said, "  {part}: {line}");
    }
    Ok(said)
}

fn outcome(format: &Format, case: &Case, folder: &Path) -> Result<String, DataError> {
    let lines = |more: &[&str], good: &[&str]| {
        let header = [format.header].into_iter().filter(|header| !header.is_empty());
        let all: Vec<&str> = header.chain(good.iter().copied()).chain(more.iter().copied()).collect();
        (all.join("\n") + "\n").into_bytes()
    };
    let path = |name: &str| folder.join(format!("{name}.{}", format.ending));
    let mut options = DataOptions::new(path("train"), "");
    options.split = Fractions::NONE.into();
    (format.options)(&mut options);
    let train = match case {
        Train(_, bad) => lines(bad, format.good),
        Whole(_, bytes) => bytes.to_vec(),
        Test(_, bad) | Strict(_, bad) => {
            std::fs::write(path("test"), lines(bad, &[])).unwrap();
            options.test = Some(path("test"));
            lines(&[], format.good)
        }
    };
    if matches!(case, Strict(..)) {
        options.preprocess.unseen = Unseen::Error;
    }
    std::fs::write(path("train"), train).unwrap();
    let prepared = prepare(&options, 1)?;
    let mut said = rows("train", &prepared.train, &prepared)?;
    if let Some(test) = &prepared.test {
        said += &rows("test", test, &prepared)?;
    }
    for finding in &prepared.findings {
        _ = writeln!(said, "  note: {finding}");
    }
    Ok(said)
}

#[test]
fn bad_input_has_its_error_or_its_policy() {
    let mut got = String::new();
    for format in FORMATS {
        _ = writeln!(got, "# {}\n", format.name);
        for case in format.cases {
            let (name, bad) = match case {
                Train(name, bad) => (name, bad.join(" ⏎ ")),
                Test(name, bad) | Strict(name, bad) => {
                    (name, format!("in the test file: {}", bad.join(" ⏎ ")))
                }
                Whole(name, bytes) => {
                    (name, format!("alone: {}", bytes.escape_ascii().to_string().replace(r"\n", " ⏎ ")))
                }
            };
            let folder = tempfile::tempdir().unwrap();
            let said =
                outcome(format, case, folder.path()).unwrap_or_else(|error| format!("  error: {error}\n"));
            let said = said.replace(&format!("{}/", folder.path().display()), "");
            _ = writeln!(got, "{name}: {bad}\n{said}");
        }
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/bad_input.txt");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, got).unwrap();
        return;
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    let differs = expected.lines().zip(got.lines()).find(|(expected, got)| expected != got);
    assert!(got == expected, "{} differs at {differs:?}; UPDATE_GOLDEN=1 writes it anew", path.display());
}
