//! The library that draws: plotly.js, as the `plotly` crate carries it.

use plotly::Plot;

/// How plotly.js introduces itself.
const NAME: &str = "* plotly.js v";

/// The text of plotly.js.
///
/// The crate gives it together with MathJax, 2 MB for formulas that no figure has. Each is a script
/// element of its own; the one that names itself is taken, whatever their order.
pub fn plotly_js() -> String {
    let sources = Plot::offline_js_sources();
    let mut elements = sources.split("</script>");
    let element = elements.find(|element| element.contains(NAME)).unwrap_or_default();
    element.split_once('>').map_or("", |(_tag, text)| text).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plotly_is_cut_out_whole_and_alone() {
        let plotly = plotly_js();
        assert!(plotly.trim_start().starts_with("/**\n* plotly.js v3."), "{}", &plotly[..80]);
        assert!(plotly.trim_end().ends_with("window.Plotly = Plotly;\nreturn Plotly;\n}));"));
        assert!((4_000_000..5_000_000).contains(&plotly.len()), "{}", plotly.len());
        assert!(!plotly.contains("<script"), "the tag was cut off");
        assert!(!plotly.contains("tex-svg"), "that would be MathJax");
    }
}
