//! Programs: a compiled step as data, instructions over places in a few flat buffers.
//!
//! A program is a list of regions with a barrier after each. A region is a list of groups that do not
//! depend on one another; a group is a list of instructions that each thread runs over its own rows,
//! in order. What a row of a group reads of the same group's results is the same row, so no thread
//! waits for another within a region.

use crate::{DType, Key, Shape, TileOp, Window};

/// Which buffer a place is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Space {
    /// Values of one step, in the program's precision.
    Arena,
    /// Indices of one step.
    Index,
    /// Variables, which outlive the step.
    Variables,
    /// Within a [`Loop`]: the arena, moved on by a stride of the loop, by number, at each step.
    Moving(u8),
    /// A thread's own memory, which holds only the block of units that it works on: what a group makes and uses up.
    /// Unit u of a block that begins at unit s is `(u − s) · stride` elements behind the offset; the place's length is
    /// that of a block.
    Own {
        /// Elements of a unit.
        stride: usize,
    },
}

/// A range of a buffer, in elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    /// Which buffer.
    pub space: Space,
    /// The first element.
    pub offset: usize,
    /// The number of elements.
    pub len: usize,
}

/// How an operand of a tile instruction runs along the `rows × width` block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Access {
    /// One element for each element of the block.
    Wide,
    /// One element for each row.
    Row,
    /// One element for each column.
    Column,
    /// One element.
    One,
}

/// Where an operand of a tile instruction comes from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Source {
    /// A register: an earlier result of the same tile.
    Register(usize),
    /// A buffer.
    Memory(Place),
    /// A host scalar or a function of host scalars, by number.
    Scalar(usize),
}

/// An operand of a tile instruction.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Operand {
    /// Where it comes from.
    pub source: Source,
    /// How it runs along the block.
    pub access: Access,
}

/// Where a tile instruction's result goes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Target {
    /// A register.
    Register(usize),
    /// A buffer.
    Memory(Place),
}

/// What a tile instruction does.
#[derive(Clone, Debug, PartialEq)]
pub enum TileKind {
    /// An elementwise operation on one to three operands.
    Map(TileOp),
    /// The sum of each row.
    SumRow,
    /// The maximum of each row; NaN if the row has one.
    MaxRow,
    /// 1 in the column named by the row's index, else 0; NaN for an index outside. The operand is in the index space.
    OneHot,
    /// Uniform random numbers, by position; the operand is the step.
    Uniform(Key),
}

/// One instruction of a tile.
#[derive(Clone, Debug, PartialEq)]
pub struct TileInstr {
    /// What it does.
    pub kind: TileKind,
    /// The operands.
    pub args: Vec<Operand>,
    /// Where the result goes.
    pub to: Target,
    /// Whether the result has one element for each element of the block ([`Access::Wide`]) or for each
    /// row ([`Access::Row`]).
    pub shape: Access,
}

/// A fused chain of elementwise operations and row reductions over `rows × width` elements, run block
/// by block with intermediate results in registers that stay in the first-level cache.
#[derive(Clone, Debug, PartialEq)]
pub struct Tile {
    /// Elements of a row.
    pub width: usize,
    /// The instructions.
    pub instrs: Vec<TileInstr>,
    /// The number of registers.
    pub registers: usize,
    /// Rows of each unit of work: more than 1 where the unit is an image and the row a pixel.
    pub rows: usize,
    /// What the columns of a matrix are cut into; none: the unit is a whole row.
    pub panels: Option<Panels>,
    /// Whether rows do not matter: every operand is [`Access::Wide`] or [`Access::One`] and every result
    /// wide, so that the tile may be cut anywhere.
    pub flat: bool,
}

/// Parts of a matrix, each of all rows and of as many columns as a tile is wide. Unit `panel · height + row` is the
/// panel's part of that row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Panels {
    /// How many there are: at least 1.
    pub count: usize,
    /// Rows of the matrix.
    pub height: usize,
}

/// A matrix in a buffer, by strides in elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Matrix {
    /// The buffer's range.
    pub place: Place,
    /// From one row to the next.
    pub row: usize,
    /// From one column to the next.
    pub column: usize,
    /// From one matrix of a batch to the next.
    pub batch: Stride,
}

/// How far apart the matrices of a batch are: number b is `b / inner.0 · outer + b mod inner.0 · inner.1` elements
/// behind the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stride {
    /// From one group of matrices to the next.
    pub outer: usize,
    /// Matrices of a group, at least 1, and from one to the next.
    pub inner: (usize, usize),
}

impl Stride {
    /// Matrices one after the other.
    pub fn plain(outer: usize) -> Stride {
        Stride { outer, inner: (1, 0) }
    }

    /// Where a matrix begins.
    pub fn at(&self, batch: usize) -> usize {
        batch / self.inner.0 * self.outer + batch % self.inner.0 * self.inner.1
    }

    /// Sizes and strides of `batches` matrices.
    pub fn layout(&self, batches: usize) -> [(usize, usize); 2] {
        [(batches.div_ceil(self.inner.0.max(1)), self.outer), (self.inner.0.min(batches), self.inner.1)]
    }
}

/// Where the rows of a product go that are not one behind the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rows {
    /// From one row to the next.
    pub row: usize,
    /// From one matrix of the batch to the next.
    pub batch: Stride,
}

/// C = A · B for each of `batches` pairs; C is row-major, and dense unless `rows` says otherwise. Row `batch · m + i` is the unit of
/// work; with `by_columns` (one row only) it is the column.
#[derive(Clone, Debug, PartialEq)]
pub struct MatMul {
    /// The number of products.
    pub batches: usize,
    /// Rows of A and C.
    pub m: usize,
    /// Columns of B and C.
    pub n: usize,
    /// Columns of A, rows of B.
    pub k: usize,
    /// The left factor.
    pub a: Matrix,
    /// The right factor. Where its columns are not contiguous (`column != 1`), a few at a time are copied so that they are,
    /// for each block of rows.
    pub b: Matrix,
    /// The product.
    pub c: Place,
    /// Where its rows are; none: one behind the other.
    pub rows: Option<Rows>,
    /// Whether work is cut by columns of the only row.
    pub by_columns: bool,
    /// Arrays of the layout of C, of which the same block is read next: the cache is asked for it meanwhile. Not more
    /// than [`MOST_NEXT`].
    pub next: Vec<Place>,
    /// An array of the layout of C, of which the same block is written next, after other threads have read it: a thread makes
    /// its lines its own meanwhile, by writing a few elements as they are.
    pub claim: Option<Place>,
}

impl MatMul {
    /// Whether it is products of rows with one column, both of neighbouring elements, one behind the other.
    pub(crate) fn is_dots(&self) -> bool {
        self.n == 1 && self.a.column == 1 && self.b.row == 1 && self.rows.is_none() && !self.by_columns
    }
}

/// The most arrays that a product asks the cache for.
pub const MOST_NEXT: usize = 4;

/// A copy between two layouts, along up to six axes. The unit of work is the first axis.
#[derive(Clone, Debug, PartialEq)]
pub struct Copy {
    /// Sizes of the axes.
    pub shape: Shape,
    /// Read from here (of the arena, index or variable space).
    pub from: Place,
    /// Strides in `from`; 0 repeats.
    pub from_strides: Vec<usize>,
    /// Write there.
    pub to: Place,
    /// Strides in `to`.
    pub to_strides: Vec<usize>,
}

/// Arrays beside one another along an axis, within zeros, or over one another and added up: `to` is
/// `[outer, total, inner]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Join {
    /// Product of the sizes before the axis.
    pub outer: usize,
    /// Size of the axis.
    pub total: usize,
    /// Product of the sizes behind it.
    pub inner: usize,
    /// Whether the unit of work is all of the axis; otherwise it is one position on it.
    pub whole: bool,
    /// What the positions hold: ranges of the axis in order, all of it.
    pub pieces: Vec<Piece>,
    /// The result.
    pub to: Place,
}

impl Join {
    /// Positions of a unit of work.
    pub fn positions(&self) -> usize {
        if self.whole { self.total } else { 1 }
    }

    /// Everything that it is made of.
    pub fn slabs(&self) -> impl Iterator<Item = &Slab> {
        self.pieces.iter().flat_map(|piece| &piece.from)
    }
}

/// A range of the axis of a [`Join`].
#[derive(Clone, Debug, PartialEq)]
pub struct Piece {
    /// The first position.
    pub first: usize,
    /// One behind the last.
    pub end: usize,
    /// What it is the sum of, in order; nothing: zeros.
    pub from: Vec<Slab>,
}

/// Part of an array `[outer, total, inner]` of which a [`Join`] is made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Slab {
    /// The array.
    pub place: Place,
    /// Its size along the axis.
    pub total: usize,
    /// Which of its positions comes first.
    pub first: usize,
}

/// Windows over images: the large grid is the images', the small one that of the windows' positions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Windows {
    /// The number of images.
    pub images: usize,
    /// Height and width of an image.
    pub large: [usize; 2],
    /// Positions of the window along both.
    pub small: [usize; 2],
    /// The window.
    pub window: Window,
}

impl Windows {
    /// Pixels of an image.
    pub fn pixels(&self) -> usize {
        self.large[0] * self.large[1]
    }

    /// Positions of the window in an image.
    pub fn positions(&self) -> usize {
        self.small[0] * self.small[1]
    }
}

/// Columns of a panel of a convolution's weight: a vector in single precision, two in double.
pub(crate) const PANEL: usize = 16;

/// Channels of a convolution: `groups` groups that do not see one another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Channels {
    /// The number of groups.
    pub groups: usize,
    /// Channels of a group that are read (of the weight: its last axis but one).
    pub inner: usize,
    /// Channels of a group that are written.
    pub outer: usize,
}

impl Channels {
    /// Whether each channel is a group of its own.
    pub fn depthwise(&self) -> bool {
        self.inner == 1 && self.outer == 1 && self.groups > 1
    }

    /// Columns of a panel of the weight: its written channels in the order in which the kernel reads them,
    /// `[groups, panels, taps · inner, width]`, padded by zeros. Depthwise weights stay `[taps, groups]`.
    pub fn panel(&self) -> usize {
        PANEL
    }

    /// The number of panels of a group.
    pub fn panels(&self) -> usize {
        self.outer.div_ceil(self.panel())
    }
}

/// A convolution, or, `transposed`, its derivative by the image. Pixels hold their channels together
/// (channels last). The unit of work is the image.
#[derive(Clone, Debug, PartialEq)]
pub struct Conv {
    /// Where the taps are.
    pub windows: Windows,
    /// The channels.
    pub channels: Channels,
    /// Whether the small grid is read and the large one written.
    pub transposed: bool,
    /// What is read.
    pub from: Place,
    /// The weight, in panels ([`Channels::panel`]).
    pub weight: Place,
    /// What is written.
    pub to: Place,
}

/// The derivative of a convolution by its weight, `[taps, inner, groups · outer]`. The unit of work is the
/// row of the weight, a tap and a read channel.
#[derive(Clone, Debug, PartialEq)]
pub struct ConvWeight {
    /// Where the taps are.
    pub windows: Windows,
    /// The channels.
    pub channels: Channels,
    /// The images.
    pub images: Place,
    /// The derivative by the convolution's result.
    pub grad: Place,
    /// The derivative by the weight.
    pub to: Place,
}

/// Picks, at each position of a window and in each channel, the value of another image at the place of the
/// first maximum; or, `scatter`, adds a value for each position there. The unit of work is the image.
#[derive(Clone, Debug, PartialEq)]
pub struct MaxPool {
    /// Where the taps are.
    pub windows: Windows,
    /// The number of channels.
    pub channels: usize,
    /// Whether values are added at the maxima instead of picked there.
    pub scatter: bool,
    /// The images whose maxima are looked for.
    pub images: Place,
    /// What is picked from, or added.
    pub values: Place,
    /// The result.
    pub to: Place,
}

/// Instructions that are repeated in order, over places that move with time.
#[derive(Clone, Debug, PartialEq)]
pub struct Loop {
    /// How often.
    pub steps: usize,
    /// Whether time runs backwards: the first step is the last one's place.
    pub reverse: bool,
    /// At time t, a place in [`Space::Moving`] number k begins t · `strides[k]` elements behind its offset.
    pub strides: Vec<usize>,
    /// The instructions of a step, with their units of work.
    pub body: Vec<(usize, Instr)>,
    /// Whether the unit of work is the row, of which no step reads another than its own: threads then take their
    /// rows through all steps. Otherwise there is one unit.
    pub by_rows: bool,
}

/// The most strides of a [`Loop`].
pub const MOST_STRIDES: usize = 64;

/// One instruction.
#[derive(Clone, Debug, PartialEq)]
pub enum Instr {
    /// A loop over time.
    Loop(Loop),
    /// A fused elementwise chain. The unit of work is the row.
    Tile(Tile),
    /// A matrix product.
    MatMul(MatMul),
    /// `to[c] = Σ_r from[r, c]`, rows in order. The unit of work is the column.
    ColumnSum {
        /// A `rows × columns` matrix.
        from: Place,
        /// Its number of rows.
        rows: usize,
        /// Its number of columns.
        columns: usize,
        /// The sums.
        to: Place,
    },
    /// `to[p, c] = Σ_r from[p, r, c]`, or Σ_r `from[p, r, c] · times[p, r, c]`, rows in order. The unit of work is the
    /// part p.
    PartSum {
        /// A `parts × rows × columns` array.
        from: Place,
        /// What it is multiplied by, if anything.
        times: Option<Place>,
        /// Its number of parts.
        parts: usize,
        /// Rows of each part.
        rows: usize,
        /// Its number of columns.
        columns: usize,
        /// The sums.
        to: Place,
    },
    /// A convolution or its derivative by the image.
    Conv(Conv),
    /// A convolution's derivative by the weight.
    ConvWeight(ConvWeight),
    /// Values at the maxima of windows.
    MaxPool(MaxPool),
    /// A copy between layouts.
    Copy(Copy),
    /// Arrays put together.
    Join(Join),
    /// Rows of a table: `to[i] = table[indices[i]]`. The unit is the row.
    Gather {
        /// A `rows × width` matrix.
        table: Place,
        /// Its number of rows.
        rows: usize,
        /// Elements of a row.
        width: usize,
        /// Which rows.
        indices: Place,
        /// What an index outside the table gives: NaN, or 0.
        outside: f64,
        /// The result.
        to: Place,
    },
    /// `to = 0; to[indices[i]] += values[i]` in order of `i`. The unit of work is the column.
    ScatterAdd {
        /// A `count × width` matrix.
        values: Place,
        /// Which rows receive.
        indices: Place,
        /// Elements of a row.
        width: usize,
        /// The number of rows of the result.
        rows: usize,
        /// The result.
        to: Place,
    },
    /// `to = table; to[indices[k]] = values[k]`, or `+= values[k]`, in order of `k`; an index outside does
    /// nothing. Where `to` is the table itself, only the rows named are touched. The unit is the table's row.
    WriteRows {
        /// A `rows × width` matrix.
        table: Place,
        /// Which rows are written.
        indices: Place,
        /// A `count × width` matrix.
        values: Place,
        /// Elements of a row.
        width: usize,
        /// Whether values are added to what is there.
        add: bool,
        /// The result.
        to: Place,
    },
    /// `to[k] =` the first position at which `indices[k]` stands; none if it is not below `rows`. There is one
    /// unit of work.
    FirstOccurrence {
        /// The indices.
        indices: Place,
        /// Indices are below this.
        rows: usize,
        /// The positions, in the index space.
        to: Place,
    },
    /// `to[k] = indices[k]` where `first[k] = k`, else none. The unit of work is the element.
    Distinct {
        /// The indices.
        indices: Place,
        /// Their first occurrences.
        first: Place,
        /// The result, in the index space.
        to: Place,
    },
    /// The row of each entry of a sparse matrix, none for padding. There is one unit of work.
    Segments {
        /// Where each row's entries begin, and where the last one's end.
        offsets: Place,
        /// The rows, in the index space.
        to: Place,
    },
    /// `to[r] = Σ values[k] · dense[columns[k]]` over `offsets[r] ≤ k < offsets[r + 1]`. The unit is the row.
    SparseMatMul {
        /// One more than there are rows.
        offsets: Place,
        /// The column of each entry.
        columns: Place,
        /// The value of each entry.
        values: Place,
        /// A `features × width` matrix.
        dense: Place,
        /// Its number of rows.
        features: usize,
        /// Its number of columns.
        width: usize,
        /// The product.
        to: Place,
    },
    /// `to = table; to[columns[k]] += values[k] · s · by[r]` for the entries k of each row r of a sparse matrix, in
    /// order, where s is the product of some scalars: the table plus the transposed matrix times a dense one. What a
    /// step of gradient descent does to the weights of sparse features. A column outside does nothing, nor does a row of
    /// zeros. Where `to` is the table itself, only the rows named are touched. The unit is the table's row.
    AddProduct {
        /// One more than there are rows.
        offsets: Place,
        /// The column of each entry.
        columns: Place,
        /// The value of each entry.
        values: Place,
        /// A `rows × width` matrix.
        by: Place,
        /// The scalars, by number.
        factors: Vec<usize>,
        /// Whether the product is subtracted.
        negate: bool,
        /// A `features × width` matrix.
        table: Place,
        /// Its number of columns.
        width: usize,
        /// The result.
        to: Place,
    },
    /// The position of the first maximum of each row. The unit of work is the row.
    ArgMax {
        /// A `rows × width` matrix.
        from: Place,
        /// Elements of a row.
        width: usize,
        /// The positions, in the index space.
        to: Place,
    },
}

/// Instructions that each thread runs over its own share of `extent` units.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// The number of units of work (rows, columns or elements).
    pub extent: usize,
    /// Shares and blocks are multiples of this.
    pub align: usize,
    /// Units that go through all instructions before the next ones do.
    pub block: usize,
    /// Whether the work is worth sharing; otherwise one thread does it all.
    pub shared: bool,
    /// The instructions, in order.
    pub instrs: Vec<Instr>,
}

/// Groups that do not depend on one another. All threads meet after a region.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Region {
    /// The groups.
    pub groups: Vec<Group>,
}

/// A function of earlier scalars, in double precision.
#[derive(Clone, Copy, Debug)]
pub struct ScalarInstr {
    /// The function.
    pub eval: fn([f64; 3]) -> f64,
    /// Which scalars it takes; unused ones are 0.
    pub args: [usize; 3],
    /// Which scalar it makes.
    pub to: usize,
}

/// A compiled step.
#[derive(Clone, Debug)]
pub struct Program {
    /// The precision.
    pub dtype: DType,
    /// Elements of the arena.
    pub arena_len: usize,
    /// Elements of each thread's own memory.
    pub own_len: usize,
    /// Elements of the index space.
    pub index_len: usize,
    /// Elements of the variables.
    pub variables_len: usize,
    /// Scalars before the step: constants, and 0 where the host feeds.
    pub scalars: Vec<f64>,
    /// What is computed of them first.
    pub scalar_instrs: Vec<ScalarInstr>,
    /// Values that the arena holds before the first step.
    pub literals: Vec<(Place, Vec<f64>)>,
    /// The same for the index space.
    pub index_literals: Vec<(Place, Vec<u32>)>,
    /// The regions, in order.
    pub regions: Vec<Region>,
    /// Whether the whole is worth more than one thread.
    pub parallel: bool,
}

impl Program {
    /// A program that does nothing.
    pub fn new(dtype: DType) -> Program {
        Program {
            dtype,
            arena_len: 0,
            own_len: 0,
            index_len: 0,
            variables_len: 0,
            scalars: Vec::new(),
            scalar_instrs: Vec::new(),
            literals: Vec::new(),
            index_literals: Vec::new(),
            regions: Vec::new(),
            parallel: false,
        }
    }

    /// The same program with the variables elsewhere: `moved` gives each place's new offset.
    #[must_use]
    pub fn with_variables(mut self, len: usize, moved: impl Fn(usize) -> usize) -> Program {
        let shift = |place: &mut Place| {
            if place.space == Space::Variables {
                place.offset = moved(place.offset);
            }
        };
        for instr in self.regions.iter_mut().flat_map(|r| &mut r.groups).flat_map(|g| &mut g.instrs) {
            instr.places_mut().into_iter().for_each(shift);
        }
        self.variables_len = len;
        self
    }
}

impl Instr {
    fn places_mut(&mut self) -> Vec<&mut Place> {
        match self {
            Instr::Tile(tile) => {
                let mut places = Vec::new();
                for instr in &mut tile.instrs {
                    for arg in &mut instr.args {
                        if let Source::Memory(place) = &mut arg.source {
                            places.push(place);
                        }
                    }
                    if let Target::Memory(place) = &mut instr.to {
                        places.push(place);
                    }
                }
                places
            }
            Instr::Loop(repeated) => {
                repeated.body.iter_mut().flat_map(|(_, instr)| instr.places_mut()).collect()
            }
            Instr::MatMul(p) => vec![&mut p.a.place, &mut p.b.place, &mut p.c],
            Instr::Conv(conv) => vec![&mut conv.from, &mut conv.weight, &mut conv.to],
            Instr::ConvWeight(conv) => vec![&mut conv.images, &mut conv.grad, &mut conv.to],
            Instr::MaxPool(pool) => vec![&mut pool.images, &mut pool.values, &mut pool.to],
            Instr::Copy(copy) => vec![&mut copy.from, &mut copy.to],
            Instr::Join(join) => {
                let slabs = join.pieces.iter_mut().flat_map(|piece| &mut piece.from);
                slabs.map(|slab| &mut slab.place).chain([&mut join.to]).collect()
            }
            Instr::PartSum { from, times, to, .. } => [from, to].into_iter().chain(times).collect(),
            Instr::ColumnSum { from, to, .. } | Instr::ArgMax { from, to, .. } => vec![from, to],
            Instr::Gather { table, indices, to, .. } => vec![table, indices, to],
            Instr::ScatterAdd { values, indices, to, .. } => vec![values, indices, to],
            Instr::WriteRows { table, indices, values, to, .. } => vec![table, indices, values, to],
            Instr::FirstOccurrence { indices, to, .. } => vec![indices, to],
            Instr::Distinct { indices, first, to } => vec![indices, first, to],
            Instr::Segments { offsets, to } => vec![offsets, to],
            Instr::SparseMatMul { offsets, columns, values, dense, to, .. } => {
                vec![offsets, columns, values, dense, to]
            }
            Instr::AddProduct { offsets, columns, values, by, table, to, .. } => {
                vec![offsets, columns, values, by, table, to]
            }
        }
    }

    /// A short name for listings.
    pub fn name(&self) -> &'static str {
        match self {
            Instr::Loop(_) => "loop",
            Instr::Tile(_) => "tile",
            Instr::MatMul(_) => "matmul",
            Instr::ColumnSum { .. } => "column_sum",
            Instr::PartSum { .. } => "part_sum",
            Instr::Conv(conv) if conv.transposed => "conv_transposed",
            Instr::Conv(_) => "conv",
            Instr::ConvWeight(_) => "conv_weight",
            Instr::MaxPool(pool) if pool.scatter => "max_unpool",
            Instr::MaxPool(_) => "max_pool",
            Instr::Copy(_) => "copy",
            Instr::Join(_) => "join",
            Instr::Gather { .. } => "gather",
            Instr::ScatterAdd { .. } => "scatter_add",
            Instr::ArgMax { .. } => "arg_max",
            Instr::WriteRows { add: true, .. } => "add_rows",
            Instr::WriteRows { add: false, .. } => "set_rows",
            Instr::FirstOccurrence { .. } => "first_occurrence",
            Instr::Distinct { .. } => "distinct",
            Instr::Segments { .. } => "segments",
            Instr::SparseMatMul { .. } => "sparse_matmul",
            Instr::AddProduct { .. } => "add_product",
        }
    }
}
