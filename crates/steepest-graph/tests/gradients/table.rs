//! What is differentiated: every operation, over shapes with no, one and several elements.

use steepest_graph::{Csr, Direction, Graph, ScanInputs, StepInputs, StepOutputs, Var, Window, gradients};
use steepest_tensor::{Key, Shape, Tensor};

/// How a value enters the graph.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Leaf {
    Input,
    HostScalar,
    Variable,
}

/// One value that the derivative is taken by.
#[derive(Clone, Debug)]
pub struct Argument {
    pub leaf: Leaf,
    pub shape: Vec<usize>,
    /// Its elements are drawn from here.
    pub range: (f64, f64),
}

pub type Build = Box<dyn for<'g> Fn(&'g Graph, &[Var<'g>]) -> Var<'g>>;

/// A function whose graph contains the operation `op`.
pub struct Case {
    pub op: &'static str,
    pub arguments: Vec<Argument>,
    pub build: Build,
}

/// Around 0, on both sides of every kink.
const ALL: (f64, f64) = (-1.93, 2.11);
const POSITIVE: (f64, f64) = (0.27, 2.9);

fn argument(shape: &[usize], range: (f64, f64)) -> Argument {
    Argument { leaf: Leaf::Input, shape: shape.to_vec(), range }
}

fn case<F>(op: &'static str, shapes: &[&[usize]], range: (f64, f64), build: F) -> Case
where
    F: for<'g> Fn(&'g Graph, &[Var<'g>]) -> Var<'g> + 'static,
{
    let arguments = shapes.iter().map(|shape| argument(shape, range)).collect();
    Case { op, arguments, build: Box::new(build) }
}

/// All cases.
pub fn cases() -> Vec<Case> {
    [
        leaves(),
        unary(),
        binary(),
        reductions(),
        movements(),
        products(),
        tables(),
        rows(),
        sparse(),
        windows(),
        scans(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn leaves() -> Vec<Case> {
    let leaf = |op, leaf, shape: &[usize]| Case {
        op,
        arguments: vec![Argument { leaf, ..argument(shape, ALL) }],
        build: Box::new(|_, v| v[0] * v[0] * v[0]),
    };
    vec![
        leaf("input", Leaf::Input, &[2, 3]),
        leaf("host_scalar", Leaf::HostScalar, &[]),
        leaf("read", Leaf::Variable, &[3, 1, 2]),
        case("constant", &[&[4]], ALL, |graph, v| v[0] * graph.constant(-1.75)),
        case("literal", &[&[2, 2]], ALL, |graph, v| {
            v[0] * v[0] * reals(graph, &[2, 2], &[1.5, -2.0, 0.5, 3.0])
        }),
        case("uniform", &[&[]], POSITIVE, |graph, v| graph.uniform(Key::new(4), v[0], [3, 5]) * v[0] * v[0]),
    ]
}

type Unary = (&'static str, (f64, f64), for<'g> fn(Var<'g>) -> Var<'g>);

fn unary() -> Vec<Case> {
    let table: &[Unary] = &[
        ("neg", ALL, |x| -x),
        ("abs", ALL, |x| x.abs()),
        ("sign", ALL, |x| x.sign()),
        ("exp", ALL, |x| x.exp()),
        ("ln", POSITIVE, |x| x.ln()),
        ("sqrt", POSITIVE, |x| x.sqrt()),
        ("tanh", ALL, |x| x.tanh()),
        ("sigmoid", ALL, |x| x.sigmoid()),
        ("sigmoid", (-20.0, 20.0), |x| x.sigmoid()),
        ("softplus", ALL, |x| x.softplus()),
        ("softplus", (-20.0, 20.0), |x| x.softplus()),
        ("relu", ALL, |x| x.relu()),
        ("erf", ALL, |x| x.erf()),
        ("erf", (2.0, 4.0), |x| x.erf()),
        ("sin", ALL, |x| x.sin()),
        ("cos", (-7.0, 7.0), |x| x.cos()),
        ("floor", ALL, |x| x.floor()),
        ("pow", ALL, |x| x.powf(3.0)),
        ("pow", (-2.9, -0.5), |x| x.powf(-2.0)),
        ("pow", POSITIVE, |x| x.powf(0.5)),
        ("mul", ALL, |x| x.powf(2.0)),
        ("mul", ALL, |x| x.square()),
        ("mul", ALL, |x| x.mean()),
        ("div", POSITIVE, |x| 2.0 / x),
        ("sub", ALL, |x| 3.0 - x),
        ("add", ALL, |x| x + x.tanh()),
    ];
    let shapes: [&[usize]; 5] = [&[], &[1], &[0, 3], &[7], &[2, 1, 3]];
    let each = |&(op, range, f): &Unary| shapes.map(|shape| case(op, &[shape], range, move |_, v| f(v[0])));
    table.iter().flat_map(each).collect()
}

type Binary = (&'static str, (f64, f64), for<'g> fn(Var<'g>, Var<'g>) -> Var<'g>);

fn binary() -> Vec<Case> {
    let table: &[Binary] = &[
        ("add", ALL, |x, y| x + y),
        ("sub", ALL, |x, y| x - y),
        ("mul", ALL, |x, y| x * y),
        ("div", POSITIVE, |x, y| x / y),
        ("pow", POSITIVE, |x, y| x.pow(y)),
        ("maximum", ALL, |x, y| x.maximum(y)),
        ("minimum", ALL, |x, y| x.minimum(y)),
        ("less", ALL, |x, y| x.less(y) * x),
        ("less_equal", ALL, |x, y| x.less_equal(y) * y),
        ("equal", ALL, |x, y| x.equal(y) + x.equal(x) * y),
        ("select", ALL, |x, y| x.less(y).select(x * x, y.exp())),
        ("select", ALL, |x, y| x.floor().select(y, x)),
    ];
    let shapes: [[&[usize]; 2]; 8] = [
        [&[2, 3], &[2, 3]],
        [&[3], &[2, 3]],
        [&[2, 1], &[1, 3]],
        [&[], &[4]],
        [&[2, 1, 3], &[4, 1]],
        [&[0, 3], &[3]],
        [&[1], &[0]],
        [&[1, 1], &[]],
    ];
    let each =
        |&(op, range, f): &Binary| shapes.map(|pair| case(op, &pair, range, move |_, v| f(v[0], v[1])));
    let three: &[&[usize]] = &[&[2, 1], &[3], &[1, 3]];
    let mut cases: Vec<Case> = table.iter().flat_map(each).collect();
    cases.push(case("select", three, ALL, |_, v| v[0].relu().select(v[1], v[2])));
    cases
}

fn reductions() -> Vec<Case> {
    let mut cases = Vec::new();
    let axes: [(&[usize], &[usize]); 8] = [
        (&[2, 3, 4], &[1]),
        (&[2, 3, 4], &[0, 2]),
        (&[2, 3, 4], &[2, 1, 0, 1]),
        (&[5], &[0]),
        (&[1, 4], &[0]),
        (&[0, 3], &[1]),
        (&[4, 1], &[1]),
        (&[2, 3], &[]),
    ];
    for (shape, axes) in axes {
        cases.push(case("sum", &[shape], ALL, move |_, v| (v[0] * v[0]).sum_over(axes) + v[0].sum()));
        if !axes.is_empty() {
            cases.push(case("max", &[shape], ALL, move |_, v| {
                v[0].powf(3.0).max_over(axes) + v[0].sum_over(&[0]).sum()
            }));
        }
    }
    cases.push(case("sum", &[&[3, 0]], ALL, |_, v| v[0].sum_over(&[1])));
    cases.push(case("sum", &[&[3, 4]], ALL, |_, v| v[0] / v[0].exp().sum_last()));
    cases.push(case("max", &[&[3, 4]], ALL, |_, v| (v[0] - v[0].max_last()).exp()));
    // Positions change in jumps: what is looked up by them, or multiplied with them, has a derivative.
    cases.push(case("arg_max", &[&[3, 4], &[4, 2]], ALL, |_, v| v[1].gather(v[0].arg_max())));
    cases.push(case("arg_max", &[&[3, 4]], ALL, |_, v| v[0].arg_max().one_hot(4) * v[0].exp()));
    cases
}

fn movements() -> Vec<Case> {
    vec![
        case("reshape", &[&[2, 6]], ALL, |_, v| v[0].exp().reshape([3, 4])),
        case("reshape", &[&[1]], ALL, |_, v| v[0].sin().reshape([])),
        case("reshape", &[&[0, 2]], ALL, |_, v| v[0].reshape([5, 0])),
        case("permute", &[&[2, 3, 4]], ALL, |_, v| v[0].sin().permute(&[2, 0, 1])),
        case("permute", &[&[2, 3, 4], &[2, 3]], ALL, |_, v| {
            v[0].permute(&[1, 2, 0]) * v[1].transpose().reshape([3, 1, 2])
        }),
        case("permute", &[&[3, 0]], ALL, |_, v| v[0].transpose()),
        case("broadcast", &[&[3, 1]], ALL, |_, v| v[0].exp().broadcast_to([2, 3, 4])),
        case("broadcast", &[&[]], ALL, |_, v| v[0].exp().broadcast_to([2, 1])),
        case("broadcast", &[&[1, 1]], ALL, |_, v| v[0].exp().broadcast_to([1, 1, 5])),
        case("broadcast", &[&[1]], ALL, |_, v| v[0].broadcast_to([3, 0])),
        case("slice", &[&[5, 3]], ALL, |_, v| v[0].exp().slice(0, 1, 4)),
        case("slice", &[&[2, 5, 3]], ALL, |_, v| {
            v[0].slice(1, 2, 3) * v[0].slice(1, 1, 2) + v[0].slice(2, 0, 1)
        }),
        case("slice", &[&[4]], ALL, |_, v| v[0].slice(0, 2, 2)),
        case("slice", &[&[4]], ALL, |_, v| v[0].slice(0, 0, 4) * v[0]),
        case("pad", &[&[2, 3]], ALL, |_, v| v[0].exp().pad(1, 2, 1)),
        case("pad", &[&[2, 3, 2]], ALL, |_, v| v[0].sin().pad(0, 0, 2).pad(1, 1, 0)),
        case("pad", &[&[0, 2]], ALL, |_, v| v[0].pad(0, 1, 1)),
        case("concat", &[&[2, 3], &[2, 1]], ALL, |_, v| v[0].exp().concat(&[v[1], v[0] * v[0]], 1)),
        case("concat", &[&[1, 3], &[2, 3]], ALL, |_, v| v[0].concat(&[v[1].tanh()], 0).exp()),
        case("concat", &[&[0, 3], &[2, 3]], ALL, |_, v| v[0].concat(&[v[1].tanh()], 0)),
        case("custom_derivative", &[&[2, 3]], ALL, |_, v| v[0].softmax_last()),
        case("custom_derivative", &[&[3]], ALL, |_, v| {
            let slope = v[0].cos();
            v[0].sin().with_derivative(v[0], &[slope], |grad, _, others| grad * others[0])
        }),
        case("stop_gradient", &[&[3]], ALL, |_, v| v[0] * v[0].less(v[0].stop_gradient() + 1.0)),
    ]
}

fn products() -> Vec<Case> {
    let pairs: [[&[usize]; 2]; 7] = [
        [&[2, 3], &[3, 4]],
        [&[1, 5], &[5, 1]],
        [&[2, 0], &[0, 3]],
        [&[0, 2], &[2, 3]],
        [&[2, 2, 3], &[2, 3, 2]],
        [&[2, 2, 3], &[3, 4]],
        [&[3, 3], &[3, 3]],
    ];
    let mut cases: Vec<Case> =
        pairs.iter().map(|pair| case("matmul", pair, ALL, |_, v| v[0].exp().matmul(v[1]))).collect();
    cases.push(case("matmul", &[&[2, 3], &[4, 3]], ALL, |_, v| v[0].matmul(v[1].transpose()).tanh()));
    cases.push(case("matmul", &[&[3, 3]], ALL, |_, v| v[0].matmul(v[0]).matmul(v[0])));
    cases
}

fn tables() -> Vec<Case> {
    vec![
        case("gather", &[&[5, 2]], ALL, |graph, v| v[0].gather(indices(graph, &[4], &[4, 1, 1, 0])).exp()),
        case("gather", &[&[3]], ALL, |graph, v| v[0].exp().gather(indices(graph, &[2, 2], &[2, 2, 0, 2]))),
        case("gather", &[&[3, 2]], ALL, |graph, v| v[0].gather(indices(graph, &[], &[1])) * v[0].sum()),
        case("gather", &[&[3, 2]], ALL, |graph, v| v[0].gather(indices(graph, &[0], &[]))),
        case("gather", &[&[3, 1, 2]], ALL, |graph, v| {
            let twice =
                [v[0].gather(indices(graph, &[2], &[0, 2])), v[0].gather(indices(graph, &[2], &[2, 2]))];
            (twice[0] * twice[1]).exp()
        }),
        case("scatter_add", &[&[4, 2]], ALL, |graph, v| {
            v[0].exp().scatter_add(indices(graph, &[4], &[1, 0, 1, 3]), 5)
        }),
        case("scatter_add", &[&[2, 2]], ALL, |graph, v| {
            v[0].scatter_add(indices(graph, &[2, 2], &[1, 1, 2, 1]), 3).powf(3.0)
        }),
        case("scatter_add", &[&[0, 2]], ALL, |graph, v| v[0].scatter_add(indices(graph, &[0], &[]), 3)),
        case("one_hot", &[&[3, 4]], ALL, |graph, v| indices(graph, &[3], &[2, 0, 3]).one_hot(4) * v[0].exp()),
        case("one_hot", &[&[4]], ALL, |graph, v| indices(graph, &[2, 2], &[2, 0, 3, 2]).one_hot(4) * v[0]),
    ]
}

const NONE: u32 = u32::MAX;

fn rows() -> Vec<Case> {
    vec![
        case("gather", &[&[3, 2]], ALL, |graph, v| {
            v[0].exp().gather_or_zero(indices(graph, &[4], &[2, NONE, 3, 0]))
        }),
        case("add_rows", &[&[5, 2], &[4, 2]], ALL, |graph, v| {
            v[0].sin().add_rows(indices(graph, &[4], &[4, 1, NONE, 1]), v[1].exp()).powf(3.0)
        }),
        case("add_rows", &[&[3], &[5]], ALL, |graph, v| {
            v[0].add_rows(indices(graph, &[5], &[2, 2, 0, 3, 2]), v[1] * v[1]).exp()
        }),
        case("add_rows", &[&[3, 2], &[0, 2]], ALL, |graph, v| v[0].add_rows(indices(graph, &[0], &[]), v[1])),
        case("add_rows", &[&[0, 2], &[1, 2]], ALL, |graph, v| {
            v[0].add_rows(indices(graph, &[1], &[0]), v[1])
        }),
        case("set_rows", &[&[5, 2]], ALL, |graph, v| {
            let new = reals(graph, &[3, 2], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
            v[0].exp().set_rows(indices(graph, &[3], &[1, 3, 1]), new) * v[0]
        }),
        case("set_rows", &[&[40]], ALL, |graph, v| {
            v[0].exp().set_rows(indices(graph, &[2], &[39, 40]), reals(graph, &[2], &[0.5, 7.0]))
        }),
        case("first_occurrence", &[&[6, 2]], ALL, |graph, v| {
            let first = indices(graph, &[6], &[7, 3, 7, 9, 3, 7]).first_occurrence(9);
            v[0].exp().scatter_add(first, 6)
        }),
        case("distinct", &[&[4]], ALL, |graph, v| {
            let rows = indices(graph, &[5], &[2, 0, 2, 2, 3]);
            v[0].exp().gather_or_zero(rows.distinct(rows.first_occurrence(4)))
        }),
    ]
}

/// A step of an Elman network: h' = tanh(x W + h U + b).
fn elman<'b>(s: &StepInputs<'b>) -> StepOutputs<'b> {
    let z = s.stacked[0].matmul(s.fixed[0]) + s.carried[0].matmul(s.fixed[1]) + s.fixed[2];
    StepOutputs { carried: vec![z.tanh()], stacked: vec![] }
}

/// Two carried values that exchange places, and an output.
fn exchange<'b>(s: &StepInputs<'b>) -> StepOutputs<'b> {
    let gate = (s.stacked[0] + s.carried[0]).sigmoid();
    let next = gate * s.carried[1] + (1.0 - gate) * s.fixed[0];
    StepOutputs { carried: vec![next, s.carried[0]], stacked: vec![gate * s.stacked[0]] }
}

fn scans() -> Vec<Case> {
    use Direction::{Forward, Reverse};
    let (mut all, near) = (Vec::new(), (-0.93, 0.97));
    for (direction, steps, rows) in [(Forward, 3, 2), (Reverse, 3, 2), (Forward, 1, 1), (Reverse, 2, 3)] {
        let shapes: [&[usize]; 5] = [&[steps, rows, 3], &[rows, 2], &[3, 2], &[2, 2], &[2]];
        all.push(case("scan", &shapes, near, move |graph, v| {
            let inputs = ScanInputs { carried: &v[1..2], stacked: &v[..1], fixed: &v[2..] };
            let scanned = graph.scan(direction, inputs, elman);
            scanned.states[0].sum_over(&[0]) * (1.0 + scanned.last[0])
        }));
        all.push(case("scan", &[&[steps, rows, 2], &[rows, 2], &[rows, 2], &[2]], near, move |graph, v| {
            let inputs = ScanInputs { carried: &v[1..3], stacked: &v[..1], fixed: &v[3..] };
            let scanned = graph.scan(direction, inputs, exchange);
            (scanned.stacked[0] * scanned.states[1] + scanned.states[0]).exp()
        }));
    }
    // A step that mixes rows: no thread may run ahead.
    all.push(case("scan", &[&[3, 4], &[4], &[4, 4]], near, |graph, v| {
        let inputs = ScanInputs { carried: &v[1..2], stacked: &v[..1], fixed: &v[2..] };
        let scanned = graph.scan(Forward, inputs, |s| {
            let mixed = s.fixed[0].matmul(s.carried[0].reshape([4, 1])).reshape([4]);
            StepOutputs { carried: vec![(mixed + s.stacked[0]).tanh()], stacked: vec![s.carried[0].sum()] }
        });
        scanned.last[0] * scanned.stacked[0].sum()
    }));
    all.push(case("scan", &[&[4], &[], &[]], near, |graph, v| {
        let inputs = ScanInputs { carried: &v[1..2], stacked: &v[..1], fixed: &v[2..] };
        let scanned = graph.scan(Reverse, inputs, |s| StepOutputs {
            carried: vec![s.fixed[0] * s.carried[0] + s.stacked[0].sin()],
            stacked: vec![],
        });
        scanned.states[0] * scanned.last[0]
    }));
    // Nothing is carried.
    all.push(case("scan", &[&[3, 2, 2], &[2, 2]], near, |graph, v| {
        let inputs = ScanInputs { carried: &[], stacked: &v[..1], fixed: &v[1..] };
        let scanned = graph.scan(Forward, inputs, |s| StepOutputs {
            carried: vec![],
            stacked: vec![s.fixed[0].exp().matmul(s.stacked[0]).sin(), s.stacked[0] * s.fixed[0]],
        });
        scanned.stacked[0] * scanned.stacked[1]
    }));
    all
}

fn sparse() -> Vec<Case> {
    let mut cases = vec![case("segments", &[&[4, 2]], ALL, |graph, v| {
        let rows = Csr::new(indices(graph, &[5], &[0, 2, 2, 3, 5]), indices(graph, &[7], &[0; 7]), v[0])
            .rows_of_entries();
        v[0].exp().gather_or_zero(rows)
    })];
    for width in [1, 2, 5] {
        cases.push(case("sparse_matmul", &[&[7], &[4, width]], ALL, |graph, v| {
            let columns = indices(graph, &[7], &[0, 3, 1, 3, 9, 2, 0]);
            let csr = Csr::new(indices(graph, &[4], &[0, 2, 2, 6]), columns, v[0].sin());
            csr.matmul(v[1].exp()).tanh()
        }));
    }
    // Nine entries in a row: the sum in four parts, and its rest.
    cases.push(case("sparse_matmul", &[&[9], &[9, 1]], ALL, |graph, v| {
        let columns = indices(graph, &[9], &[8, 0, 1, 2, 3, 4, 5, 6, 7]);
        Csr::new(indices(graph, &[2], &[0, 9]), columns, v[0]).matmul(v[1])
    }));
    cases.push(case("sparse_matmul", &[&[0], &[4, 2]], ALL, |graph, v| {
        Csr::new(indices(graph, &[3], &[0, 0, 0]), indices(graph, &[0], &[]), v[0]).matmul(v[1])
    }));
    cases
}

/// Image size, window, groups, channels read and written.
type Convolution = ([usize; 2], Window, usize, usize, usize);

/// Kernels of one tap and larger than the image, strides that leave pixels out, padding wider than the
/// kernel, dilation, groups, one group for each channel; height 1; no images.
fn convolutions() -> Vec<Convolution> {
    let window = |h, w| Window::new([h, w]);
    vec![
        ([4, 3], window(2, 2), 1, 2, 3),
        ([3, 5], window(1, 1), 1, 1, 2),
        ([4, 4], window(3, 3).padding([1, 1]), 1, 2, 1),
        ([5, 4], window(2, 3).stride([2, 1]).padding([1, 2]), 1, 2, 2),
        ([1, 7], window(1, 3).stride([1, 2]).padding([0, 1]), 1, 2, 2),
        ([5, 5], window(2, 2).dilation([2, 3]).padding([0, 1]), 1, 1, 2),
        ([6, 3], window(3, 1).stride([4, 2]), 1, 1, 1),
        ([3, 3], window(2, 2).padding([2, 0]), 2, 4, 2),
        ([3, 4], window(2, 3).padding([0, 1]), 3, 3, 3),
        ([4, 4], window(3, 3).stride([2, 2]).padding([1, 1]), 2, 2, 2),
        ([2, 2], window(3, 2).padding([1, 0]), 2, 2, 4),
    ]
}

fn windows() -> Vec<Case> {
    let mut cases = Vec::new();
    for ([h, w], window, groups, c, k) in convolutions() {
        let [kh, kw] = window.kernel;
        let [oh, ow] = window.positions([h, w]).unwrap();
        let (x, weight, y) = ([2, h, w, c], [kh, kw, c / groups, k], [2, oh, ow, k]);
        cases.push(case("conv2d", &[&x, &weight], ALL, move |_, v| v[0].conv2d(v[1], window, groups).tanh()));
        cases.push(case("conv2d_input_gradient", &[&y, &weight], ALL, move |_, v| {
            v[0].conv2d_transposed(v[1], window, groups, [h, w]).tanh()
        }));
        cases.push(case("conv2d_weight_gradient", &[&x, &y], ALL, move |graph, v| {
            let w = graph.literal(
                Tensor::f64(Shape::new(&weight).unwrap(), vec![0.3; weight.iter().product()]).unwrap(),
            );
            gradients((v[0].conv2d(w, window, groups) * v[1]).sum(), &[w])[0].dense().tanh()
        }));
    }
    let none: [&[usize]; 2] = [&[0, 3, 3, 2], &[2, 2, 2, 3]];
    cases.push(case("conv2d", &none, ALL, |_, v| v[0].conv2d(v[1], Window::new([2, 2]), 1)));
    let pools = [
        ([4, 4], Window::new([2, 2]).stride([2, 2])),
        ([5, 4], Window::new([3, 2]).stride([2, 1]).padding([1, 0])),
        ([1, 6], Window::new([1, 2]).dilation([1, 3])),
        ([3, 3], Window::new([3, 3])),
    ];
    for ([h, w], window) in pools {
        let [oh, ow] = window.positions([h, w]).unwrap();
        let (x, y) = ([2, h, w, 2], [2, oh, ow, 2]);
        cases.push(case("max_pool", &[&x], ALL, move |_, v| v[0].max_pool2d(window).powf(3.0)));
        cases.push(case("max_unpool", &[&x, &y], ALL, move |_, v| {
            gradients((v[0].max_pool2d(window) * v[1]).sum(), &[v[0]])[0].dense().powf(3.0)
        }));
        cases.push(case("conv2d", &[&x], ALL, move |_, v| v[0].avg_pool2d(window).exp()));
    }
    cases
}

fn indices<'g>(graph: &'g Graph, shape: &[usize], values: &[u32]) -> Var<'g> {
    graph.literal(Tensor::u32(Shape::new(shape).unwrap(), values.to_vec()).unwrap())
}

fn reals<'g>(graph: &'g Graph, shape: &[usize], values: &[f64]) -> Var<'g> {
    graph.literal(Tensor::f64(Shape::new(shape).unwrap(), values.to_vec()).unwrap())
}
