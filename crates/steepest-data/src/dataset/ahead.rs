//! What is said of rows ahead of their use, to the processor's cache and to the system.

use steepest_tensor::{large_pages, prefetch};

use super::{Dataset, Features, Targets};

impl Dataset {
    /// Asks the processor's cache for rows that are soon to be copied. Changes nothing but time.
    #[inline]
    pub fn prefetch(&self, rows: impl IntoIterator<Item = usize>) {
        for row in rows.into_iter().filter_map(|row| self.stored(row).ok()) {
            self.prefetch_row(row);
        }
    }

    /// A call of its own: for one row, what a loop over rows would prepare takes longer than the requests.
    #[inline(never)]
    fn prefetch_row(&self, row: usize) {
        let range = row * self.width..(row + 1) * self.width;
        match &*self.features {
            Features::F32(values) => prefetch(&values[range]),
            Features::F64(values) => prefetch(&values[range]),
            Features::Bytes { pixels, .. } => prefetch(&pixels[range]),
            Features::Codes(codes) => prefetch(&codes.codes[range]),
            Features::Sparse(sparse) => {
                let (columns, values) = sparse.row(row);
                prefetch(columns);
                if !sparse.is_binary() {
                    prefetch(values);
                }
            }
            Features::Tokens { .. } | Features::Words(_) => {}
        }
        match &*self.targets {
            Targets::Classes { labels, .. } => prefetch(&labels[row..=row]),
            Targets::Numbers { values, width, .. } => prefetch(&values[row * width..(row + 1) * width]),
            Targets::None | Targets::Next { .. } | Targets::Context => {}
        }
    }

    /// Asks the processor's cache where rows are that are soon to be asked for by [`Dataset::prefetch`].
    #[inline]
    pub fn prefetch_places(&self, rows: impl IntoIterator<Item = usize>) {
        if let (Features::Sparse(sparse), None) = (&*self.features, &self.selection) {
            rows.into_iter().for_each(|row| sparse.prefetch_place(row));
        }
    }

    /// Asks the system for large pages under the rows, which are to be read in random order. Changes nothing but time.
    pub fn in_large_pages(&self) {
        match &*self.features {
            Features::F32(values) => large_pages(values),
            Features::F64(values) => large_pages(values),
            Features::Bytes { pixels, .. } => large_pages(pixels),
            Features::Tokens { tokens, .. } => large_pages(tokens),
            Features::Sparse(sparse) => sparse.in_large_pages(),
            Features::Codes(codes) => large_pages(&codes.codes),
            Features::Words(_) => {}
        }
        match &*self.targets {
            Targets::Classes { labels, .. } => large_pages(labels),
            Targets::Numbers { values, .. } => large_pages(values),
            Targets::None | Targets::Next { .. } | Targets::Context => {}
        }
    }
}
