//! The two bundled faces: how wide a text is, and the outlines of its letters.

use ttf_parser::{Face as Parsed, GlyphId};

use crate::drawing::Face;

static REGULAR: &[u8] = include_bytes!("../fonts/Roboto-Regular.ttf");
static MEDIUM: &[u8] = include_bytes!("../fonts/Roboto-Medium.ttf");

/// A bundled face, parsed; `None` only if the bundled file were damaged.
pub(crate) fn face(face: Face) -> Option<Parsed<'static>> {
    let bytes = match face {
        Face::Regular => REGULAR,
        Face::Medium => MEDIUM,
    };
    Parsed::parse(bytes, 0).ok()
}

/// The glyph of a letter, or of a question mark if the face lacks it.
pub(crate) fn glyph(face: &Parsed<'_>, letter: char) -> GlyphId {
    face.glyph_index(letter).or_else(|| face.glyph_index('?')).unwrap_or_default()
}

/// The width of a text, in the unit of `size`.
pub(crate) fn width(text: &str, size: f32, kind: Face) -> f32 {
    let Some(face) = face(kind) else { return text.chars().count() as f32 * size * 0.5 };
    let advance =
        |letter| f32::from(face.glyph_hor_advance(glyph(&face, letter)).unwrap_or(face.units_per_em() / 2));
    text.chars().map(advance).sum::<f32>() * size / f32::from(face.units_per_em())
}

/// The text, cut with an ellipsis if it is wider than `room`.
pub(crate) fn fit(text: &str, size: f32, kind: Face, room: f32) -> String {
    if width(text, size, kind) <= room {
        return text.to_owned();
    }
    let mut kept: Vec<char> = text.chars().collect();
    while kept.pop().is_some() {
        let shorter: String = kept.iter().collect::<String>() + "…";
        if width(&shorter, size, kind) <= room {
            return shorter;
        }
    }
    String::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sign_a_picture_uses_is_in_both_faces() {
        for kind in [Face::Regular, Face::Medium] {
            let face = face(kind).unwrap();
            for letter in "Az09αβθ²⁻¹₁−≤≥×·…é% ".chars() {
                assert!(face.glyph_index(letter).is_some(), "{letter:?} is missing in {kind:?}");
            }
        }
    }

    #[test]
    fn wide_letters_are_wider_and_long_texts_are_cut() {
        assert!(width("mmm", 12.0, Face::Regular) > 2.0 * width("iii", 12.0, Face::Regular));
        assert_eq!(width("ab", 20.0, Face::Regular), 2.0 * width("ab", 10.0, Face::Regular));
        let cut = fit("a long name of a class", 12.0, Face::Regular, 60.0);
        assert!(cut.ends_with('…') && width(&cut, 12.0, Face::Regular) <= 60.0, "{cut}");
        assert_eq!(fit("short", 12.0, Face::Regular, 60.0), "short");
    }
}
