//! What is said about graphs that cannot be: the whole text, once, with the line that wrote it.

use steepest_graph::{
    Feeds, Graph, Initial, PlanErrors, ProblemKind, Var, VariableKind, evaluate, gradients,
};
use steepest_tensor::{Shape, Tensor};

/// A mistake, the line it stands on, and what must be said of it (`@` for file, line and column).
struct Mistake {
    line: u32,
    make: fn(&Graph),
    text: &'static str,
}

macro_rules! mistake {
    ($make:expr, $text:expr) => {
        Mistake { line: line!(), make: $make, text: $text }
    };
}

fn x(g: &Graph) -> Var<'_> {
    g.input("x", [4, 3])
}

fn labels(g: &Graph) -> Var<'_> {
    g.index_input("labels", [4])
}

fn weight(g: &Graph) -> Var<'_> {
    g.variable("weight", VariableKind::Parameter, [10, 2], Initial::Constant(0.0))
}

#[rustfmt::skip]
const MISTAKES: &[Mistake] = &[
    mistake!(|g| { let _ = x(g) + g.input("b", [4]); },
        "add: shapes [4, 3] and [4] do not broadcast: from the right, sizes must be equal or 1
  of x [4, 3], b [4]
  built at @
  help: use `reshape` to add axes of size 1 where they should repeat"),
    mistake!(|g| { x(g).less(g.constant(0.0)).select(x(g), g.input("b", [4])); },
        "select: shapes [4, 3] and [4] do not broadcast: from the right, sizes must be equal or 1
  of less [4, 3], x [4, 3], b [4]
  built at @
  help: use `reshape` to add axes of size 1 where they should repeat"),
    mistake!(|g| { x(g).broadcast_to([4, 1]); },
        "broadcast: cannot repeat [4, 3] to [4, 1]: from the right, sizes must be equal, or 1 in the value
  of x [4, 3]
  built at @
  help: use `reshape` to add axes of size 1 where they should repeat"),
    mistake!(|g| g.scoped("mlp", || g.scoped("2", || { x(g).tanh().matmul(weight(g)); })),
        "matmul: inner dimensions differ: [4, 3] · [10, 2]
  of tanh [4, 3], weight [10, 2]
  layer `mlp.2`, built at @
  help: the left factor has 3 columns and the right one 10 rows; make them equal"),
    mistake!(|g| { g.input("a", [2, 4, 3]).matmul(g.input("b", [3, 3, 5])); },
        "matmul: leading axes differ: [2, 4, 3] · [3, 3, 5]
  of a [2, 4, 3], b [3, 3, 5]
  built at @
  help: give both factors the same leading axes, or the right one two axes"),
    mistake!(|g| { x(g).matmul(g.input("v", [3])); },
        "matmul: needs a value with at least two axes, got shape [3]
  of x [4, 3], v [3]
  built at @"),
    mistake!(|g| { g.constant(1.0).arg_max(); },
        "arg_max: needs a value with at least one axis, got shape []
  of constant []
  built at @"),
    mistake!(|g| { g.input("v", [3]).transpose(); },
        "transpose: needs a value with at least two axes, got shape [3]
  of v [3]
  built at @"),
    mistake!(|g| { x(g).sum_over(&[0, 2]); },
        "sum: axis 2 does not exist in shape [4, 3]
  of x [4, 3]
  built at @
  help: axes are counted from 0, the outermost"),
    mistake!(|g| { x(g).reshape([5, 2]); },
        "reshape: cannot view [4, 3] (12 elements) as [5, 2] (10 elements)
  of x [4, 3]
  built at @"),
    mistake!(|g| { x(g).slice(1, 2, 4); },
        "slice: range 2..4 of axis 1 lies outside shape [4, 3]
  of x [4, 3]
  built at @"),
    mistake!(|g| { x(g).concat(&[g.input("y", [4, 2])], 0); },
        "concat: needs shape [4, 3], got [4, 2]
  of x [4, 3], y [4, 2]
  built at @"),
    mistake!(|g| { g.uniform(steepest_tensor::Key::new(0), x(g), [2]); },
        "uniform: needs shape [], got [4, 3]
  of x [4, 3]
  built at @"),
    mistake!(|g| { x(g).scatter_add(g.index_input("rows", [5]), 7); },
        "scatter_add: needs shape [5, 3], got [4, 3]
  of x [4, 3], rows [5]
  built at @"),
    mistake!(|g| { let w = weight(g); g.assign(w, w.sum()) },
        "assign: needs shape [10, 2], got []
  of weight [10, 2], sum []
  built at @"),
    mistake!(|g| { g.variable("w", VariableKind::State, [3], Initial::Values(Tensor::scalar(1.0))); },
        "variable: needs shape [3], got []
  built at @"),
    mistake!(|g| { x(g).permute(&[0, 0]); },
        "permute: [0, 0] is not an order of the axes of [4, 3]
  of x [4, 3]
  built at @"),
    mistake!(|g| { x(g).gather(x(g)); },
        "gather: needs index (u32) values, got real values
  of x [4, 3], x [4, 3]
  built at @
  help: declare the input with `Graph::index_input`"),
    mistake!(|g| { let _ = 2.0 * labels(g); },
        "mul: needs real values, got index (u32) values
  of broadcast [4], labels [4]
  built at @
  help: turn indices into reals with `one_hot`, or look up rows of a table with `gather`"),
    mistake!(|g| { g.input("none", [4, 0]).max_last(); },
        "max: the maximum of no elements does not exist (shape [4, 0])
  of none [4, 0]
  built at @"),
    mistake!(|g| { labels(g).reshape([2, 1, 1, 1, 1, 2]).one_hot(3); },
        "one_hot: a tensor has at most 6 axes, got 7
  of reshape [2, 1, 1, 1, 1, 2]
  built at @"),
    mistake!(|g| { x(g).pad(0, usize::MAX, 1); },
        "pad: an axis of 4 cannot grow by 18446744073709551615 and 1
  of x [4, 3]
  built at @"),
    mistake!(|g| { x(g); g.input("x", [4, 4]); },
        "input: `x` was declared before as real [4, 3], now as real [4, 4]
  built at @
  help: use another name, or the same shape"),
    mistake!(|g| { labels(g); g.host_scalar("labels"); },
        "host_scalar: `labels` was declared before as index (u32) [4], now as real []
  built at @
  help: use another name, or the same shape"),
    mistake!(|g| { weight(g); g.variable("weight", VariableKind::Slot, [10], Initial::Constant(0.0)); },
        "variable: `weight` was declared before as real [10, 2], now as real [10]
  built at @
  help: use another name, or the same shape"),
    mistake!(|g| { let v = g.input("v", [3]); gradients(v.arg_max(), &[v]); },
        "arg_max: has no derivative: a position is a whole number and changes in jumps
  of v [3]
  built at @
  help: put `stop_gradient` in front of it, if no gradient should flow through it"),
    mistake!(|g| { let x = x(g); gradients(x.exp().with_derivative(x, &[], |grad, _, _| grad.sum()).sum(), &[x]); },
        "custom_derivative: its rule gives a derivative of shape [] by [4, 3]
  of x [4, 3]
  built at @
  help: let the rule return a value of the shape of x: sum over what was repeated"),
    mistake!(|g| { gradients(x(g), &[x(g)]); },
        "gradients: gradients are taken of one number, got shape [4, 3]; sum or average it first
  of x [4, 3]
  built at @"),
    mistake!(|g| { g.assign(x(g), x(g)) },
        "assign: assigns to the result of `input`, which is not a variable
  of x [4, 3]
  built at @
  help: pass the value returned by `Graph::variable`"),
    mistake!(|g| g.scoped("conv", || { x(g).invalid("convolution", ProblemKind::Rank { expected: "four axes", got: x(g).shape() }); }),
        "convolution: needs a value with four axes, got shape [4, 3]
  of x [4, 3]
  layer `conv`, built at @"),
    mistake!(|g| g.scoped("head", || g.problem("dense", ProblemKind::Layer { what: "has 0 outputs".into(), help: "give it at least one".into() })),
        "dense: has 0 outputs
  layer `head`, built at @
  help: give it at least one"),
];

#[test]
fn problems_say_what_where_and_what_to_do() {
    for Mistake { line, make, text } in MISTAKES {
        let graph = Graph::new();
        make(&graph);
        let problems = graph.problems();
        assert_eq!(problems.len(), 1, "{text}\n{problems:#?}");
        let place = format!("{}:{line}:{}", file!(), problems[0].location.column());
        assert_eq!(problems[0].to_string(), text.replace('@', &place));
    }
}

#[test]
fn all_problems_are_reported_at_once_and_nothing_that_follows_from_them() {
    let graph = Graph::new();
    let wrong = x(&graph).matmul(weight(&graph));
    let follows = (wrong + x(&graph)).tanh().slice(9, 0, 1).matmul(wrong).transpose().arg_max();
    let also = graph.input("y", [4, 3]).sum_over(&[5]);
    gradients(follows, &[also]);
    gradients(also, &[wrong]);
    graph.assign(weight(&graph), wrong);
    follows.invalid("layer", ProblemKind::Rank { expected: "four axes", got: follows.shape() });
    wrong.select(wrong, labels(&graph)).reshape([17]);
    let last = labels(&graph).sum();

    let error = evaluate(&graph, &[last], &Feeds::new()).unwrap_err();
    let ops: Vec<&str> = error.0.iter().map(|problem| problem.op).collect();
    assert_eq!(ops, ["matmul", "sum", "sum"]);
    assert_eq!(error.0[1].kind, ProblemKind::Axis { axis: 5, shape: Shape::from([4, 3]) });
    let text = error.to_string();
    assert_eq!(text.matches("built at").count(), 3, "{text}");
    assert!(text.contains("\nsum: axis 5"), "{text}");
}

#[test]
fn derivatives_are_written_down_to_the_line_and_layer_of_the_forward_pass() {
    let graph = Graph::new();
    let x = x(&graph);
    let (y, line) = graph.scoped("squash", || (x.tanh(), line!()));
    let before = graph.nodes().len();
    let slope = gradients(y.sum(), &[x])[0].dense();
    let products: Vec<_> =
        graph.nodes()[before..].iter().filter(|node| node.op.name() == "mul").cloned().collect();
    assert_eq!(slope.shape(), x.shape());
    assert_eq!(products.len(), 2);
    for node in products {
        assert_eq!((&*node.layer, node.location.line(), node.location.file()), ("squash", line, file!()));
    }
    assert_eq!(&*graph.layer(), "");
}

#[test]
fn values_of_another_graph_are_a_problem_not_a_panic() {
    let (here, there) = (Graph::new(), Graph::new());
    for _ in 0..9 {
        there.constant(1.0);
    }
    let (x, y) = (here.input("x", [2]), there.input("y", [2]));
    let text = "takes a value that belongs to another graph";
    let _ = x + y;
    gradients(x.sum(), &[y]);
    here.assign(here.variable("w", VariableKind::State, [2], Initial::Constant(0.0)), y);
    let problems = here.problems();
    assert_eq!(problems.iter().map(|p| p.op).collect::<Vec<_>>(), ["add", "gradients", "assign"]);
    assert!(problems.iter().all(|p| p.to_string().contains(text)));
    let error = evaluate(&Graph::new(), &[y], &Feeds::new()).unwrap_err();
    assert!(error.to_string().starts_with(&format!("evaluate: {text}\n  of y [2]\n  built at ")), "{error}");
}

#[test]
fn feeds_of_a_wrong_shape_are_all_named() {
    let graph = Graph::new();
    let (a, line) = (graph.input("a", [3]), line!());
    let all = [a, graph.host_scalar("rate"), weight(&graph)];
    let wrong = || Tensor::f64([2], vec![0.0; 2]).unwrap();
    let feeds = Feeds::new().with("a", wrong()).with("rate", wrong()).with("weight", wrong());
    let PlanErrors(problems) = evaluate(&graph, &all, &feeds).unwrap_err();
    assert_eq!(problems.iter().map(|p| p.op).collect::<Vec<_>>(), ["input", "host_scalar", "read"]);
    let place = format!("{}:{line}:{}", file!(), problems[0].location.column());
    assert_eq!(
        problems[0].to_string(),
        format!("input: `a` needs shape [3], is fed [2]\n  built at {place}")
    );
}
