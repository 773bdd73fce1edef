//! Whether the colours of figures can be told apart, also by those who see fewer: a simulation of G. M. Machado,
//! M. M. Oliveira and L. A. F. Fernandes, "A Physiologically-based Model for Simulation of Color Vision Deficiency",
//! IEEE TVCG 15 (2009), of its matrices those of full severity.

use crate::figure::COLORS;
use crate::study::color_scale::GOOD;

type Rgb = [f64; 3];

const VISIONS: [(&str, [[f64; 3]; 3]); 4] = [
    ("normal", [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]),
    (
        "protanopia",
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ],
    ),
    (
        "deuteranopia",
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ],
    ),
    (
        "tritanopia",
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ],
    ),
];

/// Linear light, from `#rrggbb`.
fn linear(hex: &str) -> Rgb {
    let part = |at| f64::from(u8::from_str_radix(&hex[at..at + 2], 16).unwrap()) / 255.0;
    [part(1), part(3), part(5)]
        .map(|x| if x <= 0.04045 { x / 12.92 } else { ((x + 0.055) / 1.055_f64).powf(2.4) })
}

/// CIE L*a*b* of what somebody sees.
fn lab(hex: &str, vision: [[f64; 3]; 3]) -> Rgb {
    let rgb = linear(hex);
    let seen =
        vision.map(|row| row.iter().zip(rgb).map(|(a, b)| a * b).sum::<f64>().clamp(0.0, 1.0));
    let xyz = [
        (0.412453 * seen[0] + 0.357580 * seen[1] + 0.180423 * seen[2]) / 0.950456,
        0.212671 * seen[0] + 0.715160 * seen[1] + 0.072169 * seen[2],
        (0.019334 * seen[0] + 0.119193 * seen[1] + 0.950227 * seen[2]) / 1.088754,
    ];
    let [x, y, z] = xyz.map(|t| if t > 0.008856 { t.cbrt() } else { 7.787 * t + 16.0 / 116.0 });
    [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
}

fn distance(a: Rgb, b: Rgb) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt()
}

/// The values of a variable of the style: in the light scheme, and in the dark one.
fn variable(name: &str) -> [&'static str; 2] {
    let style = include_str!("../templates/page.css");
    let values: Vec<&str> = style
        .lines()
        .filter_map(|line| line.trim().strip_prefix(&format!("--{name}: "))?.strip_suffix(';'))
        .collect();
    [values[0], values[1]]
}

#[test]
fn what_is_good_stands_out_in_both_schemes_for_everybody() {
    for (vision, matrix) in VISIONS {
        for scheme in [0, 1] {
            let page = lab(variable("surface")[scheme], matrix)[0];
            let steps: Vec<Rgb> = (0..GOOD)
                .map(|step| lab(variable(&format!("good-{step}"))[scheme], matrix))
                .collect();
            for pair in steps.windows(2) {
                let away = |color: Rgb| (color[0] - page).abs();
                assert!(away(pair[1]) > away(pair[0]) + 5.0, "{vision}, {scheme}: {pair:?}");
                assert!(distance(pair[0], pair[1]) > 8.0, "{vision}, {scheme}: {pair:?}");
            }
            assert!((steps[0][0] - page).abs() > 8.0, "{vision}, {scheme}: the worst is seen, too");
        }
    }
}

#[test]
fn the_colours_of_lines_can_be_told_apart_by_everybody() {
    for (vision, matrix) in VISIONS {
        for (place, one) in COLORS.iter().enumerate() {
            for other in &COLORS[..place] {
                let far = distance(lab(one, matrix), lab(other, matrix));
                assert!(far > 9.0, "{vision}: {one} and {other} are {far:.1} apart");
            }
        }
    }
}
