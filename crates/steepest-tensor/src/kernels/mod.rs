//! Kernels: what a plan's instructions run, compiled once for each instruction set and chosen when the
//! program starts.

pub(crate) mod column_dot;
pub(crate) mod conv;
pub(crate) mod conv_weight;
mod elementwise;
pub(crate) mod gemm;
pub(crate) mod lane;
pub(crate) mod layout;
pub(crate) mod math;
pub(crate) mod pooling;
pub(crate) mod random;
pub(crate) mod reduce;
pub(crate) mod rows;
pub(crate) mod tile;
mod tile_op;
mod transpose;

use std::sync::OnceLock;

use crate::memory::Memory;
#[cfg(target_arch = "x86_64")]
use crate::native::product::Functions;
use crate::program::{Conv, ConvWeight, MaxPool, Tile};
use crate::real::{AVX512, FUSED, LANES_F32, LANES_F64, PORTABLE, Real};
use gemm::Product;
pub use math::erf_f64;
use rows::Entries;
use tile::Step;
pub use tile_op::TileOp;

type CopyKernel<T> = unsafe fn(&[usize], *const T, &[usize], *mut T, &[usize]);
type GatherKernel<T> = unsafe fn(*const T, (usize, usize), *const u32, T, *mut T, usize);
type WriteRowsKernel<T> = unsafe fn((*const T, usize), (*const u32, usize), bool, *mut T, (usize, usize));
type SparseProductKernel<T> = unsafe fn(&Entries<T>, *const T, (usize, usize), *mut T, (usize, usize));
type AddProductKernel<T> = unsafe fn(&Entries<T>, (*const T, usize, T), usize, *mut T, (usize, usize));

/// The kernels of one precision, compiled for one instruction set.
pub(crate) struct Kernels<T> {
    /// The instruction set's name.
    pub name: &'static str,
    pub tile: unsafe fn(&Tile, &[Step], &Memory<T>, usize, usize),
    pub product: unsafe fn(&Product<T>),
    pub dot: unsafe fn(*const T, *const T, usize) -> T,
    pub column_sum: unsafe fn(*const T, usize, usize, *mut T, usize, usize),
    pub column_dot: unsafe fn(*const T, *const T, usize, usize, *mut T),
    pub copy: CopyKernel<T>,
    pub conv: unsafe fn(&Conv, &Memory<T>, usize, usize),
    pub conv_weight: unsafe fn(&ConvWeight, &Memory<T>, usize, usize),
    pub max_pool: unsafe fn(&MaxPool, &Memory<T>, usize, usize),
    pub gather: GatherKernel<T>,
    pub write_rows: WriteRowsKernel<T>,
    pub sparse_product: SparseProductKernel<T>,
    pub add_product: AddProductKernel<T>,
}

macro_rules! tiles {
    ($name:ident, $isa:ident, $(#[$feature:meta])*) => {
        $(#[$feature])*
        unsafe fn $name<T: Real, const L: usize>(
            tile: &Tile,
            steps: &[Step],
            memory: &Memory<T>,
            first: usize,
            end: usize,
        ) {
            // SAFETY: the caller promises what the kernel asks for.
            unsafe { tile::run::<T, L, $isa>(tile, steps, memory, first, end) }
        }
    };
}

#[cfg(target_arch = "x86_64")]
tiles!(avx2_tile, FUSED, #[target_feature(enable = "avx2,fma")]);
#[cfg(target_arch = "aarch64")]
tiles!(neon_tile, FUSED,);
tiles!(portable_tile, PORTABLE,);

macro_rules! kernels {
    ($module:ident, $name:literal, $isa:ident, $tile:ident, $(#[$feature:meta])*) => {
        mod $module {
            use super::*;

            $(#[$feature])*
            unsafe fn product<T: Real, const L: usize>(p: &Product<T>) {
                // SAFETY: the caller promises what the kernel asks for.
                unsafe {
                    match gemm::copies::<T, L, $isa>(p) {
                        gemm::NOTHING => gemm::product::<T, L, $isa, { gemm::NOTHING }>(p),
                        gemm::PANELS => product_of_panels::<T, L>(p),
                        _ => product_of_factors::<T, L>(p),
                    }
                }
            }

            $(#[$feature])*
            #[inline(never)]
            unsafe fn product_of_panels<T: Real, const L: usize>(p: &Product<T>) {
                // SAFETY: the caller promises what the kernel asks for.
                unsafe { gemm::product::<T, L, $isa, { gemm::PANELS }>(p) }
            }

            $(#[$feature])*
            #[inline(never)]
            unsafe fn product_of_factors<T: Real, const L: usize>(p: &Product<T>) {
                // SAFETY: the caller promises what the kernel asks for.
                unsafe { gemm::product::<T, L, $isa, { gemm::FACTORS }>(p) }
            }

            $(#[$feature])*
            unsafe fn dot<T: Real, const L: usize>(a: *const T, b: *const T, n: usize) -> T {
                // SAFETY: the caller promises what the kernel asks for.
                unsafe { gemm::dot::<T, L, $isa>(a, b, n) }
            }

            $(#[$feature])*
            unsafe fn column_sum<T: Real, const L: usize>(
                from: *const T,
                rows: usize,
                columns: usize,
                to: *mut T,
                first: usize,
                end: usize,
            ) {
                // SAFETY: the caller promises what the kernel asks for.
                unsafe { layout::column_sum::<T, L, $isa>(from, rows, columns, to, first, end) }
            }

            $(#[$feature])*
            unsafe fn copy<T: Real, const L: usize>(
                sizes: &[usize],
                from: *const T,
                from_strides: &[usize],
                to: *mut T,
                to_strides: &[usize],
            ) {
                // SAFETY: the caller promises what the kernel asks for.
                unsafe { layout::copy::<T, $isa>(sizes, from, from_strides, to, to_strides) }
            }

            $(#[$feature])*
            unsafe fn column_dot<T: Real, const L: usize>(
                a: *const T,
                b: *const T,
                rows: usize,
                columns: usize,
                to: *mut T,
            ) {
                // SAFETY: the caller promises what the kernel asks for.
                unsafe { column_dot::column_dot::<T, L, $isa>(a, b, rows, columns, to) }
            }

            $(#[$feature])*
            unsafe fn conv<T: Real, const L: usize>(c: &Conv, memory: &Memory<T>, first: usize, end: usize) {
                // SAFETY: the caller promises what the kernel asks for.
                unsafe { conv::conv::<T, L, $isa>(c, memory, first, end) }
            }

            $(#[$feature])*
            unsafe fn conv_weight<T: Real, const L: usize>(
                c: &ConvWeight,
                memory: &Memory<T>,
                first: usize,
                end: usize,
            ) {
                // SAFETY: the caller promises what the kernel asks for.
                unsafe { conv_weight::weight::<T, L, $isa>(c, memory, first, end) }
            }

            $(#[$feature])*
            unsafe fn max_pool<T: Real, const L: usize>(
                p: &MaxPool,
                memory: &Memory<T>,
                first: usize,
                end: usize,
            ) {
                // SAFETY: the caller promises what the kernel asks for.
                unsafe { pooling::max_pool::<T, L, $isa>(p, memory, first, end) }
            }

            $(#[$feature])*
            unsafe fn gather<T: Real, const L: usize>(
                table: *const T,
                size: (usize, usize),
                indices: *const u32,
                outside: T,
                to: *mut T,
                count: usize,
            ) {
                // SAFETY: the caller promises what the kernel asks for.
                unsafe { rows::gather::<T, L, $isa>(table, size, indices, outside, to, count) }
            }

            $(#[$feature])*
            unsafe fn write_rows<T: Real, const L: usize>(
                values: (*const T, usize),
                indices: (*const u32, usize),
                add: bool,
                to: *mut T,
                range: (usize, usize),
            ) {
                // SAFETY: the caller promises what the kernel asks for.
                unsafe { rows::write_rows::<T, L, $isa>(values, indices, add, to, range) }
            }

            $(#[$feature])*
            unsafe fn sparse_product<T: Real>(
                csr: &Entries<T>,
                dense: *const T,
                size: (usize, usize),
                to: *mut T,
                range: (usize, usize),
            ) {
                // SAFETY: the caller promises what the kernel asks for.
                unsafe { rows::sparse_product(csr, dense, size, to, range) }
            }

            $(#[$feature])*
            unsafe fn add_product<T: Real>(
                csr: &Entries<T>,
                by: (*const T, usize, T),
                width: usize,
                to: *mut T,
                range: (usize, usize),
            ) {
                // SAFETY: the caller promises what the kernel asks for.
                unsafe { rows::add_product(csr, by, width, to, range) }
            }

            pub(super) const fn table<T: Real, const L: usize>() -> Kernels<T> {
                Kernels {
                    name: $name,
                    tile: super::$tile::<T, L>,
                    product: product::<T, L>,
                    dot: dot::<T, L>,
                    column_sum: column_sum::<T, L>,
                    column_dot: column_dot::<T, L>,
                    copy: copy::<T, L>,
                    conv: conv::<T, L>,
                    conv_weight: conv_weight::<T, L>,
                    max_pool: max_pool::<T, L>,
                    gather: gather::<T, L>,
                    write_rows: write_rows::<T, L>,
                    sparse_product: sparse_product::<T>,
                    add_product: add_product::<T>,
                }
            }
        }
    };
}

#[cfg(target_arch = "x86_64")]
// Tiles are native code there; what is interpreted is compiled once for both.
kernels!(avx512, "AVX-512", AVX512, avx2_tile, #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]);
#[cfg(target_arch = "x86_64")]
kernels!(avx2, "AVX2", FUSED, avx2_tile, #[target_feature(enable = "avx2,fma")]);
// On 64-bit ARM, vector instructions and fused multiply-add are part of the base instruction set.
#[cfg(target_arch = "aarch64")]
kernels!(neon, "NEON", FUSED, neon_tile,);
kernels!(portable, "portable", PORTABLE, portable_tile,);

/// Whether the machine has the parts of AVX-512 that kernels use.
#[cfg(target_arch = "x86_64")]
pub(crate) fn has_avx512() -> bool {
    use std::is_x86_feature_detected as has;
    has!("avx512f") && has!("avx512bw") && has!("avx512dq") && has!("avx512vl") && has!("avx2") && has!("fma")
}

/// The best kernels for this machine.
fn choose<T: Real, const L: usize>() -> Kernels<T> {
    #[cfg(target_arch = "x86_64")]
    {
        use std::is_x86_feature_detected as has;
        if has_avx512() {
            return avx512::table::<T, L>();
        }
        if has!("avx2") && has!("fma") {
            return avx2::table::<T, L>();
        }
    }
    #[cfg(target_arch = "aarch64")]
    return neon::table::<T, L>();
    #[cfg(not(target_arch = "aarch64"))]
    portable::table::<T, L>()
}

/// The single-precision kernels for this machine.
pub(crate) fn f32_kernels() -> &'static Kernels<f32> {
    static KERNELS: OnceLock<Kernels<f32>> = OnceLock::new();
    KERNELS.get_or_init(choose::<f32, LANES_F32>)
}

/// The double-precision kernels for this machine.
pub(crate) fn f64_kernels() -> &'static Kernels<f64> {
    static KERNELS: OnceLock<Kernels<f64>> = OnceLock::new();
    KERNELS.get_or_init(choose::<f64, LANES_F64>)
}

/// The innermost loops of products of a precision, if the system lets code be made; the machine has AVX-512.
#[cfg(target_arch = "x86_64")]
fn native_loops(double: bool) -> Option<&'static Functions> {
    static LOOPS: [OnceLock<Option<Functions>>; 2] = [OnceLock::new(), OnceLock::new()];
    LOOPS[usize::from(double)].get_or_init(|| Functions::new(double)).as_ref()
}

/// The name of the instruction set whose kernels run on this machine.
pub fn instruction_set() -> &'static str {
    f32_kernels().name
}
