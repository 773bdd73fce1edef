//! Grid sampling: every point of the space once, in scikit-learn's order.

use super::Sampler;
use crate::params::{ParamValue, Params};
use crate::space::Space;

/// All points in the order of scikit-learn's `ParameterGrid`: names sorted, the last one fastest. Each comes
/// once, also where some of its parameters do not exist.
#[derive(Debug)]
pub struct GridSampler {
    space: Space,
    len: u128,
    next: u128,
}

impl GridSampler {
    /// A sampler of a space whose points can be listed.
    ///
    /// # Errors
    ///
    /// Where a parameter is a range without step: which one, and what to write.
    pub fn new(space: &Space) -> Result<Self, String> {
        if let Some((name, _)) = space.domains.iter().find(|(_, domain)| domain.points().is_none())
        {
            return Err(format!(
                "the grid sampler needs a list of values for `{name}`: give its range a step, list its values, or take the random sampler"
            ));
        }
        let len = space.grid_points().ok_or("the grid has more points than can be counted")?;
        Ok(GridSampler { space: space.clone(), len, next: 0 })
    }

    /// The point at `index` with those parameters alone that exist; `None` where that is another index's
    /// point: a parameter that does not exist counts as its first value.
    fn point(&self, index: u128) -> Option<Params> {
        let all = self.space.point(index);
        let existing = self.space.existing(all.clone());
        let is_first = |(name, value): (&str, &ParamValue)| {
            let first = self.space.get(name).map(|domain| domain.value(0));
            existing.get(name).is_some() || first.as_ref() == Some(value)
        };
        all.iter().all(is_first).then_some(existing)
    }
}

impl Sampler for GridSampler {
    fn suggest(&mut self) -> Option<Params> {
        while self.next < self.len {
            self.next += 1;
            if let Some(point) = self.point(self.next - 1) {
                return Some(point);
            }
        }
        None
    }
}
