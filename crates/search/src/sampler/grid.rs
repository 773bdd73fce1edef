//! Grid sampling: every point of the space once, in scikit-learn's order.

use super::Sampler;
use crate::params::Params;
use crate::space::Space;

/// All points in the order of scikit-learn's `ParameterGrid`: names sorted, the last one fastest.
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
        let len = space.points().ok_or("the grid has more points than can be counted")?;
        Ok(GridSampler { space: space.clone(), len, next: 0 })
    }
}

impl Sampler for GridSampler {
    fn suggest(&mut self) -> Option<Params> {
        let index = self.next;
        self.next += 1;
        (index < self.len).then(|| self.space.point(index))
    }
}
