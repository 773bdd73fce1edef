//! Flags that any training may have, whatever it trains.

use burn_tune_search::KnownFlag;
use burn_tune_search::flag::MODEL_NOT_SAVED;

/// All of them.
pub(crate) const ALL: [KnownFlag; 3] = [REPORTS_OUT_OF_ORDER, REPORTS_NO_NUMBER, MODEL_NOT_SAVED];

/// Behind those of users, which have the ranks that they give them.
const RANK: u16 = u16::MAX - 1;

/// Steps of reports do not ascend.
pub(crate) const REPORTS_OUT_OF_ORDER: KnownFlag = KnownFlag::new(
    "reports_out_of_order",
    RANK,
    "a step was reported again, or after a later one, and nobody looks at that: let the steps ascend, such as epochs from 1",
);

/// A report is NaN or infinite.
pub(crate) const REPORTS_NO_NUMBER: KnownFlag = KnownFlag::new(
    "reports_no_number",
    RANK,
    "what was reported on the way is NaN or infinite: look at the loss, and try a smaller learning rate",
);
