//! Sparse files, texts and categories: what is read, and every message that bad ones cause, word for word.

use std::path::PathBuf;

use steepest_data::{
    DataError, DataOptions, Encoder, FeatureForm, Finding, Fractions, NO_ROW, Prepared, ReadOptions, Table,
    TargetKind, Unseen, Values, inspect, prepare, sources,
};

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Folder {
        Folder(tempfile::tempdir().unwrap())
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    fn message(&self, error: DataError) -> String {
        error.to_string().replace(&format!("{}/", self.0.path().display()), "DIR/")
    }

    /// All rows of a file for training.
    fn prepared(
        &self,
        name: &str,
        text: &str,
        change: impl FnOnce(&mut DataOptions),
    ) -> Result<Prepared, DataError> {
        let mut options = DataOptions::new(self.write(name, text), "label");
        options.split = Fractions::NONE.into();
        change(&mut options);
        prepare(&options, 1)
    }
}

const SVM: &str = "+1 3:0.5 1:2 # a comment\n\n-1 qid:4 2:1e-1\n# nothing\n-1\n1 1:1 4:3\n";

fn sparse(table: &Table) -> Vec<(Vec<u32>, Vec<f32>)> {
    let Values::Sparse(rows) = &table.columns()[1] else { panic!("no sparse column") };
    (0..rows.rows()).map(|row| rows.row(row)).map(|(c, v)| (c.to_vec(), v.to_vec())).collect()
}

#[test]
fn lines_become_a_label_and_sorted_entries() {
    let folder = Folder::new();
    for name in ["a.svm", "a.txt"] {
        let path = folder.write(name, SVM);
        let mut source = sources::open(&path, &ReadOptions::default()).unwrap();
        let table = Table::read(&mut *source).unwrap();
        let Values::Numbers(labels) = &table.columns()[0] else { panic!("no labels") };
        assert_eq!(labels, &[1.0, -1.0, -1.0, 1.0]);
        let expected = [
            (vec![1, 3], vec![2.0, 0.5]),
            (vec![2], vec![0.1]),
            (vec![], vec![]),
            (vec![1, 4], vec![1.0, 3.0]),
        ];
        assert_eq!(sparse(&table), expected, "{name}");
    }
    let text = inspect(&folder.write("b.svm", SVM), &ReadOptions::default()).unwrap().to_string();
    assert!(text.contains("libsvm · 4 rows × 2 columns") && text.contains("features  sparse"), "{text}");
}

#[test]
fn a_pass_goes_on_from_any_row() {
    let folder = Folder::new();
    let path = folder.write("a.svm", SVM);
    let mut source = sources::open(&path, &ReadOptions::default()).unwrap();
    let mut window = source.table();
    source.fill(&mut window, 2).unwrap();
    let cursor = source.cursor();
    window.clear();
    source.fill(&mut window, 9).unwrap();
    let rest = sparse(&window);
    source.seek(cursor).unwrap();
    window.clear();
    assert_eq!((source.fill(&mut window, 9).unwrap(), sparse(&window)), (2, rest));
    window.drop_missing(0);
    let beyond = steepest_data::Cursor { row: 5, ..cursor };
    assert!(matches!(source.seek(beyond), Err(DataError::BadCursor { row: 5, .. })));
}

#[test]
fn bad_sparse_lines_say_where_and_what() {
    let help = "help: number features by whole numbers from 0 or 1";
    let cases = [
        (
            "x 1:2",
            "`x` is not a number, expected the row's label\n  help: begin each line with a number: `1 3:0.5 7:2`, or `1 | height:1.5` in Vowpal Wabbit's format",
        ),
        (
            "nan 1:2",
            "`nan` is not a number, expected the row's label\n  help: begin each line with a number: `1 3:0.5 7:2`, or `1 | height:1.5` in Vowpal Wabbit's format",
        ),
        (
            "1 7",
            "`7` is not a pair of a feature's number and its value\n  help: write `number:value`, such as `3:0.5`",
        ),
        ("1 a:2", &format!("`a:2` does not begin with a feature's number\n  {help}")),
        ("1 -3:2", &format!("`-3:2` does not begin with a feature's number\n  {help}")),
        (
            "1 4294967296:2",
            "`4294967296:2` has a feature above 134217728\n  help: number features one after the other, or hash them to fewer",
        ),
        (
            "1 2:2 5:1 2:3",
            "`2:3` is the second value of feature 2 in this row\n  help: give each feature once, or add the values up",
        ),
        (
            "1 2:nan",
            "`2:nan` has a value that is not a finite number\n  help: leave the feature out, or give it a number",
        ),
        (
            "1 2:1e99",
            "`2:1e99` has a value that is not a finite number\n  help: leave the feature out, or give it a number",
        ),
    ];
    for (line, expected) in cases {
        let folder = Folder::new();
        let path = folder.write("a.svm", &format!("1 1:1\n\n{line}\n"));
        let error = Table::read(&mut *sources::open(&path, &ReadOptions::default()).unwrap()).unwrap_err();
        assert_eq!(folder.message(error), format!("DIR/a.svm:3: {expected}"));
    }
}

#[test]
fn a_sparse_file_becomes_a_data_set_and_later_features_are_counted() {
    let folder = Folder::new();
    let data = folder.prepared("a.svm", SVM, |_| {}).unwrap();
    assert_eq!(data.train.form(), FeatureForm::Sparse { columns: 5 });
    assert!(matches!(data.train.target_kind(), TargetKind::Classes { names } if names == ["-1", "1"]));
    let later = folder.write("later.svm", "1 1:1 7:2 9:1\n");
    let table = Table::read(&mut *sources::open(&later, &ReadOptions::default()).unwrap()).unwrap();
    let mut encoder = Encoder::new(&data.preprocessor, &table).unwrap();
    let rows = encoder.dataset::<f32>(&table, 0..1, false).unwrap();
    assert_eq!((rows.rows(), rows.entries([0])), (1, 1));
    let unseen = Finding::UnseenFeatures { column: "features".to_owned(), entries: 2, known: 5 };
    assert_eq!(encoder.findings(), [unseen]);
}

const TEXTS: &str = "label,text\nsport,the match was a great match\npolitics,the vote\nsport,\"a great, great goal\"\npolitics,vote again\n";

fn texts(data: &Prepared) -> Vec<String> {
    data.preprocessor.input_names()
}

#[test]
fn texts_become_words_and_runs_of_words() {
    let folder = Folder::new();
    let text = |options: &mut DataOptions| options.preprocess.text = Some("text".to_owned());
    let data = folder.prepared("a.csv", TEXTS, text).unwrap();
    assert_eq!(texts(&data), ["again", "goal", "great", "match", "the", "vote", "was"]);
    assert_eq!(data.train.form(), FeatureForm::Sparse { columns: 7 });
    assert!(
        data.findings.iter().any(|f| f.to_string().contains("7 of 7 different terms")),
        "{:?}",
        data.findings
    );
    let pairs = folder.prepared("a.csv", TEXTS, |options| {
        text(options);
        (options.preprocess.ngrams, options.preprocess.min_rows) = (2, 2);
    });
    assert_eq!(texts(&pairs.unwrap()), ["great", "the", "vote"]);
    let hashed = folder.prepared("a.csv", TEXTS, |options| {
        text(options);
        options.preprocess.hash_bits = Some(10);
    });
    assert_eq!(hashed.unwrap().train.form(), FeatureForm::Sparse { columns: 1024 });
}

#[test]
fn a_text_without_words_and_an_empty_vocabulary() {
    let folder = Folder::new();
    let text = |options: &mut DataOptions| options.preprocess.text = Some("text".to_owned());
    let data = folder.prepared("a.csv", "label,text\na,?? !\nb,one two\na,\n", text).unwrap();
    assert_eq!(data.train.entries([0]) + data.train.entries([2]), 0);
    assert_eq!(data.train.entries([1]), 2);
    let error = folder.prepared("b.csv", "label,text\na,x\nb,y\na,z\n", text).unwrap_err();
    assert_eq!(
        folder.message(error),
        "DIR/b.csv: no text of column `text` has a word that could be learned from\n  help: a word is two or more letters or digits, and is in at least `data.min-rows` texts: give more texts, or set it to 1"
    );
}

const LABELLED: &str = "__label__sport a great match\n\n__label__politics __label__law the vote\nno label here\n__label__sport the goal\n";

#[test]
fn lines_of_labels_and_text_are_read_and_learned_from() {
    let folder = Folder::new();
    let path = folder.write("a.ft", LABELLED);
    let mut source = sources::open(&path, &ReadOptions::default()).unwrap();
    let mut table = source.table();
    source.fill(&mut table, 1).unwrap();
    let cursor = source.cursor();
    source.fill(&mut table, 9).unwrap();
    let column = |at: usize| {
        let Values::Names(names) = &table.columns()[at] else { panic!("no names") };
        (0..table.rows()).map(|row| names.get(row).unwrap_or("-").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(column(0), ["sport", "politics", "-", "sport"]);
    assert_eq!(column(1), ["a great match", "the vote", "no label here", "the goal"]);
    table.clear();
    source.seek(cursor).unwrap();
    assert_eq!(source.fill(&mut table, 9).unwrap(), 3);
    let text = inspect(&path, &ReadOptions::default()).unwrap().to_string();
    assert!(text.contains("label-text · 4 rows × 2 columns"), "{text}");
    let text = |options: &mut DataOptions| options.preprocess.text = Some("text".to_owned());
    let data = folder.prepared("a.txt", LABELLED, text).unwrap();
    assert_eq!((data.train.rows(), data.train.form()), (3, FeatureForm::Sparse { columns: 5 }));
    let dropped = Finding::RowsWithoutTarget { column: "label".to_owned(), rows: 1 };
    assert!(data.findings.contains(&dropped), "{:?}", data.findings);
    let several = Finding::SeveralLabels { lines: 1, first: 3 };
    assert!(data.findings.contains(&several), "{:?}", data.findings);
}

const RATINGS: &str = "user,item,when,label\n7,b,1,3\n9,a,2,5\n7,a,3,1.5\n12,c,4,2\n";

fn ratings(options: &mut DataOptions) {
    options.preprocess.embed = vec!["item".to_owned(), "user".to_owned()];
    options.preprocess.standardize_target = false;
}

#[test]
fn categories_become_indices_in_the_order_in_which_they_are_named() {
    let folder = Folder::new();
    let data = folder.prepared("a.csv", RATINGS, ratings).unwrap();
    let fields = vec![("item".to_owned(), 3), ("user".to_owned(), 3)];
    assert_eq!(data.train.form(), FeatureForm::Categories { fields, history: false, ranked: false });
    let column = |field| {
        let mut out = [9; 4];
        data.train.fill_category(0..4, field, &mut out).unwrap();
        out
    };
    // a, b, c; 12, 7, 9 in alphabetical order.
    assert_eq!((column(0), column(1)), ([1, 0, 0, 2], [1, 2, 1, 0]));
    assert_eq!(data.train.numbers(), [3.0, 5.0, 1.5, 2.0]);
    assert!(data.findings.iter().any(|f| f.to_string().contains("3 of `item`, 3 of `user`")));
}

#[test]
fn users_that_training_never_saw_are_counted_or_refused() {
    let folder = Folder::new();
    let later = folder.write("later.csv", "user,item,label\n1000,a,3\n");
    for policy in [Unseen::Ignore, Unseen::Error] {
        let data = folder.prepared("a.csv", RATINGS, |options| {
            ratings(options);
            options.preprocess.unseen = policy;
        });
        let learned = data.unwrap().preprocessor;
        let options = learned.read_options(&ReadOptions::default());
        let table = Table::read(&mut *sources::open(&later, &options).unwrap()).unwrap();
        let mut encoder = Encoder::new(&learned, &table).unwrap();
        let rows = encoder.dataset::<f32>(&table, 0..1, true);
        match policy {
            Unseen::Ignore => {
                let mut out = [0];
                rows.unwrap().fill_category([0], 1, &mut out).unwrap();
                assert_eq!(out, [NO_ROW]);
                let said = encoder.findings()[0].to_string();
                assert!(said.contains("`user`: 1 cell ") && said.contains("`1000`"), "{said}");
            }
            Unseen::Error => {
                let said = folder.message(rows.unwrap_err());
                assert!(said.starts_with("DIR/later.csv:2, column 1 `user`: `1000` was not seen"), "{said}");
            }
        }
    }
}

#[test]
fn a_column_that_is_not_there_is_named_with_the_nearest() {
    let folder = Folder::new();
    let error = folder.prepared("a.csv", RATINGS, |options| {
        options.preprocess.embed = vec!["user".to_owned(), "itme".to_owned()];
    });
    let said = folder.message(error.unwrap_err());
    assert!(said.contains("`itme`") && said.contains("`item`"), "{said}");
}
