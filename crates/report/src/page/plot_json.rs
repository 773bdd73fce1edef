//! A figure as the page has it: its plots as JSON inside of script elements, drawn by `page.js`.

use crate::figure::{Figure, Variant};

/// A figure in the form of the template.
pub struct Drawing<'a> {
    /// The figure itself.
    pub figure: &'a Figure,
    /// The plots to choose from.
    pub plots: Vec<PlotJson<'a>>,
}

/// One plot of a figure.
pub struct PlotJson<'a> {
    /// What the choice of it is called.
    pub label: &'a str,
    /// Its traces and layout: JSON that may stand inside of a script element.
    pub json: String,
}

impl<'a> Drawing<'a> {
    /// Encodes the plots of `figure`.
    pub fn new(figure: &'a Figure) -> Self {
        Drawing { figure, plots: figure.variants.iter().map(PlotJson::new).collect() }
    }
}

impl<'a> PlotJson<'a> {
    fn new(Variant { label, plot }: &'a Variant) -> Self {
        PlotJson { label, json: inside_script(&plot.to_json()) }
    }
}

/// JSON in which nothing ends a script element or begins a comment.
///
/// In JSON `<` occurs inside of texts alone, where it may be written as its number. That covers `</script`,
/// `<!--` and `<script` in any case of letters.
fn inside_script(json: &str) -> String {
    json.replace('<', "\\u003c")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_inside_of_a_script_means_the_same_and_ends_nothing() {
        let texts = ["</script><b>", "<!-- <SCRIPT>", "a < b"];
        let json = serde_json::to_string(&texts).unwrap();
        let inside = inside_script(&json);
        assert!(!inside.contains('<'), "{inside}");
        assert_eq!(serde_json::from_str::<Vec<String>>(&inside).unwrap(), texts);
    }
}
