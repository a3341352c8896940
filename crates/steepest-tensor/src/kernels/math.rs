//! Transcendental functions for single-precision lanes: branch-free, so that loops over them become
//! vector code. Each states its largest error, which the tests check against `f64`.

use crate::real::Real;

const ROUND: f32 = 12_582_912.0; // 1.5 · 2²³: adding it rounds to an integer in the low mantissa bits.

#[inline(always)]
fn fma<const ISA: u8>(a: f32, b: f32, c: f32) -> f32 {
    Real::mul_add::<ISA>(a, b, c)
}

/// eˣ; largest error 1.5 ulp. Overflows to ∞ above 88.72, underflows gradually below −87.3.
#[inline(always)]
pub(crate) fn exp_f32<const ISA: u8>(x: f32) -> f32 {
    let x = if x > 89.0 { 89.0 } else { x };
    let x = if x < -104.0 { -104.0 } else { x };
    // x = n ln 2 + r with |r| ≤ ln 2 / 2; ln 2 in two parts, so that r is exact to the last bits.
    let shifted = fma::<ISA>(x, std::f32::consts::LOG2_E, ROUND);
    let n = shifted - ROUND;
    let r = fma::<ISA>(n, -0.693_359_4, x);
    let r = fma::<ISA>(n, 2.121_944_4e-4, r);
    let mut p = 1.987_569_2e-4;
    p = fma::<ISA>(p, r, 1.398_2e-3);
    p = fma::<ISA>(p, r, 8.333_452e-3);
    p = fma::<ISA>(p, r, 4.166_579_6e-2);
    p = fma::<ISA>(p, r, 1.666_666_6e-1);
    p = fma::<ISA>(p, r, 0.5);
    let y = fma::<ISA>(p, r * r, r) + 1.0;
    // 2ⁿ in two factors, since n may lie outside the exponents of normal numbers.
    let n = shifted.to_bits().wrapping_sub(ROUND.to_bits()) as i32;
    let half = n >> 1;
    let scale = |k: i32| f32::from_bits((k.wrapping_add(127) << 23) as u32);
    y * scale(half) * scale(n.wrapping_sub(half))
}

/// ln x; largest error 1.5 ulp. NaN below 0, −∞ at 0.
#[inline(always)]
pub(crate) fn ln_f32<const ISA: u8>(x: f32) -> f32 {
    let tiny = x < f32::MIN_POSITIVE;
    let scaled = if tiny { x * 8_388_608.0 } else { x };
    let bits = scaled.to_bits();
    // m in [√½, √2), x = m 2ᵉ.
    let shifted = bits.wrapping_sub(0x3f35_04f3);
    let e = (shifted as i32 >> 23) as f32 - if tiny { 23.0 } else { 0.0 };
    let m = f32::from_bits((shifted & 0x007f_ffff).wrapping_add(0x3f35_04f3)) - 1.0;
    let z = m * m;
    let mut p = 7.037_683_6e-2;
    p = fma::<ISA>(p, m, -1.151_461e-1);
    p = fma::<ISA>(p, m, 1.167_699_9e-1);
    p = fma::<ISA>(p, m, -1.242_014_1e-1);
    p = fma::<ISA>(p, m, 1.424_932_3e-1);
    p = fma::<ISA>(p, m, -1.666_805_8e-1);
    p = fma::<ISA>(p, m, 2.000_071_5e-1);
    p = fma::<ISA>(p, m, -2.499_999_4e-1);
    p = fma::<ISA>(p, m, 3.333_333e-1);
    let mut y = p * m * z;
    y = fma::<ISA>(e, -2.121_944_4e-4, y);
    y = fma::<ISA>(z, -0.5, y);
    let y = fma::<ISA>(e, 0.693_359_4, m + y);
    let y = if x == f32::INFINITY { x } else { y };
    let y = if x == 0.0 { f32::NEG_INFINITY } else { y };
    if x >= 0.0 { y } else { f32::NAN }
}

/// tanh x; largest error 2.5 ulp.
#[inline(always)]
pub(crate) fn tanh_f32<const ISA: u8>(x: f32) -> f32 {
    let z = x * x;
    let mut p = -5.704_988_7e-3;
    p = fma::<ISA>(p, z, 2.063_909e-2);
    p = fma::<ISA>(p, z, -5.373_971e-2);
    p = fma::<ISA>(p, z, 1.333_144_2e-1);
    p = fma::<ISA>(p, z, -3.333_328e-1);
    let small = fma::<ISA>(p * z, x, x);
    let magnitude = x.abs();
    let large = 1.0 - 2.0 / (exp_f32::<ISA>(2.0 * magnitude) + 1.0);
    let large = if x < 0.0 { -large } else { large };
    if magnitude < 0.625 || x.is_nan() { small } else { large }
}

/// erf x; largest absolute error 3e-7.
#[inline(always)]
pub(crate) fn erf_f32<const ISA: u8>(x: f32) -> f32 {
    let c = if x > 4.0 { 4.0 } else { x };
    let c = if c < -4.0 { -4.0 } else { c };
    let z = c * c;
    let mut p = -2.726_142_3e-10;
    p = fma::<ISA>(p, z, 2.770_681_5e-8);
    p = fma::<ISA>(p, z, -2.101_024e-6);
    p = fma::<ISA>(p, z, -5.692_506_4e-5);
    p = fma::<ISA>(p, z, -7.349_906_3e-4);
    p = fma::<ISA>(p, z, -2.954_6e-3);
    p = fma::<ISA>(p, z, -1.609_603_3e-2);
    let mut q = -1.456_607_2e-5;
    q = fma::<ISA>(q, z, -2.133_740_6e-4);
    q = fma::<ISA>(q, z, -1.682_827e-3);
    q = fma::<ISA>(q, z, -7.373_329e-3);
    q = fma::<ISA>(q, z, -1.426_473_9e-2);
    let y = c * p / q;
    let y = if x >= 4.0 || y > 1.0 { 1.0 } else { y };
    if x <= -4.0 || y < -1.0 { -1.0 } else { y }
}

/// The error function in double precision, to about 1e-15.
///
/// Below 3 the series 2/√π e^(−x²) Σ 2ⁿ x^(2n+1) / (2n+1)!!, whose terms are all positive; above it the
/// continued fraction of erfc (Abramowitz and Stegun, 1964, 7.1.6 and 7.1.14).
pub fn erf_f64(x: f64) -> f64 {
    let a = x.abs();
    if a.is_nan() {
        return x;
    }
    let value = if a < 3.0 {
        let (mut term, mut sum, mut n) = (a, a, 0.0);
        while term > sum * 1e-17 {
            n += 1.0;
            term *= 2.0 * a * a / (2.0 * n + 1.0);
            sum += term;
        }
        std::f64::consts::FRAC_2_SQRT_PI * (-a * a).exp() * sum
    } else if a < 6.0 {
        let mut fraction = a;
        for k in (1..=60).rev() {
            fraction = a + f64::from(k) / 2.0 / fraction;
        }
        1.0 - (-a * a).exp() / (fraction * std::f64::consts::PI.sqrt())
    } else {
        1.0
    };
    value.copysign(x)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The largest error in units in the last place over a sweep of `f32`s.
    fn ulps(low: f32, high: f32, ours: impl Fn(f32) -> f32, exact: impl Fn(f64) -> f64) -> f64 {
        let n = 200_000;
        let at = |i: i32| low + (high - low) * (i as f32 / n as f32);
        (0..=n)
            .map(|i| {
                let (got, want) = (ours(at(i)), exact(f64::from(at(i))));
                let ulp = f64::from(f32::EPSILON) * 2f64.powi(want.abs().log2().floor().max(-126.0) as i32);
                (f64::from(got) - want).abs() / ulp
            })
            .fold(0.0, f64::max)
    }

    #[track_caller]
    fn assert_below(got: f64, bound: f64) {
        assert!(got < bound, "{got} ulp, documented {bound}");
    }

    fn check<const ISA: u8>() {
        assert_below(ulps(-87.0, 88.7, exp_f32::<ISA>, f64::exp), 1.5);
        assert_below(ulps(1e-3, 4.0, ln_f32::<ISA>, f64::ln), 1.5);
        assert_below(ulps(4.0, 1e30, ln_f32::<ISA>, f64::ln), 1.5);
        assert_below(ulps(-9.0, 9.0, tanh_f32::<ISA>, f64::tanh), 2.5);
        for i in -600..=600 {
            let x = i as f32 / 100.0;
            assert!((f64::from(erf_f32::<ISA>(x)) - erf_f64(f64::from(x))).abs() < 3e-7, "erf {x}");
        }
    }

    #[test]
    fn errors_are_as_documented() {
        check::<1>();
        check::<0>();
    }

    #[test]
    fn edges() {
        let (inf, nan) = (f32::INFINITY, f32::NAN);
        assert_eq!((exp_f32::<1>(inf), exp_f32::<1>(-inf), exp_f32::<1>(0.0)), (inf, 0.0, 1.0));
        assert_eq!((exp_f32::<1>(89.0), exp_f32::<1>(-200.0)), (inf, 0.0));
        assert!(exp_f32::<1>(-100.0) > 0.0 && exp_f32::<1>(nan).is_nan());
        assert_eq!((ln_f32::<1>(0.0), ln_f32::<1>(inf), ln_f32::<1>(1.0)), (-inf, inf, 0.0));
        assert!(ln_f32::<1>(-1.0).is_nan() && ln_f32::<1>(nan).is_nan());
        assert!((ln_f32::<1>(1e-40) + 92.1034).abs() < 1e-3);
        assert_eq!((tanh_f32::<1>(inf), tanh_f32::<1>(-inf), tanh_f32::<1>(0.0)), (1.0, -1.0, 0.0));
        assert!(tanh_f32::<1>(nan).is_nan() && erf_f32::<1>(nan).is_nan() && erf_f64(f64::NAN).is_nan());
        assert_eq!((erf_f32::<1>(inf), erf_f64(f64::INFINITY)), (1.0, 1.0));
    }

    /// Values from Abramowitz and Stegun, table 7.1.
    #[test]
    fn erf_table() {
        for (x, y) in [(0.5, 0.520_499_877_8), (1.0, 0.842_700_792_9), (2.0, 0.995_322_265_0)] {
            assert!((erf_f64(x) - y).abs() < 1e-10 && (erf_f64(-x) + y).abs() < 1e-10);
        }
        assert!((erf_f64(3.0) - 0.999_977_909_503_001_4).abs() < 1e-15);
        assert!((erf_f64(2.999_999_999) - erf_f64(3.000_000_001)).abs() < 1e-12);
    }
}
