//! Subnormal numbers are zero while a program runs.
//!
//! Numbers below the smallest normal one (1.2e-38 in single precision) cost a processor a hundred times the time of
//! others: a step in which gradients of examples long learned, or moments of units long silent, have faded that far
//! takes several times as long, and nothing of what it computes with them matters. XLA treats them as zero too.

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
use std::arch::asm;
use std::marker::PhantomData;

/// As long as it lives, operations of this thread take subnormal operands for zero and give zero for subnormal
/// results.
///
/// Every run of a [`Machine`](crate::Machine) begins one. To change the processor's mode and to change it back takes some
/// nanoseconds, of which a step on one row has a hundred: who runs many such steps begins one for them all.
///
/// ```
/// use std::hint::black_box;
/// use steepest_tensor::Flush;
/// let half = || black_box(f32::MIN_POSITIVE) / black_box(2.0);
/// let subnormal = half();
/// let flush = Flush::begin();
/// if cfg!(any(target_arch = "x86_64", target_arch = "aarch64")) {
///     assert_eq!(half().to_bits(), 0);
/// }
/// drop(flush);
/// assert_eq!(half(), subnormal);
/// ```
#[derive(Debug)]
#[must_use = "subnormal numbers are zero only as long as it lives"]
pub struct Flush {
    /// The control register before; none within another one.
    before: Option<Control>,
    /// It is of the thread that began it.
    thread: PhantomData<*const ()>,
}

#[cfg(target_arch = "x86_64")]
type Control = u32;
#[cfg(not(target_arch = "x86_64"))]
type Control = u64;

/// The bits that say so: both of operands and of results.
#[cfg(target_arch = "x86_64")]
const FLUSH: Control = 1 << 15 | 1 << 6;
#[cfg(target_arch = "aarch64")]
const FLUSH: Control = 1 << 24;
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
const FLUSH: Control = 0;

impl Flush {
    /// Takes subnormal numbers for zero from now on. Within another one it changes nothing.
    #[inline]
    pub fn begin() -> Flush {
        let before = control();
        let begins = before & FLUSH != FLUSH;
        if begins {
            set_control(before | FLUSH);
        }
        Flush { before: begins.then_some(before), thread: PhantomData }
    }
}

impl Drop for Flush {
    #[inline]
    fn drop(&mut self) {
        if let Some(before) = self.before {
            set_control(before);
        }
    }
}

#[cfg(target_arch = "x86_64")]
fn control() -> Control {
    let mut control = 0;
    // SAFETY: it writes the variable, which outlives it, and nothing else.
    unsafe { asm!("stmxcsr [{}]", in(reg) &raw mut control, options(nostack, preserves_flags)) };
    control
}

#[cfg(target_arch = "x86_64")]
fn set_control(control: Control) {
    // SAFETY: rounding and exceptions stay as they are, and with them every result that is not subnormal. The
    // compiler may compute what it knows beforehand with subnormal numbers: kernels hold no such constants.
    unsafe { asm!("ldmxcsr [{}]", in(reg) &raw const control, options(nostack, preserves_flags)) };
}

#[cfg(target_arch = "aarch64")]
fn control() -> Control {
    let control;
    // SAFETY: it reads a register.
    unsafe { asm!("mrs {}, fpcr", out(reg) control, options(nomem, nostack, preserves_flags)) };
    control
}

#[cfg(target_arch = "aarch64")]
fn set_control(control: Control) {
    // SAFETY: as on other processors.
    unsafe { asm!("msr fpcr, {}", in(reg) control, options(nostack, preserves_flags)) };
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn control() -> Control {
    0
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn set_control(_: Control) {}

#[cfg(test)]
mod tests {
    use super::*;
    use std::hint::black_box;

    #[test]
    fn subnormal_numbers_are_zero_for_a_while() {
        let half = |x: f32| black_box(x) / black_box(2.0);
        assert!(half(f32::MIN_POSITIVE) > 0.0);
        let flush = Flush::begin();
        if FLUSH != 0 {
            // Bits tell: a comparison would take both for zero.
            assert_eq!(half(f32::MIN_POSITIVE).to_bits(), 0);
            assert_eq!((black_box(f32::from_bits(1)) * black_box(1e30)).to_bits(), 0);
        }
        assert_eq!(half(1.0), 0.5);
        drop(Flush::begin());
        if FLUSH != 0 {
            assert_eq!(half(f32::MIN_POSITIVE).to_bits(), 0);
        }
        drop(flush);
        assert!(half(f32::MIN_POSITIVE) > 0.0);
    }
}
