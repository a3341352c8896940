//! Transcendental functions for single-precision lanes: branch-free, so that loops over them become
//! vector code. Each states its largest error, which the tests check against `f64`.

use crate::kernels::lane::{Lane, Test};

const ROUND: f32 = 12_582_912.0; // 1.5 · 2²³: adding it rounds to an integer in the low mantissa bits.

/// cₙ + x (cₙ₋₁ + x (…)), the coefficients from the highest power down.
#[inline(always)]
fn polynomial<X: Lane, const N: usize>(x: X, coefficients: [f32; N]) -> X {
    let mut p = x.number(coefficients[0]);
    for &c in &coefficients[1..] {
        p = p.mul_add(x, x.number(c));
    }
    p
}

/// eˣ; largest error 1.5 ulp. Overflows to ∞ above 88.72, underflows gradually below −87.3.
#[inline(always)]
pub(crate) fn exp<X: Lane>(x: X) -> X {
    let n = |v: f32| x.number(v);
    let x = n(89.0).choose(Test::Less, x, n(89.0), x);
    let x = x.choose(Test::Less, n(-104.0), n(-104.0), x);
    let (y, integer) = exp_parts(x);
    // In two factors, since n may lie outside the exponents of normal numbers.
    let half = integer.shift_right(1);
    y * power_of_two(half) * power_of_two(integer.integer_sub(half))
}

/// e^−|x|, no less than the smallest normal number; largest error 1.5 ulp.
#[inline(always)]
fn exp_minus_abs<X: Lane>(x: X) -> X {
    let least = x.number(-87.336_54);
    let x = -x.abs();
    let (y, integer) = exp_parts(x.choose(Test::Less, least, least, x));
    y * power_of_two(integer)
}

/// eˣ = y 2ⁿ with y in [√½, √2] and n an integer.
#[inline(always)]
fn exp_parts<X: Lane>(x: X) -> (X, X) {
    let n = |v: f32| x.number(v);
    // x = n ln 2 + r with |r| ≤ ln 2 / 2; ln 2 in two parts, so that r is exact to the last bits.
    let shifted = x.mul_add(n(std::f32::consts::LOG2_E), n(ROUND));
    let whole = shifted - n(ROUND);
    let r = whole.mul_add(n(-0.693_359_4), x);
    let r = whole.mul_add(n(2.121_944_4e-4), r);
    let p = [1.987_569_2e-4, 1.398_2e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_6e-1, 0.5];
    let y = polynomial(r, p).mul_add(r * r, r) + n(1.0);
    (y, shifted.integer_sub(n(ROUND)))
}

/// 2ⁿ for the integer bits of n among the exponents of normal numbers.
#[inline(always)]
fn power_of_two<X: Lane>(n: X) -> X {
    n.integer_add(n.bits(127)).shift_left(23)
}

/// ln x; largest error 1.5 ulp. NaN below 0, −∞ at 0.
#[inline(always)]
pub(crate) fn ln<X: Lane>(x: X) -> X {
    let n = |v: f32| x.number(v);
    let tiny = |yes: X, no: X| x.choose(Test::Less, n(f32::MIN_POSITIVE), yes, no);
    let scaled = tiny(x * n(8_388_608.0), x);
    // m in [√½, √2), x = m 2ᵉ.
    let root = x.bits(0x3f35_04f3);
    let shifted = scaled.integer_sub(root);
    let e = shifted.shift_right(23).integer_to_float() - tiny(n(23.0), n(0.0));
    let m = shifted.and(x.bits(0x007f_ffff)).integer_add(root) - n(1.0);
    let z = m * m;
    let p = polynomial(
        m,
        [
            7.037_683_6e-2,
            -1.151_461e-1,
            1.167_699_9e-1,
            -1.242_014_1e-1,
            1.424_932_3e-1,
            -1.666_805_8e-1,
            2.000_071_5e-1,
            -2.499_999_4e-1,
            3.333_333e-1,
        ],
    );
    let y = e.mul_add(n(-2.121_944_4e-4), p * m * z);
    let y = z.mul_add(n(-0.5), y);
    let y = e.mul_add(n(0.693_359_4), m + y);
    let y = x.choose(Test::Equal, n(f32::INFINITY), x, y);
    let y = x.choose(Test::Equal, n(0.0), n(f32::NEG_INFINITY), y);
    n(0.0).choose(Test::LessEqual, x, y, n(f32::NAN))
}

/// tanh x; largest error 2.5 ulp.
#[inline(always)]
pub(crate) fn tanh<X: Lane>(x: X) -> X {
    let n = |v: f32| x.number(v);
    let z = x * x;
    let p = polynomial(z, [-5.704_988_7e-3, 2.063_909e-2, -5.373_971e-2, 1.333_144_2e-1, -3.333_328e-1]);
    let small = (p * z).mul_add(x, x);
    let magnitude = x.abs();
    let large = n(1.0) - n(2.0) / (exp(n(2.0) * magnitude) + n(1.0));
    let large = x.choose(Test::Less, n(0.0), -large, large);
    let y = magnitude.choose(Test::Less, n(0.625), small, large);
    x.choose(Test::Unordered, x, small, y)
}

/// erf x; largest absolute error 3e-7.
#[inline(always)]
pub(crate) fn erf<X: Lane>(x: X) -> X {
    let n = |v: f32| x.number(v);
    let c = n(4.0).choose(Test::Less, x, n(4.0), x);
    let c = c.choose(Test::Less, n(-4.0), n(-4.0), c);
    let z = c * c;
    let p = polynomial(
        z,
        [
            -2.726_142_3e-10,
            2.770_681_5e-8,
            -2.101_024e-6,
            -5.692_506_4e-5,
            -7.349_906_3e-4,
            -2.954_6e-3,
            -1.609_603_3e-2,
        ],
    );
    let q = polynomial(z, [-1.456_607_2e-5, -2.133_740_6e-4, -1.682_827e-3, -7.373_329e-3, -1.426_473_9e-2]);
    let y = c * p / q;
    let y = n(1.0).choose(Test::Less, y, n(1.0), y);
    let y = n(4.0).choose(Test::LessEqual, x, n(1.0), y);
    let y = y.choose(Test::Less, n(-1.0), n(-1.0), y);
    x.choose(Test::LessEqual, n(-4.0), n(-1.0), y)
}

/// 1 / (1 + e⁻ˣ), or u / (1 + u) with u = eˣ below 0: made of what [`softplus`] is made of, which a loss computes beside
/// it. Largest error 2.5 ulp.
#[inline(always)]
pub(crate) fn sigmoid<X: Lane>(x: X) -> X {
    let u = exp_minus_abs(x);
    x.choose(Test::Less, x.number(0.0), u, x.number(1.0)) / (x.number(1.0) + u)
}

/// ln(1 + eˣ) = max(x, 0) + ln(1 + u) with u = e^−|x|; ln(1 + u) by Kahan's correction of ln(w)·u/(w − 1). Largest error 3.5 ulp.
#[inline(always)]
pub(crate) fn softplus<X: Lane>(x: X) -> X {
    let n = |v: f32| x.number(v);
    let u = exp_minus_abs(x);
    let w = n(1.0) + u;
    let d = w - n(1.0);
    let log = d.choose(Test::Equal, n(0.0), u, ln(w) * (u / d));
    x.choose(Test::Less, n(0.0), n(0.0), x) + log
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
    use crate::kernels::lane::Now;

    fn now<const ISA: u8>(f: impl Fn(Now<ISA>) -> Now<ISA>, x: f32) -> f32 {
        f(Now(x)).0
    }

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
        assert_below(ulps(-87.0, 88.7, |x| now::<ISA>(exp, x), f64::exp), 1.5);
        assert_below(ulps(1e-3, 4.0, |x| now::<ISA>(ln, x), f64::ln), 1.5);
        assert_below(ulps(4.0, 1e30, |x| now::<ISA>(ln, x), f64::ln), 1.5);
        assert_below(ulps(-9.0, 9.0, |x| now::<ISA>(tanh, x), f64::tanh), 2.5);
        assert_below(ulps(-87.0, 20.0, |x| now::<ISA>(sigmoid, x), |x| 1.0 / (1.0 + (-x).exp())), 2.5);
        assert_below(ulps(-87.0, 20.0, |x| now::<ISA>(softplus, x), |x| x.exp().ln_1p()), 3.5);
        for i in -600..=600 {
            let x = i as f32 / 100.0;
            assert!((f64::from(now::<ISA>(erf, x)) - erf_f64(f64::from(x))).abs() < 3e-7, "erf {x}");
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
        assert_eq!((now::<1>(exp, inf), now::<1>(exp, -inf), now::<1>(exp, 0.0)), (inf, 0.0, 1.0));
        assert_eq!((now::<1>(exp, 89.0), now::<1>(exp, -200.0)), (inf, 0.0));
        assert!(now::<1>(exp, -100.0) > 0.0 && now::<1>(exp, nan).is_nan());
        assert_eq!((now::<1>(ln, 0.0), now::<1>(ln, inf), now::<1>(ln, 1.0)), (-inf, inf, 0.0));
        let (half, least) = (now::<1>(sigmoid, 0.0), now::<1>(sigmoid, -inf));
        assert_eq!((now::<1>(sigmoid, inf), half, least < 2e-38), (1.0, 0.5, true));
        assert_eq!((now::<1>(softplus, inf), now::<1>(softplus, -inf) < 2e-38), (inf, true));
        assert!(now::<1>(sigmoid, nan).is_nan() && now::<1>(softplus, nan).is_nan());
        assert!(now::<1>(ln, -1.0).is_nan() && now::<1>(ln, nan).is_nan());
        assert!((now::<1>(ln, 1e-40) + 92.1034).abs() < 1e-3);
        assert_eq!((now::<1>(tanh, inf), now::<1>(tanh, -inf), now::<1>(tanh, 0.0)), (1.0, -1.0, 0.0));
        assert!(now::<1>(tanh, nan).is_nan() && now::<1>(erf, nan).is_nan() && erf_f64(f64::NAN).is_nan());
        assert_eq!((now::<1>(erf, inf), erf_f64(f64::INFINITY)), (1.0, 1.0));
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
