//! Text in columns.

use unicode_width::UnicodeWidthStr;

use crate::style::Style;

/// Which side of its column a cell stands on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Side {
    Left,
    Right,
}

/// Rows of cells under headings.
#[derive(Debug)]
pub struct Table {
    columns: Vec<(String, Side)>,
    rows: Vec<Vec<String>>,
}

const GAP: &str = "  ";

impl Table {
    pub fn new<'a>(columns: impl IntoIterator<Item = (&'a str, Side)>) -> Table {
        let columns = columns.into_iter().map(|(name, side)| (name.to_owned(), side)).collect();
        Table { columns, rows: Vec::new() }
    }

    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// The table as lines, each behind `indent`. Headings are left out if all are empty.
    pub fn render(&self, indent: &str, style: &Style) -> String {
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.width());
            cells.max().unwrap_or(0).max(self.columns[column].0.width())
        };
        let widths: Vec<usize> = (0..self.columns.len()).map(width).collect();
        let mut out = String::new();
        if self.columns.iter().any(|(name, _)| !name.is_empty()) {
            let names: Vec<String> = self.columns.iter().map(|(name, _)| name.clone()).collect();
            out += &format!("{indent}{}\n", style.dim(&self.line(&names, &widths)));
        }
        for row in &self.rows {
            out += &format!("{indent}{}\n", self.line(row, &widths));
        }
        out
    }

    fn line(&self, cells: &[String], widths: &[usize]) -> String {
        let pad = |((cell, (_, side)), width): ((&String, &(String, Side)), &usize)| {
            let room = " ".repeat(width.saturating_sub(cell.width()));
            if *side == Side::Left { format!("{cell}{room}") } else { format!("{room}{cell}") }
        };
        let cells: Vec<String> = cells.iter().zip(&self.columns).zip(widths).map(pad).collect();
        cells.join(GAP).trim_end().to_owned()
    }
}

/// A text in lines of at most `width` columns.
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.width() + 1 + word.width() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_align_by_what_is_seen() {
        let mut table = Table::new([("name", Side::Left), ("value", Side::Right)]);
        table.row(["m̂".to_owned(), "1".to_owned()]);
        table.row(["ratio".to_owned(), "12.5".to_owned()]);
        assert_eq!(table.render("> ", &Style::plain()), "> name   value\n> m̂          1\n> ratio   12.5\n");
    }

    #[test]
    fn wrapped_lines_keep_within_the_width() {
        let lines = wrap("one two three four", 9);
        assert_eq!(lines, ["one two", "three", "four"]);
    }
}
