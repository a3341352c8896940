//! What a step's instructions see of the memory.

use crate::native::LANES;
use crate::program::{Place, Space};

/// What kernels see of the memory: the base of each buffer, and the thread's own scratch.
pub(crate) struct Memory<T> {
    pub arena: *mut T,
    pub index: *mut u32,
    pub variables: *mut T,
    /// Within a loop: the arena's base, moved on by each of the loop's strides.
    pub moving: *const *mut T,
    pub scalars: *const f64,
    /// The same scalars in the program's precision.
    pub reals: *const T,
    pub scratch: *mut T,
    /// The thread's own memory, and the first unit of the block that it holds.
    pub own: *mut T,
    pub start: usize,
}

/// What addresses are counted from in all of a step, numbered as in [`Memory::bases`].
#[derive(Clone, Copy, Debug)]
pub(crate) enum Base {
    Arena,
    Index,
    Variables,
    /// A thread's own places.
    Own,
    Scratch,
    Reals,
    /// [`LANES`].
    Lanes,
}

/// The addresses of all bases, by number.
pub(crate) type Bases = [*mut u8; 7];

/// An address by what it is counted from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Address {
    pub base: Base,
    /// Bytes behind the base.
    pub bytes: usize,
}

impl Address {
    /// The first element of a place outside loops, in a block that begins with the first unit.
    pub fn of(place: Place, size: usize) -> Address {
        let (base, size) = match place.space {
            Space::Own { .. } => (Base::Own, size),
            Space::Variables => (Base::Variables, size),
            Space::Index => (Base::Index, size_of::<u32>()),
            Space::Arena | Space::Moving(_) => (Base::Arena, size),
        };
        Address { base, bytes: place.offset * size }
    }

    /// It is inside a buffer only if these are the buffers that it was made for.
    #[inline(always)]
    pub fn at(self, bases: &Bases) -> *mut u8 {
        bases[self.base as usize].wrapping_add(self.bytes)
    }
}

impl<T> Memory<T> {
    #[inline(always)]
    pub fn bases(&self) -> Bases {
        [
            self.arena.cast(),
            self.index.cast(),
            self.variables.cast(),
            self.own.cast(),
            self.scratch.cast(),
            self.reals.cast_mut().cast(),
            LANES.as_ptr().cast_mut().cast(),
        ]
    }

    /// # Safety
    /// The number is one of the loop's strides.
    #[inline(always)]
    pub unsafe fn moved(&self, number: u8) -> *mut T {
        // SAFETY: the caller promises the stride.
        unsafe { *self.moving.add(number as usize) }
    }

    /// The element of a place that is `skip` elements behind its first, which a unit of the block begins with.
    ///
    /// # Safety
    /// The place was verified against the buffers, and the element is in it.
    #[inline(always)]
    pub unsafe fn at(&self, place: Place, skip: usize) -> *mut T {
        // SAFETY: the element is inside the buffer.
        unsafe {
            match place.space {
                Space::Own { stride } => self.own.add(place.offset + skip - self.start * stride),
                _ => self.real(place).add(skip),
            }
        }
    }

    /// # Safety
    /// The place was verified against the buffers, and is not a thread's own.
    #[inline(always)]
    pub unsafe fn real(&self, place: Place) -> *mut T {
        let base = match place.space {
            Space::Variables => self.variables,
            // SAFETY: such places stand only in loops, which have as many strides.
            Space::Moving(number) => unsafe { self.moved(number) },
            _ => self.arena,
        };
        // SAFETY: the place is inside the buffer.
        unsafe { base.add(place.offset) }
    }

    /// # Safety
    /// The place was verified against the buffers and is in the index space.
    #[inline(always)]
    pub unsafe fn index(&self, place: Place) -> *mut u32 {
        // SAFETY: the place is inside the buffer.
        unsafe { self.index.add(place.offset) }
    }
}
