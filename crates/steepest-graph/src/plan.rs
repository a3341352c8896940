//! Plans: a graph compiled into a program.

use std::fmt::Write as _;

use steepest_tensor::program::{Channels, Instr, Place, Program, Windows};
use steepest_tensor::{DType, Shape};

use crate::error::PlanErrors;
use crate::graph::{Graph, VariableSpec};
use crate::passes::{emit, lower, panels, place, schedule, simplify};
use crate::var::Var;

/// How to compile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlanOptions {
    /// The precision to compute in: [`DType::F32`] or [`DType::F64`].
    pub dtype: DType,
}

impl Default for PlanOptions {
    /// Single precision, as PyTorch and JAX.
    fn default() -> PlanOptions {
        PlanOptions { dtype: DType::F32 }
    }
}

/// What a plan costs for each run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// Instructions dispatched, the parts of tiles included.
    pub instructions: usize,
    /// Barriers at which threads meet.
    pub barriers: usize,
    /// Bytes of the arena: everything that lives within a step.
    pub arena_bytes: usize,
    /// Bytes of the variables.
    pub variable_bytes: usize,
    /// Floating-point operations; an elementwise operation counts as one.
    pub flops: u64,
    /// Bytes that kernels read and write if nothing stays in a cache.
    pub bytes_moved: u64,
}

/// A compiled step: shapes proved, values placed, nothing left to decide.
///
/// ```
/// use steepest_graph::{Graph, Initial, Plan, PlanOptions, VariableKind, gradients};
/// let graph = Graph::new();
/// let x = graph.input("x", [8, 3]);
/// let w = graph.variable("w", VariableKind::Parameter, [3, 1], Initial::Constant(0.5));
/// let loss = x.matmul(w).square().mean();
/// let slope = gradients(loss, &[w])[0].dense();
/// graph.assign(w, w - 0.1 * slope);
/// let plan = Plan::compile(&graph, &[("loss", loss)], &PlanOptions::default())?;
/// assert!(plan.cost().instructions < 12);
/// # Ok::<(), steepest_graph::PlanErrors>(())
/// ```
#[derive(Clone, Debug)]
pub struct Plan {
    pub(crate) program: Program,
    pub(crate) variables: Vec<VariableSpec>,
    pub(crate) variable_places: Vec<Place>,
    pub(crate) inputs: Vec<(String, Place)>,
    pub(crate) scalars: Vec<(String, usize)>,
    pub(crate) outputs: Vec<(String, Place, Shape)>,
    cost: Cost,
    listings: Vec<(&'static str, String)>,
}

impl Plan {
    /// Compiles a graph: everything that `outputs` and the graph's assignments need.
    ///
    /// # Errors
    /// All problems of the graph, each with the line that wrote it.
    #[track_caller]
    pub fn compile(
        graph: &Graph,
        outputs: &[(&str, Var<'_>)],
        options: &PlanOptions,
    ) -> Result<Plan, PlanErrors> {
        graph.check("compile", outputs.iter().map(|(_, var)| *var))?;
        let flow = simplify::simplify(graph, outputs);
        let mut lowered = lower::lower(&flow);
        panels::cut(&flow, &mut lowered);
        let schedule = schedule::schedule(&flow, &lowered);
        let placement = place::place(&flow, &lowered, &schedule, options.dtype);
        let (program, numbers) = emit::emit(&flow, &lowered, &schedule, &placement, options.dtype);
        let (inputs, outputs) = emit::interface(&flow, &placement);
        let host = flow.nodes.iter().enumerate().filter_map(|(index, node)| match &node.op {
            crate::op::Op::HostScalar(scalar) => Some((scalar.name.clone(), numbers[&index])),
            _ => None,
        });
        let size = options.dtype.size_bytes();
        let (flops, bytes_moved) = lowered
            .items
            .values()
            .map(|item| item.cost(size))
            .fold((0, 0), |total, cost| (total.0 + cost.0, total.1 + cost.1));
        let instrs = || program.regions.iter().flat_map(|r| &r.groups).flat_map(|g| &g.instrs);
        let count = |instr: &Instr| match instr {
            Instr::Tile(tile) => tile.instrs.len(),
            _ => 1,
        };
        let cost = Cost {
            instructions: instrs().map(count).sum(),
            barriers: program.regions.len().saturating_sub(1),
            arena_bytes: program.arena_len * size + program.index_len * 4,
            variable_bytes: program.variables_len * size,
            flops,
            bytes_moved,
        };
        let listings = vec![("simplify", flow.listing()), ("program", listing(&program))];
        Ok(Plan {
            scalars: host.collect(),
            variables: flow.variables,
            variable_places: placement.variables,
            program,
            inputs,
            outputs,
            cost,
            listings,
        })
    }

    /// The same plan cut as finely as it may be: every group is shared among all threads and runs in blocks
    /// of `block` units, however small it is. For tests of scheduling; results are the same bits.
    #[doc(hidden)]
    #[must_use]
    pub fn cut_finely(mut self, block: usize) -> Plan {
        self.program.parallel = true;
        for group in self.program.regions.iter_mut().flat_map(|region| &mut region.groups) {
            // A thread's own memory has room for a block.
            (group.shared, group.align, group.block) = (true, 1, block.clamp(1, group.block));
        }
        self
    }

    /// The variables the graph declares.
    pub fn variables(&self) -> &[VariableSpec] {
        &self.variables
    }

    /// What a run costs.
    pub fn cost(&self) -> Cost {
        self.cost
    }

    /// The plan after each pass, and what it costs, for people.
    pub fn explain(&self) -> String {
        let mut text = String::new();
        for (pass, listing) in &self.listings {
            let _ = writeln!(text, "── after `{pass}`\n{listing}");
        }
        let c = self.cost;
        let _ = writeln!(
            text,
            "{} instructions, {} barriers, arena {} bytes, variables {} bytes\n{} floating-point operations and {} \
             bytes moved per step",
            c.instructions, c.barriers, c.arena_bytes, c.variable_bytes, c.flops, c.bytes_moved
        );
        text
    }
}

/// Regions, groups and instructions, one line each.
fn listing(program: &Program) -> String {
    let mut text = String::new();
    for (r, region) in program.regions.iter().enumerate() {
        if r > 0 {
            let _ = writeln!(text, "  ──── barrier {r}");
        }
        for group in &region.groups {
            let how = if group.shared { "shared" } else { "one thread" };
            let _ = writeln!(text, "  group of {} units, {how}", group.extent);
            for instr in &group.instrs {
                let _ = writeln!(text, "    {}", describe(instr));
            }
        }
    }
    text
}

fn describe(instr: &Instr) -> String {
    match instr {
        Instr::MatMul(p) => {
            let batch = if p.batches > 1 { format!("{} × ", p.batches) } else { String::new() };
            let turned = if p.a.column == 1 { "" } else { " (left factor transposed)" };
            let claims = if p.claim.is_some() { ", claims what is written next" } else { "" };
            format!("matmul {batch}[{}, {}] · [{}, {}]{turned}{claims}", p.m, p.k, p.k, p.n)
        }
        Instr::Tile(tile) => {
            let names: Vec<String> = tile
                .instrs
                .iter()
                .map(|i| {
                    let name = match &i.kind {
                        steepest_tensor::program::TileKind::Map(op) => format!("{op:?}"),
                        kind => format!("{kind:?}").split(['(', ' ']).next().unwrap_or_default().to_owned(),
                    };
                    match i.to {
                        steepest_tensor::program::Target::Memory(place) => format!("{name}→{}", home(place)),
                        steepest_tensor::program::Target::Register(_) => name,
                    }
                })
                .collect();
            format!("tile of width {}, {} registers: {}", tile.width, tile.registers, names.join(" "))
        }
        Instr::PartSum { times, parts, rows, columns, .. } => {
            let what = if times.is_some() { " of products" } else { "" };
            format!("part_sum{what} [{parts}, {rows}, {columns}]")
        }
        Instr::Conv(conv) => format!("{} {}", instr.name(), windows(&conv.windows, &conv.channels)),
        Instr::ConvWeight(conv) => format!("{} {}", instr.name(), windows(&conv.windows, &conv.channels)),
        Instr::Loop(repeated) => {
            let steps: Vec<String> = repeated.body.iter().map(|(_, instr)| describe(instr)).collect();
            let how = if repeated.by_rows { "each thread its rows" } else { "one thread" };
            format!("loop of {} steps, {how}:\n      {}", repeated.steps, steps.join("\n      "))
        }
        Instr::ColumnSum { rows, columns, .. } => format!("column_sum [{rows}, {columns}]"),
        Instr::Copy(copy) => format!("copy {} with strides {:?}", copy.shape, copy.from_strides),
        Instr::Join(join) => {
            let sums: Vec<usize> = join.pieces.iter().map(|piece| piece.from.len()).collect();
            format!(
                "join [{}, {}, {}] of pieces that are sums of {sums:?}",
                join.outer, join.total, join.inner
            )
        }
        other => other.name().to_owned(),
    }
}

fn windows(windows: &Windows, channels: &Channels) -> String {
    let (large, small, [kh, kw]) = (windows.large, windows.small, windows.window.kernel);
    let Channels { groups, inner, outer } = channels;
    let parted = if *groups > 1 { format!(", {groups} groups") } else { String::new() };
    format!("{kh}×{kw} over {} × {large:?} to {small:?}, {inner} to {outer} channels{parted}", windows.images)
}

fn home(place: Place) -> &'static str {
    match place.space {
        steepest_tensor::program::Space::Variables => "variable",
        steepest_tensor::program::Space::Own { .. } => "own",
        _ => "memory",
    }
}
