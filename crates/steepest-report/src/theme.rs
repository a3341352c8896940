//! Colours and sizes of every picture, in one place. The hues stay apart for colour-blind readers.

use crate::drawing::Colour;

pub const PAPER: Colour = Colour(0xff, 0xff, 0xff);
pub const INK: Colour = Colour(0x1f, 0x29, 0x37);
pub const QUIET: Colour = Colour(0x64, 0x6e, 0x7e);
pub const AXIS: Colour = Colour(0x9c, 0xa3, 0xaf);
pub const GRID: Colour = Colour(0xe8, 0xea, 0xee);

pub const TRAIN: Colour = Colour(0x1d, 0x6f, 0xb8);
pub const VALIDATION: Colour = Colour(0xd9, 0x57, 0x0b);
pub const THIRD: Colour = Colour(0x0b, 0x8f, 0x6f);
pub const FOURTH: Colour = Colour(0x8e, 0x4f, 0xa8);
pub const FIFTH: Colour = Colour(0xc0, 0x2f, 0x5b);
pub const SIXTH: Colour = Colour(0x7a, 0x6a, 0x12);
pub const SEVENTH: Colour = Colour(0x4b, 0x55, 0x63);
pub const CYCLE: [Colour; 7] = [TRAIN, VALIDATION, THIRD, FOURTH, FIFTH, SIXTH, SEVENTH];

/// The dark end of the scale of a confusion matrix.
pub const DEEP: Colour = Colour(0x0b, 0x4a, 0x84);

pub const TITLE_SIZE: f32 = 19.0;
pub const LABEL_SIZE: f32 = 14.0;
pub const TICK_SIZE: f32 = 13.0;
