//! The two precisions, and short vectors of them.
//!
//! Kernels are written once, over [`Vector`]s of a fixed number of lanes, as plain loops over arrays;
//! compiled inside a function with `#[target_feature]`, the loops become AVX-512, AVX2 or NEON
//! instructions. Lane counts are the same on every machine, so the order of every sum is too.

use crate::kernels::lane::Now;
use crate::kernels::math;

/// Instruction sets that kernels are compiled for, as a constant: no fused multiply-add.
pub(crate) const PORTABLE: u8 = 0;
/// Fused multiply-add: AVX2 with FMA, and every 64-bit ARM.
pub(crate) const FUSED: u8 = 1;
/// AVX-512 F, BW, DQ and VL.
pub(crate) const AVX512: u8 = 2;

/// Lanes of a single-precision vector.
pub(crate) const LANES_F32: usize = 16;
/// Lanes of a double-precision vector.
pub(crate) const LANES_F64: usize = 8;

/// A precision that plans compute in.
pub(crate) trait Real:
    Copy
    + Send
    + Sync
    + Default
    + PartialOrd
    + std::fmt::Debug
    + std::ops::Add<Output = Self>
    + std::ops::Sub<Output = Self>
    + std::ops::Mul<Output = Self>
    + std::ops::Div<Output = Self>
    + std::ops::Neg<Output = Self>
    + 'static
{
    const ZERO: Self;
    const ONE: Self;
    const NEG_INFINITY: Self;
    /// Whether exp, ln, tanh and erf are vector code; otherwise they are calls, one for each element.
    const VECTOR_MATH: bool;
    fn from_f64(x: f64) -> Self;
    fn to_f64(self) -> f64;
    fn fused(self, b: Self, c: Self) -> Self;
    fn abs(self) -> Self;
    fn sqrt(self) -> Self;
    fn floor(self) -> Self;
    fn exp<const ISA: u8>(self) -> Self;
    fn ln<const ISA: u8>(self) -> Self;
    fn tanh<const ISA: u8>(self) -> Self;
    fn erf<const ISA: u8>(self) -> Self;
    fn sigmoid<const ISA: u8>(self) -> Self;
    fn softplus<const ISA: u8>(self) -> Self;
    fn sin(self) -> Self;
    fn cos(self) -> Self;
    fn pow(self, exponent: Self) -> Self;

    /// Loads `n` lanes with one masked instruction, the others being 0, if the instruction set has one.
    ///
    /// # Safety
    /// `n` elements are readable at `from`; the machine has AVX-512.
    unsafe fn load_masked<const L: usize>(from: *const Self, n: usize) -> Vector<Self, L>;

    /// Stores `n` lanes with one masked instruction.
    ///
    /// # Safety
    /// `n` elements are writable at `to`; the machine has AVX-512.
    unsafe fn store_masked<const L: usize>(vector: Vector<Self, L>, to: *mut Self, n: usize);

    /// a · b + c in every lane, as vector instructions where the set has them.
    ///
    /// # Safety
    /// The machine has the instruction set `ISA`.
    unsafe fn vector_mul_add<const L: usize, const ISA: u8>(
        a: Vector<Self, L>,
        b: Vector<Self, L>,
        c: Vector<Self, L>,
    ) -> Vector<Self, L>;

    /// a · b + c, rounded once if the machine has the instruction.
    #[inline(always)]
    fn mul_add<const ISA: u8>(self, b: Self, c: Self) -> Self {
        if ISA >= FUSED { self.fused(b, c) } else { self * b + c }
    }

    #[inline(always)]
    fn is_nan(self) -> bool {
        self.partial_cmp(&self).is_none()
    }

    /// The larger; NaN if either is.
    #[inline(always)]
    fn larger(self, other: Self) -> Self {
        let pick = if self > other { self } else { other };
        if self.is_nan() { self } else { pick }
    }

    /// The smaller; NaN if either is.
    #[inline(always)]
    fn smaller(self, other: Self) -> Self {
        let pick = if self < other { self } else { other };
        if self.is_nan() { self } else { pick }
    }

    /// 1 if true, else 0.
    #[inline(always)]
    fn truth(condition: bool) -> Self {
        if condition { Self::ONE } else { Self::ZERO }
    }
}

macro_rules! real {
    ($t:ident, $lanes:literal, $vector_math:literal, $load:path, $store:path, $wide:path, $narrow:path, $($name:ident => $math:expr),* $(,)?) => {
        impl Real for $t {
            const ZERO: $t = 0.0;
            const ONE: $t = 1.0;
            const NEG_INFINITY: $t = $t::NEG_INFINITY;
            const VECTOR_MATH: bool = $vector_math;
            #[inline(always)]
            fn from_f64(x: f64) -> $t { x as $t }
            #[inline(always)]
            fn to_f64(self) -> f64 { f64::from(self) }
            #[inline(always)]
            fn fused(self, b: $t, c: $t) -> $t { $t::mul_add(self, b, c) }
            #[inline(always)]
            fn abs(self) -> $t { $t::abs(self) }
            #[inline(always)]
            fn sqrt(self) -> $t { $t::sqrt(self) }
            #[inline(always)]
            fn floor(self) -> $t { $t::floor(self) }
            #[inline(always)]
            fn sin(self) -> $t { $t::sin(self) }
            #[inline(always)]
            fn cos(self) -> $t { $t::cos(self) }
            #[inline(always)]
            fn pow(self, exponent: $t) -> $t { $t::powf(self, exponent) }
            #[inline(always)]
            unsafe fn load_masked<const L: usize>(from: *const $t, n: usize) -> Vector<$t, L> {
                #[cfg(target_arch = "x86_64")]
                // SAFETY: the caller promises the elements and the instruction set.
                unsafe {
                    let register = $load((1 << n) - 1, from);
                    return std::mem::transmute_copy(&register);
                }
                #[cfg(not(target_arch = "x86_64"))]
                // SAFETY: the caller promises the elements.
                unsafe {
                    Vector::load_lanes(from, n, 0.0)
                }
            }
            #[inline(always)]
            unsafe fn store_masked<const L: usize>(vector: Vector<$t, L>, to: *mut $t, n: usize) {
                #[cfg(target_arch = "x86_64")]
                // SAFETY: the caller promises the elements and the instruction set.
                unsafe {
                    $store(to, (1 << n) - 1, std::mem::transmute_copy(&vector));
                }
                #[cfg(not(target_arch = "x86_64"))]
                // SAFETY: the caller promises the elements.
                unsafe {
                    vector.store_lanes(to, n);
                }
            }
            #[inline(always)]
            unsafe fn vector_mul_add<const L: usize, const ISA: u8>(
                a: Vector<$t, L>,
                b: Vector<$t, L>,
                c: Vector<$t, L>,
            ) -> Vector<$t, L> {
                #[cfg(target_arch = "x86_64")]
                if L == $lanes && ISA >= FUSED {
                    // SAFETY: a vector is 64 bytes, one register or two; the caller promises the
                    // instruction set.
                    unsafe {
                        use std::mem::transmute_copy;
                        if ISA == AVX512 {
                            let sum = $wide(transmute_copy(&a), transmute_copy(&b), transmute_copy(&c));
                            return transmute_copy(&sum);
                        }
                        let (a, b): ([_; 2], [_; 2]) = (transmute_copy(&a), transmute_copy(&b));
                        let c: [_; 2] = transmute_copy(&c);
                        let sum = [$narrow(a[0], b[0], c[0]), $narrow(a[1], b[1], c[1])];
                        return transmute_copy(&sum);
                    }
                }
                a.zip3(b, c, |a, b, c| Real::mul_add::<ISA>(a, b, c))
            }
            $(#[inline(always)]
            fn $name<const ISA: u8>(self) -> $t { $math(self) })*
        }
    };
}

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64 as arch;

real!(f32, 16, true, arch::_mm512_maskz_loadu_ps, arch::_mm512_mask_storeu_ps,
    arch::_mm512_fmadd_ps, arch::_mm256_fmadd_ps,
    exp => |x| math::exp(Now::<ISA>(x)).0, ln => |x| math::ln(Now::<ISA>(x)).0,
    tanh => |x| math::tanh(Now::<ISA>(x)).0, erf => |x| math::erf(Now::<ISA>(x)).0,
    sigmoid => |x| math::sigmoid(Now::<ISA>(x)).0, softplus => |x| math::softplus(Now::<ISA>(x)).0);
real!(f64, 8, false, arch::_mm512_maskz_loadu_pd, arch::_mm512_mask_storeu_pd,
    arch::_mm512_fmadd_pd, arch::_mm256_fmadd_pd,
    exp => f64::exp, ln => f64::ln, tanh => f64::tanh, erf => math::erf_f64,
    sigmoid => |x: f64| 1.0 / (1.0 + (-x).exp()), softplus => |x: f64| x.max(0.0) + (-x.abs()).exp().ln_1p());

/// `L` numbers that travel together.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(crate) struct Vector<T, const L: usize>(pub [T; L]);

impl<T: Real, const L: usize> Vector<T, L> {
    #[inline(always)]
    pub fn splat(x: T) -> Self {
        Vector([x; L])
    }

    /// # Safety
    /// `L` elements are readable at `from`.
    #[inline(always)]
    pub unsafe fn load(from: *const T) -> Self {
        // SAFETY: the caller promises `L` readable elements; no alignment is assumed.
        unsafe { from.cast::<Self>().read_unaligned() }
    }

    /// # Safety
    /// `L` elements are writable at `to`.
    #[inline(always)]
    pub unsafe fn store(self, to: *mut T) {
        // SAFETY: the caller promises `L` writable elements; no alignment is assumed.
        unsafe { to.cast::<Self>().write_unaligned(self) }
    }

    /// The first `n < L` elements at `from`, and 0 in the other lanes.
    ///
    /// # Safety
    /// `n` elements are readable at `from`; the machine has the instruction set `ISA`.
    #[inline(always)]
    pub unsafe fn load_part<const ISA: u8>(from: *const T, n: usize) -> Self {
        // SAFETY: the caller promises the elements and the instruction set.
        unsafe { if ISA == AVX512 { T::load_masked(from, n) } else { Self::load_lanes(from, n, T::ZERO) } }
    }

    /// Stores the first `n < L` lanes.
    ///
    /// # Safety
    /// `n` elements are writable at `to`; the machine has the instruction set `ISA`.
    #[inline(always)]
    pub unsafe fn store_part<const ISA: u8>(self, to: *mut T, n: usize) {
        // SAFETY: the caller promises the elements and the instruction set.
        unsafe { if ISA == AVX512 { T::store_masked(self, to, n) } else { self.store_lanes(to, n) } }
    }

    /// # Safety
    /// `n` elements are readable at `from`.
    #[inline(always)]
    pub unsafe fn load_lanes(from: *const T, n: usize, filler: T) -> Self {
        let mut lanes = [filler; L];
        // SAFETY: n < L, and the caller promises `n` readable elements.
        unsafe { std::ptr::copy_nonoverlapping(from, lanes.as_mut_ptr(), n) };
        Vector(lanes)
    }

    /// # Safety
    /// `n` elements are writable at `to`.
    #[inline(always)]
    unsafe fn store_lanes(self, to: *mut T, n: usize) {
        // SAFETY: n < L, and the caller promises `n` writable elements.
        unsafe { std::ptr::copy_nonoverlapping(self.0.as_ptr(), to, n) };
    }

    #[inline(always)]
    pub fn zip(self, other: Self, f: impl Fn(T, T) -> T) -> Self {
        let mut out = self.0;
        for (lane, &b) in out.iter_mut().zip(&other.0) {
            *lane = f(*lane, b);
        }
        Vector(out)
    }

    #[inline(always)]
    pub fn zip3(self, b: Self, c: Self, f: impl Fn(T, T, T) -> T) -> Self {
        let mut out = self.0;
        for ((lane, &b), &c) in out.iter_mut().zip(&b.0).zip(&c.0) {
            *lane = f(*lane, b, c);
        }
        Vector(out)
    }

    #[inline(always)]
    pub fn add(self, other: Self) -> Self {
        self.zip(other, |a, b| a + b)
    }

    /// # Safety
    /// The machine has the instruction set `ISA`.
    #[inline(always)]
    pub unsafe fn mul_add<const ISA: u8>(self, b: Self, c: Self) -> Self {
        // SAFETY: the caller promises the instruction set.
        unsafe { T::vector_mul_add::<L, ISA>(self, b, c) }
    }

    /// All lanes combined in a fixed tree.
    #[inline(always)]
    pub fn fold(self, f: impl Fn(T, T) -> T) -> T {
        let mut lanes = self.0;
        let mut half = L / 2;
        while half > 0 {
            for i in 0..half {
                lanes[i] = f(lanes[i], lanes[i + half]);
            }
            half /= 2;
        }
        lanes[0]
    }
}
