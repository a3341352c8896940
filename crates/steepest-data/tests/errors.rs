//! Every message that bad data can cause, word for word.

use std::io::Write;
use std::path::{Path, PathBuf};

use steepest_data::{
    BatchSize, ColumnKind, CsvSource, DataError, DataOptions, Dataset, Encoder, Fractions, IdxSource,
    MemorySource, PreprocessOptions, Preprocessor, ReadOptions, Source, Split, Table, TargetsMut, Task,
    Unseen, prepare, sources,
};
use tempfile::TempDir;

/// A folder that is removed afterwards; its path is written `DIR` in messages.
struct Folder(TempDir);

impl Folder {
    fn new() -> Folder {
        Folder(tempfile::tempdir().unwrap())
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    fn message(&self, error: DataError) -> String {
        error.to_string().replace(&format!("{}/", self.0.path().display()), "DIR/")
    }
}

fn table(path: &Path, options: &ReadOptions) -> Result<Table, DataError> {
    Table::read(&mut *sources::open(path, options)?)
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn utf16(text: &str, mark: bool) -> Vec<u8> {
    let start = if mark { vec![0xFF, 0xFE] } else { Vec::new() };
    start.into_iter().chain(text.encode_utf16().flat_map(u16::to_le_bytes)).collect()
}

/// Reading `data.csv` with these bytes and options gives this message.
fn assert_reading(bytes: impl AsRef<[u8]>, options: &ReadOptions, expected: &str) {
    let folder = Folder::new();
    let path = folder.write("data.csv", bytes);
    match table(&path, options) {
        Ok(_) => panic!("expected: {expected}"),
        Err(error) => assert_eq!(folder.message(error), expected),
    }
}

fn declared(column: &str, kind: ColumnKind) -> ReadOptions {
    ReadOptions::default().column(column, kind)
}

#[test]
fn reading_text() {
    let plain = ReadOptions::default();
    let cases: [(&[u8], &str); 18] = [
        (b"", "DIR/data.csv is empty\n  help: give a file with a header line and at least one row"),
        (b" \n\n", "DIR/data.csv is empty\n  help: give a file with a header line and at least one row"),
        (
            b"\xEF\xBB\xBF",
            "DIR/data.csv is empty\n  help: give a file with a header line and at least one row",
        ),
        (
            b"a,b\n",
            "DIR/data.csv has a header line but no rows\n  help: add rows; if the first line is data, set `data.header = false`",
        ),
        (
            b"a,b\n1,2\n3\n",
            "DIR/data.csv:3: this row has 1 fields, the first line has 2\n  help: add the missing fields (an empty field is a missing value), or check the delimiter and the quotes",
        ),
        (
            b"a,b\n1,2\n3,4,5\n",
            "DIR/data.csv:3: this row has 3 fields, the first line has 2\n  help: put quotes around fields that contain the delimiter, or check `data.delimiter`",
        ),
        (
            b"a,b\n1,2\n\n\n3,4,5\n",
            "DIR/data.csv:5: this row has 3 fields, the first line has 2\n  help: put quotes around fields that contain the delimiter, or check `data.delimiter`",
        ),
        (
            b"a,b\n1,\"x\ny\"\n3\n",
            "DIR/data.csv:4: this row has 1 fields, the first line has 2\n  help: add the missing fields (an empty field is a missing value), or check the delimiter and the quotes",
        ),
        (
            b"a,b\r\n1,2\r\n3\r\n",
            "DIR/data.csv:3: this row has 1 fields, the first line has 2\n  help: add the missing fields (an empty field is a missing value), or check the delimiter and the quotes",
        ),
        (
            b"a,b\r\n1,\"x\r\ny\"\r\n\r\n3\r\n",
            "DIR/data.csv:5: this row has 1 fields, the first line has 2\n  help: add the missing fields (an empty field is a missing value), or check the delimiter and the quotes",
        ),
        (
            b"x, y ,x\n1,2,3\n",
            "DIR/data.csv:1: columns 1 and 3 are both called `x`\n  help: rename one of them",
        ),
        (
            b"a,name\n1,x\n2,caf\xE9\n",
            "DIR/data.csv:3: byte 0xE9 at offset 16 is not UTF-8 (in Windows-1252 it is `é`)\n  help: set `data.encoding = \"windows-1252\"` (or what the file is in), or convert it: iconv -f WINDOWS-1252 -t UTF-8",
        ),
        (
            b"n\xE9,m\n1,2\n",
            "DIR/data.csv:1: byte 0xE9 at offset 1 is not UTF-8 (in Windows-1252 it is `é`)\n  help: set `data.encoding = \"windows-1252\"` (or what the file is in), or convert it: iconv -f WINDOWS-1252 -t UTF-8",
        ),
        (
            b"a,b\n1,\xC3",
            "DIR/data.csv:2: byte 0xC3 at offset 6 is not UTF-8 (in Windows-1252 it is `Ã`)\n  help: set `data.encoding = \"windows-1252\"` (or what the file is in), or convert it: iconv -f WINDOWS-1252 -t UTF-8",
        ),
        (
            &utf16("a,b\n1,2\n", true),
            "DIR/data.csv is in UTF-16LE, expected UTF-8\n  help: set `data.encoding = \"utf-16le\"`, or convert it: iconv -f UTF-16LE -t UTF-8",
        ),
        (
            &utf16("a,b\n1,2\n", false),
            "DIR/data.csv is in UTF-16LE, expected UTF-8\n  help: set `data.encoding = \"utf-16le\"`, or convert it: iconv -f UTF-16LE -t UTF-8",
        ),
        (
            b"PK\x03\x04\x14\x00\x06\x08",
            "DIR/data.csv holds binary data (a NUL byte at offset 5), expected text\n  help: give a CSV, TSV or IDX file; export spreadsheets and Parquet files as CSV",
        ),
        (
            &gzip(b"a,b\n1,2\n")[..20],
            "DIR/data.csv is not a whole gzip file: unexpected end of file\n  help: download or compress it again; `gzip -t` checks it",
        ),
    ];
    for (bytes, expected) in cases {
        assert_reading(bytes, &plain, expected);
    }
}

#[test]
fn reading_cells() {
    let rows = |cell: &str| format!("id,age\n{}7,{cell}\n", "1,30\n".repeat(20));
    let plain = ReadOptions::default();
    assert_reading(
        rows("unknown"),
        &plain,
        "DIR/data.csv:22, column 2 `age`: `unknown` is not a number\n  help: mend the cell, add it to `data.missing`, or set `data.columns.age = \"categorical\"`",
    );
    assert_reading(
        rows("inf"),
        &plain,
        "DIR/data.csv:22, column 2 `age`: `inf` is not a finite number\n  help: mend the cell, or add it to `data.missing` to have it filled in",
    );
    assert_reading(
        rows("-1e999"),
        &plain,
        "DIR/data.csv:22, column 2 `age`: `-1e999` is not a finite number\n  help: mend the cell, or add it to `data.missing` to have it filled in",
    );
    for (cell, number) in [("1 234", "1234"), ("$30", "30"), ("12%", "12")] {
        assert_reading(
            rows(cell),
            &plain,
            &format!(
                "DIR/data.csv:22, column 2 `age`: `{cell}` is not a number\n  help: write it as `{number}`, add it to `data.missing`, or set `data.columns.age = \"categorical\"`"
            ),
        );
    }
    assert_reading(
        "a b,c\n\"1,234.5\",1\n",
        &declared("a b", ColumnKind::Numeric),
        "DIR/data.csv:2, column 1 `a b`: `1,234.5` is not a number\n  help: write it as `1234.5`, add it to `data.missing`, or set `data.columns.\"a b\" = \"categorical\"`",
    );
    let strict = ReadOptions { missing: vec![String::new()], ..ReadOptions::default() };
    assert_reading(
        rows("NaN"),
        &strict,
        "DIR/data.csv:22, column 2 `age`: `NaN` is not a finite number\n  help: mend the cell, or add it to `data.missing` to have it filled in",
    );
    assert_reading(
        "flag,x\nyes,1\nperhaps,2\n",
        &declared("flag", ColumnKind::Boolean),
        "DIR/data.csv:3, column 1 `flag`: `perhaps` is neither true nor false\n  help: mend the cell, add it to `data.missing`, or set `data.columns.flag = \"categorical\"`",
    );
    let long = "x".repeat(100);
    assert_reading(
        format!("a,b\n1,{long}\n"),
        &declared("b", ColumnKind::Numeric),
        &format!(
            "DIR/data.csv:2, column 2 `b`: `{}…` is not a number\n  help: mend the cell, add it to `data.missing`, or set `data.columns.b = \"categorical\"`",
            "x".repeat(60)
        ),
    );
}

#[test]
fn settings_that_do_not_fit_the_file() {
    let file = "age,job\n1,x\n2,y\n";
    assert_reading(
        file,
        &declared("Agee", ColumnKind::Numeric),
        "DIR/data.csv has no column `Agee`, wanted as named in `data.columns`, `data.crosses`, `data.embed` or `data.text`\n  help: did you mean `age`?",
    );
    assert_reading(
        file,
        &declared("age", ColumnKind::Image),
        "DIR/data.csv: column `age` cannot be read as image\n  help: use numeric, boolean, categorical or ignored",
    );
    assert_reading(
        file,
        &ReadOptions { delimiter: Some('"'), ..ReadOptions::default() },
        "'\"' cannot separate fields\n  help: use one ASCII character that is not a quote or a line end, such as `,` `;` `|` or a tab",
    );
    assert_reading(
        file,
        &ReadOptions { encoding: Some("utf-9".into()), ..ReadOptions::default() },
        "`utf-9` is not a text encoding\n  help: use a name such as `utf-8`, `windows-1252`, `utf-16le`, `shift_jis` or `gb18030`",
    );
    assert_reading(
        file,
        &ReadOptions { format: Some("cvs".into()), ..ReadOptions::default() },
        "`cvs` is not a data format\n  help: did you mean `csv`?",
    );
}

#[test]
fn files_that_are_not_there() {
    let folder = Folder::new();
    folder.write("iris.csv", "a,b\n1,2\n");
    let missing =
        |name: &str| folder.message(table(&folder.0.path().join(name), &ReadOptions::default()).unwrap_err());
    assert_eq!(missing("irs.csv"), "no such file: DIR/irs.csv\n  help: did you mean `iris.csv`?");
    assert_eq!(
        missing("elephants.tsv"),
        "no such file: DIR/elephants.tsv\n  help: check the path; it is relative to the folder you are in"
    );
    let folder_itself = table(folder.0.path(), &ReadOptions::default()).unwrap_err();
    assert!(matches!(folder_itself, DataError::NoPictures { .. }), "{folder_itself}");
}

/// Preparing `data.csv` for `target` with these options gives this message.
fn assert_preparing(text: &str, target: &str, change: impl Fn(&mut DataOptions), expected: &str) {
    let folder = Folder::new();
    let path = folder.write("data.csv", text);
    let mut options = DataOptions { split: Fractions::NONE.into(), ..DataOptions::new(path, target) };
    change(&mut options);
    match prepare(&options, 1) {
        Ok(_) => panic!("expected: {expected}"),
        Err(error) => assert_eq!(folder.message(error), expected),
    }
}

#[test]
fn targets() {
    let cases = [
        (
            "age,job\n1,x\n2,y\n",
            "jop",
            "DIR/data.csv has no column `jop`, wanted as the target\n  help: did you mean `job`?",
        ),
        (
            "age,job\n1,x\n2,y\n",
            "salary",
            "DIR/data.csv has no column `salary`, wanted as the target\n  help: there is `age`, `job`",
        ),
        (
            "x,y\n1,a\n2,a\n",
            "y",
            "target `y` has a single class, `a`: there is nothing to tell apart\n  help: name another target, or check how the file was made",
        ),
        (
            "x,y\n1,3\n2,3\n",
            "y",
            "target `y` has a single class, `3`: there is nothing to tell apart\n  help: name another target, or check how the file was made",
        ),
        (
            "x,y\n1,3.5\n2,3.5\n",
            "y",
            "target `y` is 3.5 in every row: there is nothing to learn\n  help: name another target, or check how the file was made",
        ),
        (
            "x,y\n1,?\n2,\n",
            "y",
            "target `y` is missing in every row\n  help: name another target; these texts count as missing: ``, `?`, `NA`, `N/A`, `n/a`, `#N/A`, `NaN`, `nan` or 4 others",
        ),
        (
            "x,y\n5,a\n5,b\n",
            "y",
            "DIR/data.csv: no column is left to predict `y` from\n  help: every other column is constant, missing or ignored; set `data.columns.NAME` to use one",
        ),
    ];
    for (text, target, expected) in cases {
        assert_preparing(text, target, |_| {}, expected);
    }
    assert_preparing(
        "x,y\n1,a\n2,b\n",
        "y",
        |options| options.preprocess.task = Some(Task::Regression),
        "target `y` is text, expected numbers for regression\n  help: use `data.task = \"classification\"`, or set `data.columns.y = \"numeric\"` to find the bad cells",
    );
    assert_preparing(
        &("x,y\n".to_owned() + &(0..70_000).map(|i| format!("{},{i}.5\n", i % 7)).collect::<String>()),
        "y",
        |options| options.preprocess.task = Some(Task::Classification),
        "target `y` has more than 65536 distinct numbers, too many for classes\n  help: use `data.task = \"regression\"`, or name another target",
    );
    let names: String = (0..200).map(|i| format!("{i},name{i}\n")).collect();
    assert_preparing(
        &format!("x,y\n{names}"),
        "y",
        |_| {},
        "target `y` cannot be learned: looks like identifiers or free text: 200 distinct values in 200 cells looked at\n  help: name another target, or set `data.columns.y` to \"numeric\" or \"categorical\"",
    );
}

#[test]
fn splits_and_batches() {
    assert_preparing(
        "x,y\n1,a\n2,b\n",
        "y",
        |options| options.split = Fractions { validation: 0.6, test: 0.4 }.into(),
        "cannot hold out 0.6 for validation and 0.4 for test\n  help: each must be at least 0, and together below 1, for example 0.15 and 0.15",
    );
    assert_preparing(
        "x,y\n1,a\n2,b\n",
        "y",
        |options| options.split = Default::default(),
        "the test part of 2 rows would be empty\n  help: give more rows, or change its share, `data.split.validation` or `data.split.test`",
    );
    for absurd in [0, -5, 1 << 40] {
        let error = BatchSize::new(absurd).unwrap_err().to_string();
        assert_eq!(
            error,
            format!(
                "a batch cannot hold {absurd} rows\n  help: use \"full\" or a whole number from 1 to 2147483648; 32 to 256 suits most models"
            )
        );
    }
    assert!(
        matches!(Split::random(1, 1 << 33, Fractions::NONE), Err(DataError::TooManyRows { rows }) if rows == 1 << 33)
    );
}

#[test]
fn data_that_training_never_saw() {
    let folder = Folder::new();
    let train = folder.write("train.csv", "color,size,y\nred,1,a\nblue,2,b\nred,3,a\nblue,4,b\n");
    let seen = table(&train, &ReadOptions::default()).unwrap();
    let options = PreprocessOptions { unseen: Unseen::Error, ..PreprocessOptions::default() };
    let (learned, _) = Preprocessor::fit(&seen, &[0, 1, 2, 3], "y", &options).unwrap();
    let error = |name: &str, text: &str| {
        let path = folder.write(name, text);
        let table = table(&path, &learned.read_options(&ReadOptions::default()))?;
        let mut encoder = Encoder::new(&learned, &table)?;
        encoder.features(&table, 0..table.rows(), &mut vec![0f32; table.rows() * learned.width()])?;
        encoder.targets(&table, 0..table.rows()).map(|_| ())
    };
    let message = |name: &str, text: &str| folder.message(error(name, text).unwrap_err());
    assert_eq!(
        message("unseen.csv", "size,color,y\n1,red,a\n2,green,a\n"),
        "DIR/unseen.csv:3, column 2 `color`: `green` was not seen in training, expected `blue`, `red`\n  help: mend the cell, train again with it, or set `data.unseen = \"ignore\"`"
    );
    assert_eq!(
        message("class.csv", "size,color,y\n1,red,a\n2,red,c\n"),
        "DIR/class.csv:3, column 3 `y`: class `c` was not seen in training, expected `a`, `b`\n  help: mend the cell, or train again with it"
    );
    assert_eq!(
        message("lacks.csv", "colour,size,y\nred,1,a\n"),
        "DIR/lacks.csv has no column `color`, wanted as an input of the model\n  help: did you mean `colour`?"
    );
    assert_eq!(
        message("number.csv", "color,size,y\nred,big,a\n"),
        "DIR/number.csv:2, column 2 `size`: `big` is not a number\n  help: mend the cell, add it to `data.missing`, or set `data.columns.size = \"categorical\"`"
    );
    assert!(error("fine.csv", "color,size,y\nred,,a\n").is_ok());
}

fn idx(sizes: &[u32], data: &[u8]) -> Vec<u8> {
    let header = [0, 0, 8, sizes.len() as u8];
    header.into_iter().chain(sizes.iter().flat_map(|s| s.to_be_bytes())).chain(data.iter().copied()).collect()
}

#[test]
fn idx_files() {
    let folder = Folder::new();
    let read = |name: &str, bytes: &[u8]| {
        let path = folder.write(name, bytes);
        let error = IdxSource::open(&path, &ReadOptions::default())
            .and_then(|mut s| Table::read(&mut s))
            .unwrap_err();
        folder.message(error)
    };
    assert_eq!(
        read("magic-ubyte", b"\x00\x01\x08\x03abc"),
        "DIR/magic-ubyte does not start with an IDX magic number: bytes [00, 01, 08, 03], expected 00 00, a type from 08 to 0E, and 1 to 4 axes\n  help: give an IDX file such as train-images-idx3-ubyte, gzipped or not"
    );
    assert_eq!(
        read("short-ubyte", &idx(&[3, 2, 2], &[1; 11])),
        "DIR/short-ubyte is shorter than its header announces: sizes [3, 2, 2] need 12 bytes, got 11\n  help: download the file again"
    );
    assert_eq!(
        read("long-ubyte", &idx(&[3, 2, 2], &[1; 14])),
        "DIR/long-ubyte is longer than its header announces: sizes [3, 2, 2] need 12 bytes, got 14\n  help: download the file again"
    );
    assert_eq!(
        read("header-ubyte", &idx(&[3, 2, 2], &[])[..10]),
        "DIR/header-ubyte is shorter than its header announces: sizes [3] need 12 bytes, got 6\n  help: download the file again"
    );
    assert_eq!(
        read("huge-ubyte", &idx(&[u32::MAX, u32::MAX, u32::MAX], &[])),
        "DIR/huge-ubyte announces sizes [4294967295, 4294967295, 4294967295], more than can be addressed\n  help: the header is damaged; download the file again"
    );
    assert_eq!(
        read("floats-ubyte", &[0, 0, 0x0D, 1, 0, 0, 0, 1, 0, 0, 0, 0]),
        "DIR/floats-ubyte holds IDX element type 0x0D, expected 0x08 (unsigned byte)\n  help: convert the file to unsigned bytes"
    );
    folder.write("t-labels-idx1-ubyte", idx(&[2], &[0, 1]));
    assert_eq!(
        read("t-images-idx3-ubyte", &idx(&[3, 2, 2], &[1; 12])),
        "DIR/t-images-idx3-ubyte holds 3 images, DIR/t-labels-idx1-ubyte holds 2 labels\n  help: give the labels that belong to the images with `data.labels`"
    );
    assert_eq!(
        read("empty-ubyte", b""),
        "DIR/empty-ubyte is empty\n  help: give a file with a header line and at least one row"
    );
}

#[test]
fn arrays_in_memory() {
    let names = || ["a".to_string(), "b".to_string()];
    let cases = [
        (
            Dataset::classification([2], vec![1f32, 2.0, 3.0], vec![0, 1], names()).map(|_| ()),
            "features: expected 4 values, got 3\n  help: give 4, or change the shape",
        ),
        (
            Dataset::classification([1], vec![1f32, 2.0], vec![0, 2], names()).map(|_| ()),
            "row 1 has class 2, but there are 2 classes (0 to 1)\n  help: number the classes from 0 and name every one",
        ),
        (
            Dataset::regression([2], vec![1f64, 2.0, 3.0, f64::NAN], vec![0.0, 1.0]).map(|_| ()),
            "feature 1 of row 1 is NaN\n  help: remove the row or replace the value; training on it would make every weight NaN",
        ),
        (
            Dataset::regression([1], vec![1f64, 2.0], vec![0.0, f64::INFINITY]).map(|_| ()),
            "target 0 of row 1 is inf\n  help: remove the row or replace the value; training on it would make every weight NaN",
        ),
        (
            Dataset::regression([1], vec![1f64, 2.0], vec![0.0]).map(|_| ()),
            "targets: expected 2 values, got 1\n  help: give 2, or change the shape",
        ),
        (
            MemorySource::new(["x", "x"], vec![1.0, 2.0]).map(|_| ()),
            "(memory):1: columns 1 and 2 are both called `x`\n  help: rename one of them",
        ),
    ];
    for (result, expected) in cases {
        assert_eq!(result.unwrap_err().to_string(), expected);
    }
    let data = Dataset::regression([2], vec![1f64, 2.0, 3.0, 4.0], vec![0.0, 1.0]).unwrap();
    let (mut x, mut y) = ([0f32; 4], [0u32; 2]);
    let cases = [
        (
            data.fill([2], &mut x, TargetsMut::None),
            "row 2 was asked for, but there are 2\n  help: use rows below 2",
        ),
        (
            data.fill([0, 1, 0], &mut x, TargetsMut::None),
            "feature buffer: expected 6 values, got 4\n  help: give 6, or change the shape",
        ),
        (
            data.fill([0], &mut x, TargetsMut::Classes(&mut y)),
            "the targets are numbers, asked for as class indices\n  help: check the task; a regression target has no class indices",
        ),
    ];
    for (result, expected) in cases {
        assert_eq!(result.unwrap_err().to_string(), expected);
    }
}

#[test]
fn a_cursor_beyond_the_end() {
    let folder = Folder::new();
    let path = folder.write("data.csv", "a,b\n1,2\n3,4\n");
    let mut source = CsvSource::open(&path, &ReadOptions::default()).unwrap();
    let beyond = steepest_data::Cursor { row: 900, byte: 10_000, line: 900 };
    assert_eq!(
        folder.message(source.seek(beyond).unwrap_err()),
        "DIR/data.csv: row 900 cannot be returned to\n  help: the file has changed since the position was saved; start the run again"
    );
}
