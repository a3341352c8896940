//! Folders of pictures, and random changes of training images.

use std::path::Path;

use image::{GrayImage, ImageFormat, Luma, Rgb, RgbImage};
use steepest_data::{
    Augmentation, DataError, DataOptions, Fractions, ReadOptions, Table, TargetKind, TargetsMut, Values,
    inspect, prepare, sources,
};

/// A grey picture whose pixels count up from a number.
fn grey(path: &Path, from: u8, width: u32) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let picture = GrayImage::from_fn(width, 2, |x, y| Luma([from + (y * width + x) as u8]));
    picture.save_with_format(path, ImageFormat::Png).unwrap();
}

fn two_classes() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for i in 0..3 {
        grey(&folder.path().join(format!("cat/{i}.png")), 10 * i, 3);
        grey(&folder.path().join(format!("bird/{i}.PNG")), 100 + 10 * i, 3);
    }
    std::fs::write(folder.path().join("cat/notes.txt"), "not a picture").unwrap();
    folder
}

#[test]
fn folders_are_classes_in_the_order_of_their_names() {
    let folder = two_classes();
    let mut source = sources::open(folder.path(), &ReadOptions::default()).unwrap();
    assert_eq!(source.image()[..], [2, 3]);
    let table = Table::read(&mut *source).unwrap();
    let [Values::Images { pixels, .. }, Values::Names(names)] = table.columns() else {
        panic!("two columns")
    };
    assert_eq!(pixels[..6], [100, 101, 102, 103, 104, 105]);
    assert_eq!(pixels[30..], [20, 21, 22, 23, 24, 25]);
    assert_eq!(
        (0..6).map(|row| names.get(row).unwrap()).collect::<Vec<_>>(),
        ["bird"; 3].iter().chain(&["cat"; 3]).copied().collect::<Vec<_>>()
    );
}

#[test]
fn a_pass_goes_on_where_it_stood() {
    let folder = two_classes();
    let open = || sources::open(folder.path(), &ReadOptions::default()).unwrap();
    let mut source = open();
    let mut table = source.table();
    assert_eq!(source.fill(&mut table, 4).unwrap(), 4);
    let mut other = open();
    other.seek(source.cursor()).unwrap();
    let mut rest = other.table();
    assert_eq!((other.fill(&mut rest, 9).unwrap(), other.fill(&mut rest, 9).unwrap()), (2, 0));
    let Values::Images { pixels, .. } = &rest.columns()[0] else { panic!("images") };
    assert_eq!(pixels[0], 10);
}

#[test]
fn coloured_pictures_have_three_channels_and_grey_ones_among_them_too() {
    let folder = tempfile::tempdir().unwrap();
    let save = |name: &str, picture: RgbImage| {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        picture.save(path).unwrap();
    };
    save("a/0.png", RgbImage::from_pixel(3, 2, Rgb([1, 2, 3])));
    save("b/1.jpg", RgbImage::from_pixel(3, 2, Rgb([200, 200, 200])));
    grey(&folder.path().join("b/2.png"), 7, 3);
    let table = Table::read(&mut *sources::open(folder.path(), &ReadOptions::default()).unwrap()).unwrap();
    let Values::Images { pixels, shape } = &table.columns()[0] else { panic!("images") };
    assert_eq!((&shape[..], &pixels[..3], &pixels[36..39]), (&[2, 3, 3][..], &[1, 2, 3][..], &[7, 7, 7][..]));
    assert!(pixels[18..36].iter().all(|&byte| byte.abs_diff(200) <= 2), "{:?}", &pixels[18..36]);
}

#[test]
fn what_is_wrong_with_a_folder_is_said() {
    let read = |folder: &Path| Table::read(&mut *sources::open(folder, &ReadOptions::default())?);
    let empty = tempfile::tempdir().unwrap();
    assert!(matches!(read(empty.path()), Err(DataError::NoPictures { .. })));
    let folder = two_classes();
    grey(&folder.path().join("cat/9.png"), 0, 4);
    let message = read(folder.path()).unwrap_err().to_string();
    assert!(message.contains("9.png is [2, 4]") && message.contains("[2, 3]"), "{message}");
    let folder = two_classes();
    std::fs::write(folder.path().join("bird/1.png"), b"\x89PNG\r\n\x1a\nbroken").unwrap();
    let message = read(folder.path()).unwrap_err().to_string();
    assert!(message.contains("1.png") && message.contains("help:"), "{message}");
}

#[test]
fn training_images_change_with_the_epoch_and_others_stay() {
    let folder = two_classes();
    let options = DataOptions {
        split: Fractions { validation: 0.4, test: 0.0 }.into(),
        augment: Augmentation { shift: 1, flip: true },
        ..DataOptions::new(folder.path(), "label")
    };
    let data = prepare(&options, 5).unwrap();
    assert_eq!(data.train.example()[..], [2, 3]);
    assert!(matches!(data.train.target_kind(), TargetKind::Classes { names } if names == ["bird", "cat"]));
    let filled = |data: &steepest_data::Dataset| {
        let mut x = vec![0.0f32; data.rows() * 6];
        data.fill(0..data.rows(), &mut x, TargetsMut::None).unwrap();
        x
    };
    let epochs: Vec<Vec<f32>> = (0..4).map(|epoch| filled(&data.train.at_epoch(epoch))).collect();
    assert_eq!(epochs[2], filled(&data.train.at_epoch(2)));
    assert!(epochs[0] != epochs[1] && epochs[1] != epochs[2], "{epochs:?}");
    let validation = data.validation.unwrap();
    assert_eq!(filled(&validation.at_epoch(0)), filled(&validation.at_epoch(3)));
}

#[test]
fn folders_can_be_looked_at() {
    let folder = two_classes();
    let seen = inspect(folder.path(), &ReadOptions::default()).unwrap();
    assert_eq!((seen.format, seen.rows, seen.columns.len()), ("folder", 6, 2));
    let before = seen.fingerprint;
    grey(&folder.path().join("cat/0.png"), 99, 3);
    assert_ne!(inspect(folder.path(), &ReadOptions::default()).unwrap().fingerprint, before);
}
