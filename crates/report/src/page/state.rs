//! What a page says of the search that it is of: that it runs, or was broken off, or when and how it was done.

/// What a page says of its search.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PageState {
    /// What stands at the top, where the search has not come to its end.
    pub banner: Option<String>,
    /// After how many seconds the page is read again, while the search runs.
    pub reload_s: Option<u32>,
    /// Where it comes from, at the bottom: when, how long, which version, command and processor.
    pub origin: Vec<String>,
    /// What the programs of trials have written to stderr, by number.
    pub stderr: std::collections::BTreeMap<usize, String>,
}
