//! Between scheduling and placing: how a group's units are shared among threads, and how many go through its
//! instructions together.

use crate::passes::lower::{Cut, Item, Kernel, Lowered};
use crate::passes::schedule::{GroupPlan, Unit};

/// Rows of a product that go through a group's instructions together: few enough that what they make
/// stays in the second-level cache, and that weight gradients are hot when the update reads them; a multiple of
/// the micro-kernel's eight.
const MATMUL_BLOCK: usize = 64;
/// Bytes that a few images may read and write while they go through a group's instructions together, so that
/// what they make stays in the second-level cache.
const IMAGE_BLOCK: u64 = 1 << 20;
/// Work (floating-point operations plus bytes) below which a group is not worth sharing.
const SHARED_WORK: u64 = 40_000;

/// How a group's units are cut.
pub(crate) struct Blocks {
    /// Shares and blocks are multiples of this.
    pub align: usize,
    /// Units that go through all instructions before the next ones do.
    pub block: usize,
    /// Whether the work is worth sharing.
    pub shared: bool,
}

impl GroupPlan {
    /// The group's items, in order.
    pub fn items<'a>(&'a self, lowered: &'a Lowered) -> impl Iterator<Item = &'a Item> {
        self.runs.iter().flat_map(|run| &run.items).map(|node| &lowered.items[node])
    }

    /// Floating-point operations and bytes, for elements of `size` bytes.
    pub fn work(&self, lowered: &Lowered, size: usize) -> u64 {
        self.items(lowered).map(|item| item.cost(size)).map(|(flops, bytes)| flops + bytes).sum()
    }

    /// How its units are cut.
    pub fn blocks(&self, lowered: &Lowered, size: usize) -> Blocks {
        let whole = self.extent.max(1);
        let shared = self.work(lowered, size) >= SHARED_WORK;
        let has = |kind: fn(&Kernel) -> bool| self.items(lowered).any(|item| kind(&item.kernel));
        if has(|kernel| matches!(kernel, Kernel::Scan(_))) {
            // Each thread takes all its rows through all steps at once.
            return Blocks { align: if whole < 16 { 4 } else { 8 }, block: whole, shared };
        }
        if self.unit == Unit::Images {
            let bytes: u64 = self.items(lowered).map(|item| item.cost(size).1).sum();
            let block = (IMAGE_BLOCK * whole as u64 / bytes.max(1)).clamp(1, whole as u64) as usize;
            return Blocks { align: 1, block, shared };
        }
        let product = has(|kernel| matches!(kernel, Kernel::MatMul { cut: Cut::Rows | Cut::Panels, .. }));
        let (align, block) = match product {
            // Nothing is kept for others.
            true if self.items(lowered).count() == 1 => (8, whole),
            true => (8, MATMUL_BLOCK),
            // Elements or columns: whole cache lines for each thread.
            false if self.extent >= 256 => (16, whole),
            false => (1, whole),
        };
        Blocks { align, block, shared }
    }
}
