//! Public signatures need at most two type parameters.

use super::source::Source;
use super::{File, Finding};

const MOST: usize = 2;
const ITEMS: &[&str] = &["pub fn ", "pub struct ", "pub enum ", "pub trait ", "pub type ", "pub const fn "];

pub fn check(file: &File, source: &Source, findings: &mut Vec<Finding>) {
    if !file.in_crate().is_some_and(|(_, inside)| inside.starts_with("src/")) {
        return;
    }
    for (number, line) in source.shipped() {
        let Some(item) = ITEMS.iter().find_map(|item| line.code.split_once(item).map(|(_, rest)| rest))
        else {
            continue;
        };
        let following: String =
            source.lines[number..].iter().take(12).flat_map(|line| ["\n", line.code.as_str()]).collect();
        let count = type_parameters(&format!("{item}{following}"));
        if count > MOST {
            let name = item.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or(item);
            findings.push(file.error(
                number,
                "type-parameters",
                format!("`{name}` has {count} type parameters"),
                "make some of them runtime values, or trait objects",
            ));
        }
    }
}

/// The number of type parameters in `name<'a, T: Bound, const N: usize>…`.
fn type_parameters(item: &str) -> usize {
    let name_end = item.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(item.len());
    let Some(generics) = item[name_end..].strip_prefix('<') else { return 0 };
    let mut depth = 0_i32;
    let mut parameters = vec![String::new()];
    let mut previous = ' ';
    for c in generics.chars() {
        match c {
            '>' if previous == '-' => {}
            '>' if depth == 0 => break,
            '<' | '(' | '[' => depth += 1,
            '>' | ')' | ']' => depth -= 1,
            ',' if depth == 0 => parameters.push(String::new()),
            _ => {}
        }
        if let Some(parameter) = parameters.last_mut() {
            parameter.push(c);
        }
        previous = c;
    }
    let is_type = |parameter: &&String| {
        let text = parameter.trim_start_matches([',', ' ', '\n']);
        text.starts_with(char::is_alphabetic) && !text.starts_with("const ")
    };
    parameters.iter().filter(is_type).count()
}
