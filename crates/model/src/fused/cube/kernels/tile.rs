//! A tile of one lane's matrix product, by one cube.
//!
//! Both factors come through shared memory, [`DEPTH`] of the products that an element is the sum of at a time, and each
//! unit keeps a few rows and columns of sums in its registers. An element is one chain of fused multiply-adds from the
//! first product to the last, so it has the same bits in a tile of any size.

use cubecl::prelude::*;

use super::{QUAD, Quad};

/// How much of the two factors is in shared memory at a time.
const DEPTH: usize = 16;
const DEPTH_QUADS: usize = DEPTH / QUAD;

/// Units of a cube.
pub(in crate::fused::cube) const UNITS: usize = 128;

/// How a cube's tile is dealt to its units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::fused::cube) struct Tiling {
    /// Units below each other.
    rows: usize,
    /// Units beside each other.
    columns: usize,
    /// Quads of rows, and of columns, that each unit computes: one quad in each row of units, then the next.
    pub quads: usize,
}

impl Tiling {
    /// 64 rows, 128 columns: 64 sums a unit, so that a number in shared memory is used as often as registers allow.
    const WIDE: Tiling = Tiling { rows: 8, columns: 16, quads: 2 };
    /// 64 rows, 32 columns: for results that are no wider, such as those of the classes.
    const NARROW: Tiling = Tiling { rows: 16, columns: 8, quads: 1 };
    /// All that there are.
    pub(in crate::fused::cube) const ALL: [Tiling; 2] = [Tiling::WIDE, Tiling::NARROW];

    /// The one for results of so many columns, in quads.
    pub(in crate::fused::cube) fn of(column_quads: usize) -> Tiling {
        if column_quads <= Tiling::NARROW.tile_columns() { Tiling::NARROW } else { Tiling::WIDE }
    }

    /// Quads of rows in a tile.
    pub(in crate::fused::cube) fn tile_rows(self) -> usize {
        self.rows * self.quads
    }

    /// Quads of columns in a tile.
    pub(in crate::fused::cube) fn tile_columns(self) -> usize {
        self.columns * self.quads
    }

    fn sums(self) -> usize {
        self.quads * QUAD * self.quads
    }
}

/// A matrix in memory, row by row.
#[derive(CubeType)]
pub(super) struct Matrix {
    /// Where it begins, in quads; of pixels, where in the table its examples are listed.
    pub begin: usize,
    /// Rows that it has: those beyond are 0.
    pub rows: usize,
    /// Quads of a row: those beyond are 0.
    pub quads: usize,
}

/// Four numbers of a matrix, of `numbers` or of the pixels of a batch's examples; 0 beyond its edges.
#[cube]
fn read(
    table: &[u32],
    pixels: &[u32],
    numbers: &[Quad],
    matrix: &Matrix,
    row: usize,
    quad: usize,
    #[comptime] of_pixels: bool,
) -> Quad {
    let mut values = Quad::new(0.0f32);
    if row < matrix.rows && quad < matrix.quads {
        if of_pixels {
            let example = table[matrix.begin + row] as usize;
            let word = pixels[example * matrix.quads + quad];
            #[unroll]
            for i in 0..QUAD {
                let byte = (word >> (8 * i as u32)) & 255u32;
                values.insert(i, f32::cast_from(byte) / 255.0f32);
            }
        } else {
            values = numbers[matrix.begin + row * matrix.quads + quad];
        }
    }
    values
}

/// Fills a tile of [`DEPTH`] rows, from row `depth` and quad `first` of a matrix on.
#[cube]
fn fill(
    tile: &mut Shared<[Quad]>,
    table: &[u32],
    pixels: &[u32],
    numbers: &[Quad],
    matrix: &Matrix,
    depth: usize,
    first: usize,
    #[comptime] width: usize,
    #[comptime] of_pixels: bool,
) {
    #[unroll]
    for i in 0..comptime!(DEPTH * width / UNITS) {
        let place = UNIT_POS as usize + i * UNITS;
        let (row, quad) = (depth + place / width, first + place % width);
        tile[place] = read(table, pixels, numbers, matrix, row, quad, of_pixels);
    }
}

/// As [`fill`], of the transposed matrix: its rows, from four times `first` on, are the tile's columns.
#[cube]
fn fill_transposed(
    tile: &mut Shared<[Quad]>,
    table: &[u32],
    pixels: &[u32],
    numbers: &[Quad],
    matrix: &Matrix,
    depth: usize,
    first: usize,
    #[comptime] width: usize,
    #[comptime] of_pixels: bool,
) {
    let blocks = comptime!(DEPTH_QUADS * width);
    #[unroll]
    for i in 0..comptime!(blocks.div_ceil(UNITS)) {
        let block = UNIT_POS as usize + i * UNITS;
        if block < blocks {
            // Units beside each other read along a row.
            let (column, quad) = (block / DEPTH_QUADS, block % DEPTH_QUADS);
            let row = (first + column) * QUAD;
            let from = depth / QUAD + quad;
            let a = read(table, pixels, numbers, matrix, row, from, of_pixels);
            let b = read(table, pixels, numbers, matrix, row + 1, from, of_pixels);
            let c = read(table, pixels, numbers, matrix, row + 2, from, of_pixels);
            let d = read(table, pixels, numbers, matrix, row + 3, from, of_pixels);
            #[unroll]
            for j in 0..QUAD {
                let mut values = Quad::new(0.0f32);
                values.insert(0usize, a.extract(j));
                values.insert(1usize, b.extract(j));
                values.insert(2usize, c.extract(j));
                values.insert(3usize, d.extract(j));
                tile[(quad * QUAD + j) * width + column] = values;
            }
        }
    }
}

/// Adds the products of two tiles to this unit's sums: quads of columns, row by row.
#[cube]
fn multiply(
    sums: &mut Array<Quad>,
    left: &Shared<[Quad]>,
    right: &Shared<[Quad]>,
    #[comptime] tiling: Tiling,
) {
    let quads = comptime!(tiling.quads);
    let unit_row = UNIT_POS as usize / comptime!(tiling.columns);
    let unit_column = UNIT_POS as usize % comptime!(tiling.columns);
    for k in 0..DEPTH {
        let mut columns = Array::<Quad>::new(quads);
        #[unroll]
        for c in 0..quads {
            let place = k * comptime!(tiling.tile_columns()) + comptime!(c * tiling.columns);
            columns[c] = right[place + unit_column];
        }
        #[unroll]
        for r in 0..quads {
            let place = k * comptime!(tiling.tile_rows()) + comptime!(r * tiling.rows);
            let rows = left[place + unit_row];
            #[unroll]
            for i in 0..QUAD {
                let row = Quad::new(rows.extract(i));
                #[unroll]
                for c in 0..quads {
                    let sum = comptime!((r * QUAD + i) * quads + c);
                    sums[sum] = fma(row, columns[c], sums[sum]);
                }
            }
        }
    }
}

/// `sums` of zeros.
#[cube]
pub(super) fn zeros(#[comptime] count: usize) -> Array<Quad> {
    let mut sums = Array::<Quad>::new(count);
    #[unroll]
    for i in 0..count {
        sums[i] = Quad::new(0.0f32);
    }
    sums
}

/// The row of the result that is this unit's, the `index`th of them: four below each other in each row of units.
#[cube]
pub(super) fn row_of_unit(place: &Place, index: usize, #[comptime] tiling: Tiling) -> usize {
    let unit_row = UNIT_POS as usize / comptime!(tiling.columns);
    let row_of_units = index / QUAD * comptime!(tiling.rows) + unit_row;
    (place.row + row_of_units) * QUAD + index % QUAD
}

/// The quad of the result's columns that is this unit's, the `index`th of them.
#[cube]
pub(super) fn column_of_unit(
    place: &Place,
    #[comptime] index: usize,
    #[comptime] tiling: Tiling,
) -> usize {
    let unit_column = UNIT_POS as usize % comptime!(tiling.columns);
    place.column + comptime!(index * tiling.columns) + unit_column
}

/// What a product's factors are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Factors {
    /// The left one lies in memory as what it is the transposed matrix of: its columns are rows there.
    pub left_by_columns: bool,
    /// The left one is pixels.
    pub of_pixels: bool,
    /// The right one lies in memory as what it is the transposed matrix of.
    pub right_by_columns: bool,
    /// The right one's columns are summed, too.
    pub sums_columns: bool,
}

/// Where a cube's tile is in the result, and how many tiles of the factors it is made of.
#[derive(CubeType)]
pub(super) struct Place {
    /// The first row, in quads.
    pub row: usize,
    /// The first column, in quads.
    pub column: usize,
    /// Whether lanes with such a result have this tiling.
    pub is_ours: bool,
    pub tiles: usize,
}

/// The place of this cube's tile in a result of so many rows and of so many quads of columns, of which each element is a
/// sum of `depth` products.
#[cube]
pub(super) fn place_of_cube(
    rows: usize,
    columns: usize,
    depth: usize,
    #[comptime] tiling: Tiling,
) -> Place {
    let row = CUBE_POS_Y as usize * comptime!(tiling.tile_rows());
    let column = CUBE_POS_X as usize * comptime!(tiling.tile_columns());
    // As `Tiling::of`.
    let is_narrow = columns <= comptime!(Tiling::NARROW.tile_columns());
    let is_ours = is_narrow == comptime!(tiling == Tiling::NARROW);
    let mut tiles = 0usize.runtime();
    if is_ours && row * QUAD < rows && column < columns {
        tiles = depth.div_ceil(DEPTH);
    }
    Place { row, column, is_ours, tiles }
}

/// This unit's sums of `left · right`, and, where they are asked for, those of the right one's columns, in `column_sums`.
#[cube]
pub(super) fn product(
    table: &[u32],
    pixels: &[u32],
    left: &[Quad],
    left_matrix: &Matrix,
    right: &[Quad],
    right_matrix: &Matrix,
    place: &Place,
    column_sums: &mut Array<Quad>,
    #[comptime] factors: Factors,
    #[comptime] tiling: Tiling,
) -> Array<Quad> {
    let (rows, columns) = comptime!((tiling.tile_rows(), tiling.tile_columns()));
    let mut left_tile = Shared::<[Quad]>::new_slice(comptime!(DEPTH * rows));
    let mut right_tile = Shared::<[Quad]>::new_slice(comptime!(DEPTH * columns));
    let mut sums = zeros(comptime!(tiling.sums()));
    let of_pixels = comptime!(factors.of_pixels);
    for tile in 0..place.tiles {
        let k = tile * DEPTH;
        if comptime!(factors.left_by_columns) {
            fill_transposed(
                &mut left_tile,
                table,
                pixels,
                left,
                left_matrix,
                k,
                place.row,
                rows,
                of_pixels,
            );
        } else {
            fill(&mut left_tile, table, pixels, left, left_matrix, k, place.row, rows, of_pixels);
        }
        if comptime!(factors.right_by_columns) {
            fill_transposed(
                &mut right_tile,
                table,
                pixels,
                right,
                right_matrix,
                k,
                place.column,
                columns,
                false,
            );
        } else {
            fill(
                &mut right_tile,
                table,
                pixels,
                right,
                right_matrix,
                k,
                place.column,
                columns,
                false,
            );
        }
        sync_cube();
        multiply(&mut sums, &left_tile, &right_tile, tiling);
        if comptime!(factors.sums_columns) {
            sum_columns(column_sums, &right_tile, tiling);
        }
        sync_cube();
    }
    sums
}

/// Whether this unit sums columns: the first row of units, of the cubes at the result's upper edge.
#[cube]
pub(super) fn sums_columns(#[comptime] tiling: Tiling) -> bool {
    CUBE_POS_Y == 0u32 && (UNIT_POS as usize) < comptime!(tiling.columns)
}

/// Adds the rows of a tile to this unit's sums of columns.
#[cube]
fn sum_columns(sums: &mut Array<Quad>, tile: &Shared<[Quad]>, #[comptime] tiling: Tiling) {
    if sums_columns(tiling) {
        for k in 0..DEPTH {
            #[unroll]
            for c in 0..comptime!(tiling.quads) {
                let place = k * comptime!(tiling.tile_columns()) + comptime!(c * tiling.columns);
                sums[c] += tile[place + UNIT_POS as usize];
            }
        }
    }
}
