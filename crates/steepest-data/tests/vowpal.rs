//! Vowpal Wabbit's format, hashed columns and weights: what is read, and every message.

use std::path::PathBuf;

use steepest_data::{
    DataError, DataOptions, FeatureForm, Prepared, PreprocessOptions, ReadOptions, Table, prepare, sources,
};
use tempfile::TempDir;

struct Folder(TempDir);

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

    fn prepared(
        &self,
        name: &str,
        text: &str,
        target: &str,
        how: PreprocessOptions,
    ) -> Result<Prepared, DataError> {
        let mut options = DataOptions::new(self.write(name, text), target);
        (options.split.validation, options.split.test) = (Some(0.0), Some(0.0));
        options.preprocess = how;
        prepare(&options, 0)
    }
}

#[test]
fn bad_lines_say_where_and_what() {
    let cases = [
        ("1 a b", "`1 a b` has no `|`\n  help: put one before the features: `1 | height:1.5 age:3`"),
        (
            "yes |a",
            "`yes` is not a number, expected the row's label\n  help: begin each line with a number: `1 3:0.5 7:2`, or `1 | height:1.5` in Vowpal Wabbit's format",
        ),
        (
            "nan |a",
            "`nan` is not a number, expected the row's label\n  help: begin each line with a number: `1 3:0.5 7:2`, or `1 | height:1.5` in Vowpal Wabbit's format",
        ),
        (
            "1 -2 |a",
            "`-2` is no weight, a number of at least 0\n  help: write `label weight | …`, or `label | …` for 1",
        ),
        (
            "1 2 0 7 |a",
            "`7` is neither label, weight nor base\n  help: write `label weight | …`, and begin a tag with a quote: `'tag`",
        ),
        (
            "1 |a b:nan",
            "`b:nan` has a value that is not a finite number\n  help: leave the feature out, or give it a number",
        ),
        (
            "1 |a b:1e99",
            "`b:1e99` has a value that is not a finite number\n  help: leave the feature out, or give it a number",
        ),
        (
            "1 |a b:",
            "`b:` has a value that is not a finite number\n  help: leave the feature out, or give it a number",
        ),
        (
            "1 |a :3",
            "`:3` has a value but no name\n  help: write `name:value` without a space before the colon",
        ),
        (
            "1 |a:x b",
            "`a:x` has a value that is not a finite number\n  help: leave the feature out, or give it a number",
        ),
    ];
    for (line, expected) in cases {
        let folder = Folder::new();
        let path = folder.write("a.vw", &format!("1 | x\n\n{line}\n"));
        let error = Table::read(&mut *sources::open(&path, &ReadOptions::default()).unwrap()).unwrap_err();
        assert_eq!(folder.message(error), format!("DIR/a.vw:3: {expected}"));
    }
    let folder = Folder::new();
    let empty = sources::open(&folder.write("a.vw", ""), &ReadOptions::default()).err().unwrap();
    assert!(folder.message(empty).starts_with("DIR/a.vw is empty"));
}

#[test]
fn a_pass_goes_on_from_any_row_of_a_plain_or_compressed_file() {
    let folder = Folder::new();
    let text = "1 | a\n\n-1 2 | b c:0.5\n1 'x |n d\n0 | e";
    let plain = folder.write("a.vw", text);
    let packed = folder.0.path().join("a.vw.gz");
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut encoder, text.as_bytes()).unwrap();
    std::fs::write(&packed, encoder.finish().unwrap()).unwrap();
    for path in [plain, packed] {
        let mut source = sources::open(&path, &ReadOptions::default()).unwrap();
        let mut window = source.table();
        assert_eq!(source.fill(&mut window, 2).unwrap(), 2);
        let cursor = source.cursor();
        assert_eq!((cursor.row, cursor.line), (2, 3));
        window.clear();
        source.fill(&mut window, 9).unwrap();
        let rest = format!("{:?}", window.columns());
        source.seek(cursor).unwrap();
        window.clear();
        assert_eq!(source.fill(&mut window, 9).unwrap(), 2);
        assert_eq!(format!("{:?}", window.columns()), rest);
        assert_eq!(source.cursor().line, 5);
    }
}

#[test]
fn names_become_columns_below_two_to_the_bits_and_weights_go_with_the_rows() {
    let folder = Folder::new();
    let text = "1 | 3 3 7:2\n-1 0.25 |ns word word:2\n1 | 1048579\n";
    let data = folder.prepared("a.vw", text, "label", PreprocessOptions::default()).unwrap();
    assert_eq!(data.train.form(), FeatureForm::Sparse { columns: 1 << 18 });
    let (mut columns, mut values) = ([0; 6], [0f32; 6]);
    data.train.fill_columns(0..3, &mut columns).unwrap();
    data.train.fill_values(0..3, &mut values).unwrap();
    // A feature that stands twice counts twice; a number keeps its lowest bits.
    assert_eq!((columns[..3].to_vec(), values[..3].to_vec()), (vec![3, 3, 7], vec![1.0, 1.0, 2.0]));
    assert_eq!((columns[3], values[3..5].to_vec()), (columns[4], vec![1.0, 2.0]));
    assert!(columns[3] < 1 << 18 && columns[5] == 1048579 % (1 << 18));
    let mut weights = [0f32; 3];
    data.train.fill_weights(0..3, &mut weights).unwrap();
    assert_eq!(weights, [1.0, 0.25, 1.0]);
}

const TABLE: &str = "kind,size,w,y\nred,1,1,a\nblue,3,0.5,b\n,5,,a\nred,1,2,b\n";

#[test]
fn a_table_is_hashed_by_names_and_values() {
    let folder = Folder::new();
    let how = PreprocessOptions { hash_bits: Some(10), weight: Some("w".to_owned()), ..Default::default() };
    let data = folder.prepared("a.csv", TABLE, "y", how).unwrap();
    assert_eq!(data.train.form(), FeatureForm::Sparse { columns: 1024 });
    let row = |row: usize| {
        let (mut columns, mut values) = ([0; 2], [0f32; 2]);
        data.train.fill_columns(row..row + 1, &mut columns).unwrap();
        data.train.fill_values(row..row + 1, &mut values).unwrap();
        (columns, values)
    };
    assert_eq!(row(0), row(3));
    let (red, blue, missing) = (row(0).0, row(1).0, row(2).0);
    assert!(red[0] != blue[0] && blue[0] != missing[0] && red[1] == blue[1], "{red:?} {blue:?} {missing:?}");
    assert!(row(0).1[0] == 1.0 && row(0).1[1] < 0.0, "the number is standardized");
    let mut weights = [0f32; 4];
    data.train.fill_weights(0..4, &mut weights).unwrap();
    assert_eq!(weights, [1.0, 0.5, 1.0, 2.0]);
}

#[test]
fn weights_that_are_none_are_refused() {
    let folder = Folder::new();
    let how = |name: &str| PreprocessOptions { weight: Some(name.to_owned()), ..Default::default() };
    let negative = folder.prepared("a.csv", &TABLE.replace("0.5", "-0.5"), "y", how("w")).unwrap_err();
    assert_eq!(
        folder.message(negative),
        "DIR/a.csv:3, column 3 `w`: `-0.5` is no weight\n  help: weights say how much rows count: mend the cell, or name a column of numbers of at least 0 in `data.weight`"
    );
    let unknown = folder.prepared("a.csv", TABLE, "y", how("ww")).unwrap_err();
    assert!(folder.message(unknown).contains("the weight of each row"), "the role is named");
}

#[test]
fn a_cross_is_a_category_of_its_own() {
    let folder = Folder::new();
    let text = "a,b,n,y\nx,u,1,0\nx,v,2,1\ny,u,1,1\n,v,2,0\n".to_owned() + &"x,u,1,0\n".repeat(5);
    let path = folder.write("a.csv", &text);
    let mut options = DataOptions::new(&path, "y");
    (options.split.validation, options.split.test) = (Some(0.0), Some(0.0));
    options.read.crosses = vec!["a*b".to_owned(), "a*n".to_owned()];
    let data = prepare(&options, 0).unwrap();
    let names = data.preprocessor.input_names();
    for name in ["a*b=x × u", "a*b=x × v", "a*b=y × u", "a*b missing", "a*n=x × 2"] {
        assert!(names.iter().any(|known| known == name), "{name}: {names:?}");
    }
    // What was learned reads the parts of its crosses again.
    let read = data.preprocessor.read_options(&options.read);
    let again = Table::read(&mut *sources::open(&path, &read).unwrap()).unwrap();
    assert_eq!(data.preprocessor.dataset::<f32>(&again, &[0]).unwrap().rows(), 1);
    options.read.crosses = vec!["a*c".to_owned()];
    let unknown = prepare(&options, 0).unwrap_err();
    assert!(folder.message(unknown).contains("has no column `c`"));
    options.read.crosses = vec!["n".to_owned()];
    let lone = prepare(&options, 0).unwrap_err();
    assert!(folder.message(lone).contains("a cross is of two columns or more"));
}
