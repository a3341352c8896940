//! One elementwise instruction over a block, in vectors.

use crate::kernels::TileOp;
use crate::real::{Real, Vector};

/// An operand resolved for one block.
#[derive(Clone, Copy)]
pub(crate) struct Pointer<T> {
    pub at: *const T,
    /// Elements from one row of the block to the next.
    pub row: usize,
    /// All ones if the elements follow one another, 0 if `at` is a vector of equal elements.
    pub mask: usize,
    /// Whether the element at `at + row` must be splatted for each row.
    pub splat: bool,
    /// Whether whole vectors are readable beyond the end: a register.
    pub padded: bool,
}

/// The block an instruction works on.
pub(crate) struct Block<T> {
    pub to: *mut T,
    pub to_row: usize,
    pub rows: usize,
    pub columns: usize,
    /// Whether whole vectors may be written beyond the end of a single row: a register.
    pub padded: bool,
}

/// # Safety
/// The block and the operands of `op` are readable, or writable, where the block says.
#[inline(always)]
pub(crate) unsafe fn map<T: Real, const L: usize, const ISA: u8>(
    op: TileOp,
    block: &Block<T>,
    args: &[Pointer<T>; 3],
) {
    macro_rules! lanes {
        ($arity:literal, |$($x:ident),*| $body:expr) => {
            // SAFETY: the caller promises the block and its operands.
            unsafe {
                apply::<T, L, $arity, ISA>(block, args, #[inline(always)] |v: [T; $arity]| {
                    let [$($x),*] = v;
                    $body
                })
            }
        };
    }
    // Functions that are calls run element by element.
    macro_rules! calls {
        ($arity:literal, |$($x:ident),*| $body:expr) => {
            // SAFETY: the caller promises the block and its operands.
            unsafe {
                apply::<T, 1, $arity, ISA>(block, args, #[inline(always)] |v: [T; $arity]| {
                    let [$($x),*] = v;
                    $body
                })
            }
        };
    }
    macro_rules! math {
        (|$x:ident| $body:expr) => {
            if T::VECTOR_MATH { lanes!(1, |$x| $body) } else { calls!(1, |$x| $body) }
        };
    }
    match op {
        TileOp::Copy => lanes!(1, |a| a),
        TileOp::Neg => lanes!(1, |a| -a),
        TileOp::Abs => lanes!(1, |a| a.abs()),
        TileOp::Sign => {
            lanes!(1, |a| if a.is_nan() { a } else { T::truth(a > T::ZERO) - T::truth(a < T::ZERO) })
        }
        TileOp::Exp => math!(|a| a.exp::<ISA>()),
        TileOp::Ln => math!(|a| a.ln::<ISA>()),
        TileOp::Sqrt => lanes!(1, |a| a.sqrt()),
        TileOp::Tanh => math!(|a| a.tanh::<ISA>()),
        TileOp::Sigmoid => math!(|a| a.sigmoid::<ISA>()),
        TileOp::Softplus => math!(|a| a.softplus::<ISA>()),
        TileOp::Relu => lanes!(1, |a| if a < T::ZERO { T::ZERO } else { a }),
        TileOp::Erf => math!(|a| a.erf::<ISA>()),
        TileOp::Sin => calls!(1, |a| a.sin()),
        TileOp::Cos => calls!(1, |a| a.cos()),
        TileOp::Floor => lanes!(1, |a| a.floor()),
        TileOp::Add => lanes!(2, |a, b| a + b),
        TileOp::Sub => lanes!(2, |a, b| a - b),
        TileOp::Mul => lanes!(2, |a, b| a * b),
        TileOp::Div => lanes!(2, |a, b| a / b),
        TileOp::Pow => calls!(2, |a, b| a.pow(b)),
        TileOp::Maximum => lanes!(2, |a, b| a.larger(b)),
        TileOp::Minimum => lanes!(2, |a, b| a.smaller(b)),
        TileOp::Less => lanes!(2, |a, b| T::truth(a < b)),
        TileOp::LessEqual => lanes!(2, |a, b| T::truth(a <= b)),
        TileOp::Equal => lanes!(2, |a, b| T::truth(a == b)),
        TileOp::Select => lanes!(3, |a, b, c| if a != T::ZERO { b } else { c }),
        TileOp::MulAdd => lanes!(3, |a, b, c| a.mul_add::<ISA>(b, c)),
        TileOp::MulSub => lanes!(3, |a, b, c| a.mul_add::<ISA>(b, -c)),
        TileOp::NegMulAdd => lanes!(3, |a, b, c| (-a).mul_add::<ISA>(b, c)),
    }
}

/// Applies `f` lane by lane over a block.
///
/// # Safety
/// As for [`map`].
#[inline(always)]
unsafe fn apply<T: Real, const L: usize, const N: usize, const ISA: u8>(
    block: &Block<T>,
    args: &[Pointer<T>; 3],
    f: impl Fn([T; N]) -> T + Copy,
) {
    let mut row_splats = [Vector::<T, L>::splat(T::ZERO); N];
    for r in 0..block.rows {
        let mut from = [args[0].at; N];
        let mut splats = 0;
        let mut padded = [false; N];
        for k in 0..N {
            from[k] = args[k].at.wrapping_add(r * args[k].row);
            if args[k].splat {
                // SAFETY: a row operand has an element for every row.
                row_splats[k] = Vector::splat(unsafe { *from[k] });
                from[k] = (&raw const row_splats[k]).cast();
            }
            padded[k] = args[k].padded;
            splats |= usize::from(args[k].splat || args[k].mask == 0) << k;
        }
        // SAFETY: the caller promises `columns` elements of every operand by its strides, and of the target.
        unsafe {
            let to = block.to.add(r * block.to_row);
            let line = Line { columns: block.columns, padded, to_padded: block.padded };
            along::<T, L, N, ISA>(to, &from, splats, &line, f);
        }
    }
}

/// One row of a block.
struct Line<const N: usize> {
    columns: usize,
    /// Which operands have readable elements beyond the end.
    padded: [bool; N],
    /// Whether the target has writable elements beyond the end.
    to_padded: bool,
}

impl<const N: usize> Line<N> {
    /// The last `left < L` elements. Registers are read and written as whole vectors: what one instruction
    /// stores whole, the next one can load without waiting for the cache.
    ///
    /// # Safety
    /// `left` elements are readable at each operand that is not a vector of equal elements, and writable at
    /// the target; `L` where padded.
    #[inline(always)]
    unsafe fn tail<T: Real, const L: usize, const ISA: u8>(
        &self,
        to: *mut T,
        from: &[*const T; N],
        splats: usize,
        i: usize,
        f: impl Fn([T; N]) -> T + Copy,
    ) {
        let left = self.columns - i;
        let mut x = [Vector::<T, L>::splat(T::ZERO); N];
        // SAFETY: the caller promises the elements.
        unsafe {
            for k in 0..N {
                x[k] = if splats >> k & 1 == 1 {
                    Vector::load(from[k])
                } else if self.padded[k] {
                    Vector::load(from[k].add(i))
                } else {
                    Vector::load_part::<ISA>(from[k].add(i), left)
                };
            }
            let y = lanes(&x, f);
            if self.to_padded {
                y.store(to.add(i));
            } else {
                y.store_part::<ISA>(to.add(i), left);
            }
        }
    }
}

/// One row, with the operands in `splats` (a bit each) being vectors of equal elements.
///
/// # Safety
/// As for [`map`].
#[inline(always)]
unsafe fn along<T: Real, const L: usize, const N: usize, const ISA: u8>(
    to: *mut T,
    from: &[*const T; N],
    splats: usize,
    line: &Line<N>,
    f: impl Fn([T; N]) -> T + Copy,
) {
    // SAFETY: every load and store stays below `columns`; equal operands are whole vectors.
    unsafe {
        let mut i = 0;
        while i + L <= line.columns {
            let mut x = [Vector::<T, L>::splat(T::ZERO); N];
            for k in 0..N {
                x[k] = Vector::load(if splats >> k & 1 == 1 { from[k] } else { from[k].add(i) });
            }
            lanes(&x, f).store(to.add(i));
            i += L;
        }
        if i < line.columns {
            line.tail::<T, L, ISA>(to, from, splats, i, f);
        }
    }
}

#[inline(always)]
fn lanes<T: Real, const L: usize, const N: usize>(
    x: &[Vector<T, L>; N],
    f: impl Fn([T; N]) -> T,
) -> Vector<T, L> {
    let mut out = [T::ZERO; L];
    for (i, lane) in out.iter_mut().enumerate() {
        let mut v = [T::ZERO; N];
        for k in 0..N {
            v[k] = x[k].0[i];
        }
        *lane = f(v);
    }
    Vector(out)
}
