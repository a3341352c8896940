//! The two number types that features can be computed in.

mod sealed {
    use crate::dataset::Features;

    /// Closes [`Real`](super::Real) to other types, and turns its vectors into stored features.
    pub trait Sealed: Sized {
        fn store(values: Vec<Self>) -> Features;
    }
    impl Sealed for f32 {
        fn store(values: Vec<f32>) -> Features {
            Features::F32(values)
        }
    }
    impl Sealed for f64 {
        fn store(values: Vec<f64>) -> Features {
            Features::F64(values)
        }
    }
}

/// `f32` or `f64`.
pub trait Real: Copy + Default + Send + Sync + 'static + sealed::Sealed {
    /// Rounds to this type.
    fn from_f64(value: f64) -> Self;
    /// Rounds or widens to this type.
    fn from_f32(value: f32) -> Self;
    /// Copies a row of `f32`, widening if need be. Both have the same length.
    fn copy_f32(target: &mut [Self], row: &[f32]);
    /// Copies a row of `f64`, rounding if need be. Both have the same length.
    fn copy_f64(target: &mut [Self], row: &[f64]);
}

impl Real for f32 {
    #[inline]
    fn from_f64(value: f64) -> f32 {
        value as f32
    }
    #[inline]
    fn from_f32(value: f32) -> f32 {
        value
    }
    #[inline]
    fn copy_f32(target: &mut [f32], row: &[f32]) {
        target.copy_from_slice(row);
    }
    #[inline]
    fn copy_f64(target: &mut [f32], row: &[f64]) {
        target.iter_mut().zip(row).for_each(|(t, &v)| *t = v as f32);
    }
}

impl Real for f64 {
    #[inline]
    fn from_f64(value: f64) -> f64 {
        value
    }
    #[inline]
    fn from_f32(value: f32) -> f64 {
        f64::from(value)
    }
    #[inline]
    fn copy_f32(target: &mut [f64], row: &[f32]) {
        target.iter_mut().zip(row).for_each(|(t, &v)| *t = f64::from(v));
    }
    #[inline]
    fn copy_f64(target: &mut [f64], row: &[f64]) {
        target.copy_from_slice(row);
    }
}
