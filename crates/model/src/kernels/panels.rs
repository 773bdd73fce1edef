//! Matrices in panels of [`WIDTH`] columns, each of them row by row: what the innermost loop of a product reads from
//! begin to end is neighbours in memory, so nothing is packed. [`panel_products`](super::panel_products) multiplies them.

use std::ops::Range;

use pulp::{Arch, Simd, WithSimd};

use super::elementary::Divisor;

/// Columns of a panel; the last one may have fewer.
pub const WIDTH: usize = 64;

/// Columns are padded to a multiple of it: a line of the cache, and the widest vector.
pub const LINE: usize = 16;

/// A line of the cache.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(64))]
pub struct Line([f32; LINE]);

impl Line {
    /// All of it zero.
    pub const ZEROS: Line = Line([0.0; LINE]);

    /// What stands in these, one after the other.
    #[inline(always)]
    pub fn values(lines: &[Line]) -> &[f32] {
        // SAFETY: a line is sixteen floats, and nothing else.
        unsafe { std::slice::from_raw_parts(lines.as_ptr().cast(), lines.len() * LINE) }
    }

    /// What stands in these, one after the other.
    #[inline(always)]
    pub fn values_mut(lines: &mut [Line]) -> &mut [f32] {
        // SAFETY: as above.
        unsafe { std::slice::from_raw_parts_mut(lines.as_mut_ptr().cast(), lines.len() * LINE) }
    }
}

/// A matrix in panels.
///
/// The columns of the last panel are padded to a multiple of 16. What stands there is never read as a number of the
/// matrix.
#[derive(Debug, Clone)]
pub struct Panels {
    lines: Vec<Line>,
    rows: usize,
    columns: usize,
}

impl Panels {
    /// Zeros, `[rows, columns]`.
    pub fn zeros(rows: usize, columns: usize) -> Self {
        let lines = rows * columns.div_ceil(LINE);
        Panels { lines: vec![Line::ZEROS; lines], rows, columns }
    }

    /// From row by row.
    pub fn from_rows(values: &[f32], [rows, columns]: [usize; 2]) -> Self {
        assert_eq!(values.len(), rows * columns, "[{rows}, {columns}]");
        let mut panels = Panels::zeros(rows, columns);
        panels.copy_from_rows(values);
        panels
    }

    /// Takes these values, row by row; zeros for the padding.
    pub fn copy_from_rows(&mut self, values: &[f32]) {
        let columns = self.columns;
        for panel in 0..self.count() {
            let (range, stride) = (self.columns_of(panel), self.stride(panel));
            let filled = self.panel_mut(panel).chunks_exact_mut(stride);
            for (row, values) in filled.zip(values.chunks_exact(columns)) {
                row[..range.len()].copy_from_slice(&values[range.clone()]);
                row[range.len()..].fill(0.0);
            }
        }
    }

    /// Row by row.
    pub fn to_rows(&self) -> Vec<f32> {
        let mut values = Vec::new();
        self.copy_to_rows(&mut values);
        values
    }

    /// Makes `values` those of the matrix, row by row.
    pub fn copy_to_rows(&self, values: &mut Vec<f32>) {
        values.resize(self.rows * self.columns, 0.0);
        for panel in 0..self.count() {
            let range = self.columns_of(panel);
            let rows = self.panel(panel).chunks_exact(self.stride(panel));
            for (values, row) in values.chunks_exact_mut(self.columns).zip(rows) {
                values[range.clone()].copy_from_slice(&row[..range.len()]);
            }
        }
    }

    /// Rows.
    #[inline(always)]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Columns, without what they are padded with.
    #[inline(always)]
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Makes it `rows` high, of which it may already be more; what stands in it is then of no interest.
    pub fn set_rows(&mut self, rows: usize) {
        self.rows = rows;
        let lines = rows * self.columns.div_ceil(LINE);
        if lines > self.lines.len() {
            self.lines.resize(lines, Line::ZEROS);
        }
    }

    /// How many panels there are.
    #[inline(always)]
    pub fn count(&self) -> usize {
        self.columns.div_ceil(WIDTH)
    }

    /// The columns of a panel, without padding.
    #[inline(always)]
    pub fn columns_of(&self, panel: usize) -> Range<usize> {
        panel * WIDTH..self.columns.min((panel + 1) * WIDTH)
    }

    /// How far apart the rows of a panel are: its columns with their padding.
    #[inline(always)]
    pub fn stride(&self, panel: usize) -> usize {
        self.columns_of(panel).len().next_multiple_of(LINE)
    }

    #[inline(always)]
    fn begin(&self, panel: usize) -> usize {
        panel * WIDTH * self.rows
    }

    /// All values: one panel after the other.
    #[inline(always)]
    pub fn values(&self) -> &[f32] {
        Line::values(&self.lines[..self.rows * self.columns.div_ceil(LINE)])
    }

    /// All values: one panel after the other.
    #[inline(always)]
    pub fn values_mut(&mut self) -> &mut [f32] {
        Line::values_mut(&mut self.lines[..self.rows * self.columns.div_ceil(LINE)])
    }

    /// A panel, row by row.
    #[inline(always)]
    pub fn panel(&self, panel: usize) -> &[f32] {
        &self.values()[self.begin(panel)..][..self.rows * self.stride(panel)]
    }

    /// A panel, row by row.
    #[inline(always)]
    pub fn panel_mut(&mut self, panel: usize) -> &mut [f32] {
        let (begin, len) = (self.begin(panel), self.rows * self.stride(panel));
        &mut self.values_mut()[begin..][..len]
    }
}

/// Makes the rows of `out`, of which there are as many as examples, the pixels of these, in [0, 1]: each is
/// `pixel / 255`, to the last bit.
pub fn gather<'a>(examples: impl Iterator<Item = &'a [u8]>, out: &mut Panels) {
    Arch::new().dispatch(Gather { examples, out });
}

struct Gather<'a, I> {
    examples: I,
    out: &'a mut Panels,
}

impl<'a, I: Iterator<Item = &'a [u8]>> WithSimd for Gather<'_, I> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Gather { examples, out } = self;
        let divisor = Divisor::new(255.0);
        // Example by example: each is somewhere else in memory, from where it comes best in one go.
        for (row, pixels) in examples.enumerate() {
            for (panel, pixels) in pixels.chunks(WIDTH).enumerate() {
                let stride = out.stride(panel);
                let row = &mut out.panel_mut(panel)[row * stride..][..pixels.len()];
                for (value, &pixel) in row.iter_mut().zip(pixels) {
                    *value = divisor.quotient(f32::from(pixel));
                }
            }
        }
    }
}

/// Makes `out` the matrix with its rows for columns.
pub fn transpose(matrix: &Panels, out: &mut Panels) {
    assert_eq!((matrix.rows, matrix.columns), (out.columns, out.rows));
    for panel in 0..matrix.count() {
        let (columns, stride) = (matrix.columns_of(panel), matrix.stride(panel));
        let from = matrix.panel(panel);
        for out_panel in 0..out.count() {
            let (rows, out_stride) = (out.columns_of(out_panel), out.stride(out_panel));
            let to = out.panel_mut(out_panel);
            for column in columns.clone() {
                let to = &mut to[column * out_stride..][..rows.len()];
                let from =
                    from[rows.start * stride + column - columns.start..].iter().step_by(stride);
                for (to, from) in to.iter_mut().zip(from) {
                    *to = *from;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers([rows, columns]: [usize; 2]) -> Vec<f32> {
        (0..rows * columns).map(|i| i as f32).collect()
    }

    #[test]
    fn rows_come_back_as_they_were_and_padding_is_zero() {
        for shape in [[1, 1], [3, 16], [2, 63], [5, 64], [4, 65], [7, 200]] {
            let mut panels = Panels::from_rows(&numbers(shape), shape);
            assert_eq!(panels.to_rows(), numbers(shape));
            let total: f32 = numbers(shape).iter().sum();
            assert_eq!(panels.values().iter().sum::<f32>(), total, "{shape:?}");
            let by_panel: usize = (0..panels.count()).map(|panel| panels.panel(panel).len()).sum();
            assert_eq!(by_panel, panels.values_mut().len());
        }
    }

    #[test]
    fn fewer_rows_and_more_again_have_room() {
        let mut panels = Panels::zeros(4, 70);
        for rows in [2, 9, 1] {
            panels.set_rows(rows);
            panels.copy_from_rows(&numbers([rows, 70]));
            assert_eq!(panels.to_rows(), numbers([rows, 70]));
        }
    }

    #[test]
    fn a_transposed_matrix_has_its_rows_for_columns() {
        for [rows, columns] in [[1, 1], [17, 70], [64, 3], [130, 65]] {
            let numbers = numbers([rows, columns]);
            let mut out = Panels::zeros(columns, rows);
            transpose(&Panels::from_rows(&numbers, [rows, columns]), &mut out);
            let element = |i: usize| numbers[i % rows * columns + i / rows];
            assert_eq!(out.to_rows(), Vec::from_iter((0..rows * columns).map(element)));
        }
    }

    #[test]
    fn a_pixel_becomes_its_quotient_by_255() {
        let pixels: Vec<u8> = (0..=255).collect();
        let mut out = Panels::zeros(2, 128);
        gather(pixels.chunks(128), &mut out);
        assert_eq!(
            out.to_rows(),
            Vec::from_iter(pixels.iter().map(|&pixel| f32::from(pixel) / 255.0))
        );
    }
}
