//! Flat buffers, aligned to cache lines and vectors.

use memmap2::MmapMut;

use crate::DType;

#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Line([u8; 64]);

/// A fixed number of plain numbers on a 64-byte boundary, zero at first.
pub(crate) struct Flat<T> {
    bytes: Bytes,
    len: usize,
    element: std::marker::PhantomData<T>,
}

/// Bytes from this on are asked of the system in large pages: with small ones, a step over megabytes of
/// parameters waits for address translation.
const LARGE: usize = 2 << 20;

enum Bytes {
    Small(Vec<Line>),
    Large(MmapMut),
}

impl Bytes {
    fn zeros(bytes: usize) -> Bytes {
        if bytes >= LARGE
            && let Ok(map) = MmapMut::map_anon(bytes.next_multiple_of(LARGE))
        {
            // Without large pages, small ones do.
            #[cfg(target_os = "linux")]
            let _ = map.advise(memmap2::Advice::HugePage);
            return Bytes::Large(map);
        }
        Bytes::Small(vec![Line([0; 64]); bytes.div_ceil(64)])
    }

    fn as_ptr(&self) -> *const u8 {
        match self {
            Bytes::Small(lines) => lines.as_ptr().cast(),
            Bytes::Large(map) => map.as_ptr(),
        }
    }

    fn as_mut_ptr(&mut self) -> *mut u8 {
        match self {
            Bytes::Small(lines) => lines.as_mut_ptr().cast(),
            Bytes::Large(map) => map.as_mut_ptr(),
        }
    }
}

/// Numbers for which all-zero bytes are a value and that need no dropping.
pub(crate) trait Plain: Copy + 'static {}
impl Plain for f32 {}
impl Plain for f64 {}
impl Plain for u32 {}

impl<T: Plain> Flat<T> {
    pub fn zeros(len: usize) -> Flat<T> {
        Flat { bytes: Bytes::zeros(len * size_of::<T>()), len, element: std::marker::PhantomData }
    }

    pub fn as_slice(&self) -> &[T] {
        // SAFETY: the bytes hold at least `len` elements, aligned to 64 or to a page; any bytes are a plain number.
        unsafe { std::slice::from_raw_parts(self.bytes.as_ptr().cast(), self.len) }
    }

    pub fn as_mut_slice(&mut self) -> &mut [T] {
        // SAFETY: as above, and `self` is borrowed exclusively.
        unsafe { std::slice::from_raw_parts_mut(self.bytes.as_mut_ptr().cast(), self.len) }
    }

    pub fn as_mut_ptr(&mut self) -> *mut T {
        self.bytes.as_mut_ptr().cast()
    }
}

impl<T: Plain> Clone for Flat<T> {
    fn clone(&self) -> Flat<T> {
        let mut copy = Flat::zeros(self.len);
        copy.as_mut_slice().copy_from_slice(self.as_slice());
        copy
    }
}

/// A flat buffer of reals in one of the two precisions; the home of all variables of a model.
#[derive(Clone)]
pub struct Reals(pub(crate) Repr);

#[derive(Clone)]
pub(crate) enum Repr {
    F32(Flat<f32>),
    F64(Flat<f64>),
}

/// A view of reals in their precision.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Slice<'a> {
    /// Single precision.
    F32(&'a [f32]),
    /// Double precision.
    F64(&'a [f64]),
}

/// A writable view of reals in their precision.
#[derive(Debug, PartialEq)]
pub enum SliceMut<'a> {
    /// Single precision.
    F32(&'a mut [f32]),
    /// Double precision.
    F64(&'a mut [f64]),
}

impl Slice<'_> {
    /// The number of values.
    pub fn len(&self) -> usize {
        match self {
            Slice::F32(v) => v.len(),
            Slice::F64(v) => v.len(),
        }
    }

    /// Whether there are no values.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A value; NaN beyond the end.
    pub fn get(&self, index: usize) -> f64 {
        match self {
            Slice::F32(v) => v.get(index).map_or(f64::NAN, |&x| f64::from(x)),
            Slice::F64(v) => v.get(index).copied().unwrap_or(f64::NAN),
        }
    }

    /// All values as doubles.
    pub fn to_f64(&self) -> Vec<f64> {
        match self {
            Slice::F32(v) => v.iter().map(|&x| f64::from(x)).collect(),
            Slice::F64(v) => v.to_vec(),
        }
    }

    /// The values' bytes, little-endian, in order.
    pub fn to_le_bytes(&self) -> Vec<u8> {
        match self {
            Slice::F32(v) => v.iter().flat_map(|x| x.to_le_bytes()).collect(),
            Slice::F64(v) => v.iter().flat_map(|x| x.to_le_bytes()).collect(),
        }
    }

    /// Whether all values are finite.
    pub fn is_finite(&self) -> bool {
        match self {
            Slice::F32(v) => v.iter().all(|x| x.is_finite()),
            Slice::F64(v) => v.iter().all(|x| x.is_finite()),
        }
    }
}

impl SliceMut<'_> {
    /// The number of values.
    pub fn len(&self) -> usize {
        match self {
            SliceMut::F32(v) => v.len(),
            SliceMut::F64(v) => v.len(),
        }
    }

    /// Whether there are no values.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Sets each value to a function of its position, rounded to the precision.
    pub fn fill_with(&mut self, value: impl Fn(usize) -> f64) {
        match self {
            SliceMut::F32(v) => v.iter_mut().enumerate().for_each(|(i, x)| *x = value(i) as f32),
            SliceMut::F64(v) => v.iter_mut().enumerate().for_each(|(i, x)| *x = value(i)),
        }
    }
}

impl Reals {
    /// `len` zeros. `U32` is not a real type; it gives `F32`.
    pub fn zeros(dtype: DType, len: usize) -> Reals {
        Reals(match dtype {
            DType::F64 => Repr::F64(Flat::zeros(len)),
            DType::F32 | DType::U32 => Repr::F32(Flat::zeros(len)),
        })
    }

    /// The precision.
    pub fn dtype(&self) -> DType {
        match self.0 {
            Repr::F32(_) => DType::F32,
            Repr::F64(_) => DType::F64,
        }
    }

    /// All values.
    pub fn as_slice(&self) -> Slice<'_> {
        match &self.0 {
            Repr::F32(v) => Slice::F32(v.as_slice()),
            Repr::F64(v) => Slice::F64(v.as_slice()),
        }
    }

    /// All values, writable.
    pub fn as_mut_slice(&mut self) -> SliceMut<'_> {
        match &mut self.0 {
            Repr::F32(v) => SliceMut::F32(v.as_mut_slice()),
            Repr::F64(v) => SliceMut::F64(v.as_mut_slice()),
        }
    }

    /// The values in a range; empty if the range is outside.
    pub fn range(&self, start: usize, len: usize) -> Slice<'_> {
        match &self.0 {
            Repr::F32(v) => Slice::F32(v.as_slice().get(start..start + len).unwrap_or_default()),
            Repr::F64(v) => Slice::F64(v.as_slice().get(start..start + len).unwrap_or_default()),
        }
    }

    /// The values in a range, writable; empty if the range is outside.
    pub fn range_mut(&mut self, start: usize, len: usize) -> SliceMut<'_> {
        match &mut self.0 {
            Repr::F32(v) => SliceMut::F32(v.as_mut_slice().get_mut(start..start + len).unwrap_or_default()),
            Repr::F64(v) => SliceMut::F64(v.as_mut_slice().get_mut(start..start + len).unwrap_or_default()),
        }
    }
}
