//! What is read from files: kinds, dialects, encodings, positions, and the laws of streaming.

use std::io::Write;
use std::path::PathBuf;

use steepest_data::{
    ColumnKind, CsvSource, DataOptions, Encoder, Finding, Fitter, Fractions, IdxSource, PreprocessOptions,
    Preprocessor, ReadOptions, Source, Table, TargetKind, TargetsMut, Values, inspect, prepare, sources,
};

fn write(folder: &tempfile::TempDir, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

fn read(bytes: impl AsRef<[u8]>, name: &str, options: &ReadOptions) -> Table {
    let folder = tempfile::tempdir().unwrap();
    let path = write(&folder, name, bytes);
    Table::read(&mut *sources::open(&path, options).unwrap()).unwrap()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn numbers(table: &Table, column: usize) -> &[f64] {
    match &table.columns()[column] {
        Values::Numbers(values) => values,
        other => panic!("column {column} holds {other:?}"),
    }
}

fn names(table: &Table, column: usize) -> Vec<Option<&str>> {
    match &table.columns()[column] {
        Values::Names(names) => (0..table.rows()).map(|row| names.get(row)).collect(),
        other => panic!("column {column} holds {other:?}"),
    }
}

#[test]
fn kinds_are_inferred() {
    use ColumnKind::*;
    let many: String = (0..300).map(|i| format!("id{i},")).collect::<String>();
    let cases: [(&str, ColumnKind); 10] = [
        ("1,2,3", Numeric),
        ("1,,-2.5e3,NA", Numeric),
        ("true,false,True", Boolean),
        ("y,n,,y", Boolean),
        ("0,1,1,0", Numeric),
        ("red,blue,red", Categorical),
        ("red,1,2", Categorical),
        (",?,NA", Ignored),
        (&many, Ignored),
        ("1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,x", Numeric),
    ];
    for (cells, kind) in cases {
        let text: String = cells.split(',').map(|cell| format!("{cell},0\n")).collect();
        let folder = tempfile::tempdir().unwrap();
        let path = write(&folder, "x.csv", format!("c,other\n{text}"));
        let source = CsvSource::open(&path, &ReadOptions::default()).unwrap();
        assert_eq!(source.schema().columns[0].kind, kind, "{cells}: {}", source.schema().columns[0].reason);
    }
}

#[test]
fn dialects_are_found_out() {
    let cases: [(&str, &str); 7] = [
        ("x.csv", "a,b\n1,2\n3,4\n"),
        ("x.csv", "a;b\n1;2\n3;4\n"),
        ("x.csv", "a|b\r\n1|2\r\n3|4\r\n"),
        ("x.tsv", "a\tb\n1\t2\n3\t4"),
        ("x.csv", "\"a\",\"b\"\n\"1\",\"2\"\n\n\"3\", 4 \n"),
        ("x.csv", "\u{feff}a,b\n1,2\n3,4\n"),
        ("x.txt", "  a , b\n1, 2\n   \n3,4\n"),
    ];
    for (name, text) in cases {
        let table = read(text, name, &ReadOptions::default());
        assert_eq!(table.schema().names().collect::<Vec<_>>(), ["a", "b"], "{text:?}");
        assert_eq!((numbers(&table, 0), numbers(&table, 1)), (&[1.0, 3.0][..], &[2.0, 4.0][..]), "{text:?}");
    }
    // A decimal comma in a field does not make commas the delimiter.
    let table = read("a;b\n1,5;x\n-2;y\n3,25e2;\n", "x.csv", &ReadOptions::default());
    assert_eq!(numbers(&table, 0), [1.5, -2.0, 325.0]);
    let point = ReadOptions { decimal: Some('.'), ..ReadOptions::default() };
    assert_eq!(names(&read("a;b\n1,5;x\n2,5;y\n", "x.csv", &point), 0), [Some("1,5"), Some("2,5")]);
    let mixed = read("a;b\n1.5;1,2\n2.5;3,4\n", "x.csv", &ReadOptions::default());
    assert_eq!(numbers(&mixed, 0), [1.5, 2.5]);
}

#[test]
fn headers_are_found_out() {
    let cases = [
        ("a,b\n1,2\n", vec!["a", "b"]),
        ("1,2\n3,4\n", vec!["column_1", "column_2"]),
        ("39, State-gov\n50, Private\n", vec!["column_1", "column_2"]),
        ("id,2010,2011\n1,5,6\n2,7,8\n", vec!["id", "2010", "2011"]),
        ("x,y\nred,blue\nred,green\n", vec!["x", "y"]),
        ("a,,c\n1,2,3\n", vec!["a", "column_2", "c"]),
        ("?,1\n3,4\n5,6\n", vec!["column_1", "column_2"]),
    ];
    for (text, expected) in cases {
        let table = read(text, "x.csv", &ReadOptions::default());
        assert_eq!(table.schema().names().collect::<Vec<_>>(), expected, "{text:?}");
    }
    let forced = ReadOptions { header: Some(true), ..ReadOptions::default() };
    assert_eq!(read("1,2\n3,4\n", "x.csv", &forced).schema().names().collect::<Vec<_>>(), ["1", "2"]);
}

#[test]
fn missing_texts_can_be_changed() {
    let options = ReadOptions { missing: vec!["-999".into(), "n.a.".into()], ..ReadOptions::default() };
    let table = read("a,b\n1,x\n-999,n.a.\n3,\n", "x.csv", &options);
    assert!(numbers(&table, 0)[1].is_nan());
    assert_eq!(names(&table, 1), [Some("x"), None, Some("")]);
}

#[test]
fn other_encodings_are_read_when_named() {
    let latin = ReadOptions { encoding: Some("windows-1252".into()), ..ReadOptions::default() };
    assert_eq!(names(&read(b"a,b\ncaf\xE9,1\nth\xE9,2\n", "x.csv", &latin), 0), [Some("café"), Some("thé")]);
    let wide: Vec<u8> = "a,b\ncafé,1\nthé,2\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let utf16 = ReadOptions { encoding: Some("utf-16le".into()), ..ReadOptions::default() };
    assert_eq!(names(&read(wide, "x.csv", &utf16), 0), [Some("café"), Some("thé")]);
}

#[test]
fn gzip_is_read_like_plain_text() {
    let text: String =
        "a,b\n".to_owned() + &(0..50_000).map(|i| format!("{i},{}\n", i * 2)).collect::<String>();
    let plain = read(&text, "x.csv", &ReadOptions::default());
    let packed = read(gzip(text.as_bytes()), "x.csv.gz", &ReadOptions::default());
    assert_eq!(packed.rows(), 50_000);
    assert_eq!(numbers(&plain, 1), numbers(&packed, 1));
}

#[test]
fn reading_goes_on_from_a_cursor() {
    let text: String =
        "\u{feff}a,b\n".to_owned() + &(0..1_000).map(|i| format!("{i},\"x\n{i}\"\n\n")).collect::<String>();
    let folder = tempfile::tempdir().unwrap();
    let options = ReadOptions::default().column("b", ColumnKind::Categorical);
    for (name, bytes) in [("x.csv", text.clone().into_bytes()), ("x.csv.gz", gzip(text.as_bytes()))] {
        let path = write(&folder, name, bytes);
        let mut source = CsvSource::open(&path, &options).unwrap();
        let mut first = source.table();
        assert_eq!(source.fill(&mut first, 400).unwrap(), 400);
        let cursor = source.cursor();
        let mut rest = source.table();
        while source.fill(&mut rest, 64).unwrap() > 0 {}

        let mut resumed = CsvSource::open(&path, &options).unwrap();
        resumed.seek(cursor).unwrap();
        assert_eq!(resumed.cursor().row, 400);
        let mut again = resumed.table();
        while resumed.fill(&mut again, 100).unwrap() > 0 {}
        assert_eq!(numbers(&rest, 0), numbers(&again, 0), "{name}");
        assert_eq!(names(&rest, 1), names(&again, 1), "{name}");
        assert_eq!((again.rows(), numbers(&again, 0)[0]), (600, 400.0));
        // Three lines a row below the header: row 400 stands on line 2 + 3 · 400.
        assert_eq!(again.cell(0, 0).line, 1_202, "{name}");
        assert_eq!(rest.cell(599, 0).line, again.cell(599, 0).line, "{name}");
    }
}

#[test]
fn a_window_moves_over_a_file_and_keeps_its_text() {
    let text: String =
        "a,b\n".to_owned() + &(0..100).map(|i| format!("{i}, n{} \n", i % 3)).collect::<String>();
    let folder = tempfile::tempdir().unwrap();
    let path = write(&folder, "x.csv", text);
    let mut source = sources::open(&path, &ReadOptions::default()).unwrap();
    let mut window = source.table().keep_text();
    let mut seen = 0;
    while source.fill(&mut window, 7).unwrap() > 0 {
        assert!(window.rows() <= 7);
        let fields: Vec<&str> = window.text(0).unwrap().collect();
        assert_eq!(fields, [seen.to_string(), format!(" n{} ", seen % 3)]);
        assert_eq!(names(&window, 1)[0], Some(format!("n{}", seen % 3).as_str()));
        seen += window.rows();
        window.clear();
    }
    assert_eq!(seen, 100);
}

#[test]
fn streaming_prediction_equals_the_data_set() {
    let text: String = "color,size,ok,y\n".to_owned()
        + &(0..200)
            .map(|i| {
                let color = ["red", "blue", ""][i % 3];
                let size = if i % 7 == 0 { String::new() } else { (i * i % 31).to_string() };
                format!("{color},{size},{},{}\n", if i % 5 < 2 { "yes" } else { "no" }, i % 4)
            })
            .collect::<String>();
    let folder = tempfile::tempdir().unwrap();
    let path = write(&folder, "x.csv", text);
    let options = DataOptions { split: Fractions::NONE.into(), ..DataOptions::new(&path, "y") };
    let data = prepare(&options, 1).unwrap();
    let learned = &data.preprocessor;
    assert_eq!(learned.input_names(), ["color=blue", "color=red", "color missing", "size", "ok"]);

    let width = learned.width();
    let mut whole = vec![0f32; 200 * width];
    data.train.fill(0..200, &mut whole, TargetsMut::None).unwrap();
    let mut source = sources::open(&path, &learned.read_options(&ReadOptions::default())).unwrap();
    let mut window = source.table();
    let mut encoder = Encoder::new(learned, &window).unwrap();
    let mut streamed = Vec::new();
    while source.fill(&mut window, 33).unwrap() > 0 {
        let mut x = vec![0f32; window.rows() * width];
        encoder.features(&window, 0..window.rows(), &mut x).unwrap();
        streamed.extend(x);
        window.clear();
    }
    assert_eq!(streamed, whole);
    assert!(encoder.findings().is_empty());
    // Row 0: red, size missing, ok = yes.
    assert_eq!(&whole[..5], [0.0, 1.0, 0.0, 0.0, 1.0]);
    assert_eq!(&whole[2 * 5..2 * 5 + 3], [0.0, 0.0, 1.0]);
}

#[test]
fn what_is_learned_does_not_depend_on_the_windows() {
    let text: String = "n,flag,color,rare,y\n".to_owned()
        + &(0..500)
            .map(|i: u64| {
                let n = if i.is_multiple_of(11) { "?".into() } else { (1.0 / (i + 1) as f64).to_string() };
                format!(
                    "{n},{},c{},r{},{}\n",
                    ["yes", "no", ""][i as usize % 3],
                    i % 4,
                    i * i % 301,
                    i * i % 7
                )
            })
            .collect::<String>();
    let folder = tempfile::tempdir().unwrap();
    let path = write(&folder, "x.csv", text);
    let options = ReadOptions::default().column("rare", ColumnKind::Categorical);
    for target in ["y", "color", "n", "flag"] {
        let learn = |window: usize| {
            let mut source = CsvSource::open(&path, &options).unwrap();
            let mut table = source.table();
            let mut fitter = Fitter::new(&table, target, &PreprocessOptions::default()).unwrap();
            let mut row = 0usize;
            while source.fill(&mut table, window).unwrap() > 0 {
                let training: Vec<bool> = (row..row + table.rows()).map(|row| row % 5 != 0).collect();
                fitter.observe(&table, &training);
                row += table.rows();
                table.clear();
            }
            fitter.finish().unwrap()
        };
        let whole = learn(1_000);
        assert!(!whole.1.is_empty() && whole.0.width() > 3);
        for window in [1, 7, 64, 499] {
            assert_eq!(learn(window), whole, "target {target}, windows of {window}");
        }
        let table = Table::read(&mut CsvSource::open(&path, &options).unwrap()).unwrap();
        let train: Vec<u32> = (0..500).filter(|row| row % 5 != 0).collect();
        assert_eq!(Preprocessor::fit(&table, &train, target, &PreprocessOptions::default()).unwrap(), whole);
    }
}

#[test]
fn unseen_categories_are_counted_and_reported() {
    let folder = tempfile::tempdir().unwrap();
    let train = write(&folder, "train.csv", "c,x,y\nred,1,a\nblue,2,b\nred,3,a\n");
    let test = write(&folder, "test.csv", "x,y,c\n1,a,green\n2,b,red\n3,a,pink\n");
    let options =
        DataOptions { test: Some(test), split: Fractions::NONE.into(), ..DataOptions::new(train, "y") };
    let data = prepare(&options, 1).unwrap();
    let expected = Finding::UnseenCategories { column: "c".into(), cells: 2, example: "green".into() };
    assert!(data.findings.contains(&expected), "{:?}", data.findings);
    let mut x = [9f32; 3];
    data.test.unwrap().fill([0], &mut x, TargetsMut::None).unwrap();
    assert_eq!(x[..2], [0.0, 0.0]);
    assert_eq!(data.files.len(), 2);
}

#[test]
fn columns_without_information_are_left_out_and_said_so() {
    let text: String = "same,none,flag,kind,id,x,y\n".to_owned()
        + &(0..120).map(|i| format!("5,,no,k,user{i},{},{}\n", i % 9, i % 2)).collect::<String>();
    let folder = tempfile::tempdir().unwrap();
    let path = write(&folder, "x.csv", text);
    let data = prepare(&DataOptions::new(path, "y"), 1).unwrap();
    assert_eq!(data.preprocessor.input_names(), ["x"]);
    let told: Vec<String> = data.findings.iter().map(Finding::to_string).collect();
    for expected in [
        "column `same` was left out: it is 5 in every training row",
        "column `none` was left out: every cell is missing",
        "column `flag` was left out: it is false in every training row",
        "column `kind` was left out: it is `k` in every training row",
        "column `id` was left out: looks like identifiers or free text: 120 distinct values in 120 cells looked at (set `data.columns.id = \"categorical\"` to use it)",
        "target `y` holds 2 distinct whole numbers, so this is classification (set `data.task = \"regression\"` to predict the number)",
    ] {
        assert!(told.iter().any(|line| line == expected), "{expected}\nin {told:#?}");
    }
}

#[test]
fn rows_without_a_target_are_left_out_and_said_so() {
    let folder = tempfile::tempdir().unwrap();
    let path = write(&folder, "x.csv", "x,y\n1,a\n2,\n3,b\n4,?\n5,a\n");
    let options = DataOptions { split: Fractions::NONE.into(), ..DataOptions::new(path, "y") };
    let data = prepare(&options, 1).unwrap();
    assert_eq!(data.train.classes(), [0, 1, 0]);
    assert!(data.findings.contains(&Finding::RowsWithoutTarget { column: "y".into(), rows: 2 }));
}

#[test]
fn rare_categories_share_the_zeros() {
    let text: String = "c,x,y\n".to_owned()
        + &(0..60)
            .map(|i| format!("{},{i},{}\n", ["a", "a", "b", "c", "a", "b"][i % 6], i % 2))
            .collect::<String>();
    let folder = tempfile::tempdir().unwrap();
    let path = write(&folder, "x.csv", text);
    let mut options = DataOptions { split: Fractions::NONE.into(), ..DataOptions::new(path, "y") };
    options.preprocess.max_categories = 2;
    let data = prepare(&options, 1).unwrap();
    assert_eq!(data.preprocessor.input_names(), ["c=a", "c=b", "x"]);
    assert!(data.findings.contains(&Finding::RareCategories { column: "c".into(), kept: 2, folded: 1 }));
    assert!(!data.findings.iter().any(|f| matches!(f, Finding::UnseenCategories { .. })));
    assert!(data.findings.contains(&Finding::RowNumbers { column: "x".into() }));
}

fn idx(sizes: &[u32], data: &[u8]) -> Vec<u8> {
    let header = [0, 0, 8, sizes.len() as u8];
    header.into_iter().chain(sizes.iter().flat_map(|s| s.to_be_bytes())).chain(data.iter().copied()).collect()
}

#[test]
fn idx_images_stay_bytes_until_a_batch_is_filled() {
    let folder = tempfile::tempdir().unwrap();
    let pixels: Vec<u8> = (0..20 * 6).map(|i| (i * 2) as u8).collect();
    let labels: Vec<u8> = (0..20).map(|i| i % 3).collect();
    for (suffix, pack) in [("", false), (".gz", true)] {
        let packed = |bytes: Vec<u8>| if pack { gzip(&bytes) } else { bytes };
        let images =
            write(&folder, &format!("t-images-idx3-ubyte{suffix}"), packed(idx(&[20, 2, 3], &pixels)));
        write(&folder, &format!("t-labels-idx1-ubyte{suffix}"), packed(idx(&[20], &labels)));
        let options = DataOptions {
            split: Fractions { validation: 0.2, test: 0.1 }.into(),
            ..DataOptions::new(&images, "label")
        };
        let data = prepare(&options, 1).unwrap();
        assert_eq!((data.train.rows(), data.train.example()), (14, [2, 3].into()));
        assert!(
            matches!(data.train.target_kind(), TargetKind::Classes { names } if names == ["0", "1", "2"])
        );
        assert_eq!(data.preprocessor.example(), data.train.example());
        let none = DataOptions { split: Fractions::NONE.into(), ..DataOptions::new(&images, "label") };
        let whole = prepare(&none, 1).unwrap().train;
        assert_eq!(whole.size_bytes(), 20 * 6 + 20 * 4);
        let (mut x, mut y) = (vec![0f64; 12], vec![0u32; 2]);
        whole.fill([7, 0], &mut x, TargetsMut::Classes(&mut y)).unwrap();
        let expected = [&pixels[42..48], &pixels[..6]].concat();
        assert!(x.iter().zip(expected).all(|(x, p)| (x - f64::from(p) / 255.0).abs() < 1e-7));
        assert_eq!(y, [1, 0]);

        let mut source = IdxSource::open(&images, &ReadOptions::default()).unwrap();
        let mut table = source.table();
        source.fill(&mut table, 8).unwrap();
        let cursor = source.cursor();
        source.fill(&mut table, 5).unwrap();
        table.clear();
        source.seek(cursor).unwrap();
        assert_eq!(source.fill(&mut table, 100).unwrap(), 12);
        assert_eq!(numbers(&table, 1)[0], f64::from(labels[8]));
    }
}

#[test]
fn encoding_in_f32_equals_the_image_data_set() {
    let folder = tempfile::tempdir().unwrap();
    let pixels: Vec<u8> = (0..=255).collect();
    let images = write(&folder, "images.idx", idx(&[64, 2, 2], &pixels));
    let labels = write(&folder, "labels.idx", idx(&[64], &(0..64).map(|i| i % 2).collect::<Vec<u8>>()));
    let read = ReadOptions { labels: Some(labels), ..ReadOptions::default() };
    let options = DataOptions {
        split: Fractions::NONE.into(),
        read: read.clone(),
        ..DataOptions::new(&images, "label")
    };
    let data = prepare(&options, 1).unwrap();
    let table = Table::read(&mut IdxSource::open(&images, &read).unwrap()).unwrap();
    let (learned, _) = Preprocessor::fit(&table, &[0, 1], "label", &Default::default()).unwrap();
    let (mut streamed, mut filled) = (vec![0f32; 256], vec![1f32; 256]);
    Encoder::new(&learned, &table).unwrap().features(&table, 0..64, &mut streamed).unwrap();
    data.train.fill(0..64, &mut filled, TargetsMut::None).unwrap();
    assert_eq!(streamed, filled);
}

#[test]
fn inspection_shows_what_a_file_holds() {
    let folder = tempfile::tempdir().unwrap();
    let rows: String =
        (0..40).map(|i| format!("{i},{},{}\n", [1.5, 2.5][i % 2], ["red", "blue", ""][i % 3])).collect();
    let path = write(&folder, "x.csv", format!("id,size,color\n{rows}oops,,red\n"));
    let inspection = inspect(&path, &ReadOptions::default()).unwrap();
    assert_eq!(inspection.rows, 41);
    let text = inspection.to_string();
    let expected = "\
column  kind          missing  distinct  values
id      numeric             0        41  0 to 39, mean 19.5
size    numeric             1         2  1.5 to 2.5, mean 2
color   categorical        13         2  red (15), blue (13)
note: column `id` is numeric but 1 cell is no number, such as `oops` (mend the cells, add them to `data.missing`, or set `data.columns.id = \"categorical\"`)
";
    assert_eq!(text.split_once('\n').unwrap().1, expected);
}
