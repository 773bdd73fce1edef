//! Tests of where the values of a parameter lie on its axis.

use super::*;

fn axis(domain: &str, values: &[ParamValue]) -> Option<ParamAxis> {
    let domain: Domain = serde_json::from_str(domain).unwrap();
    ParamAxis::new("p", &domain, &values.iter().map(Some).collect::<Vec<_>>())
}

fn floats(values: &[f64]) -> Vec<ParamValue> {
    values.iter().copied().map(ParamValue::Float).collect()
}

fn texts(values: &[&str]) -> Vec<ParamValue> {
    values.iter().map(|value| ParamValue::Str((*value).to_owned())).collect()
}

const LOG: &str = r#"{ "low": 0.0001, "high": 1.0, "log": true }"#;
const LINEAR: &str = r#"{ "low": 0.0, "high": 1.0, "log": false }"#;

#[test]
fn a_logarithmic_range_is_scaled_by_factors() {
    let axis = axis(LOG, &floats(&[0.001, 0.1, 0.01])).unwrap();
    assert_eq!(axis.scale, Scale::Log);
    assert_eq!(axis.positions, [0.001, 0.1, 0.01]);
    assert!((axis.scaled(0.01) - 0.5).abs() < 1e-12);
    assert!((axis.distance(0.001, 0.1) - 1.0).abs() < 1e-12);
    assert_eq!(axis.drawn_positions(), [-3.0, -1.0, -2.0]);
}

#[test]
fn ticks_of_a_logarithmic_axis_are_powers_of_ten_that_leave_room_for_the_ends() {
    let axis = axis(LOG, &floats(&[0.00098, 0.25, 0.01])).unwrap();
    let (ticks, labels) = axis.ticks();
    assert_eq!(labels, ["0.00098", "0.01", "0.1", "0.25"]);
    assert_eq!(ticks, [-3.00877, -2.0, -1.0, -0.60206]);
}

#[test]
fn categories_stand_in_the_order_of_the_space_and_those_that_it_has_not_behind() {
    let axis = axis(r#"["relu", "tanh", "gelu"]"#, &texts(&["gelu", "sine", "relu"])).unwrap();
    let names = ["relu", "gelu", "sine"].map(str::to_owned).to_vec();
    assert_eq!(axis.scale, Scale::Categories { names, ordered: false });
    assert_eq!(axis.positions, [1.0, 2.0, 0.0]);
    assert_eq!(axis.distance(0.0, 2.0), 1.0);
    assert_eq!(axis.distance(0.0, 1.0), 1.0);
    assert_eq!(axis.grid(), [-0.4, 0.0, 1.0, 2.0, 2.4]);
}

#[test]
fn listed_numbers_are_categories_by_size() {
    let values = [ParamValue::Int(300), ParamValue::Int(50), ParamValue::Int(100)];
    let axis = axis("[300, 100]", &values).unwrap();
    let names = ["50", "100", "300"].map(str::to_owned).to_vec();
    assert_eq!(axis.scale, Scale::Categories { names, ordered: true });
    assert_eq!(axis.positions, [2.0, 0.0, 1.0]);
    assert_eq!(axis.distance(0.0, 1.0), 0.5);
}

#[test]
fn values_that_the_scale_has_no_place_for_change_the_scale() {
    let with_zero = axis(LOG, &floats(&[0.0, 0.1])).unwrap();
    assert_eq!(with_zero.scale, Scale::Linear);
    let with_text = [ParamValue::Float(0.5), ParamValue::Str("none".to_owned())];
    let names = ["0.5", "none"].map(str::to_owned).to_vec();
    assert_eq!(
        axis(LINEAR, &with_text).unwrap().scale,
        Scale::Categories { names, ordered: false }
    );
}

#[test]
fn what_does_not_vary_has_no_axis() {
    assert!(axis(LINEAR, &floats(&[0.5, 0.5])).is_none());
    assert!(axis(LINEAR, &[]).is_none());
    assert!(axis(r#"["relu", "tanh"]"#, &texts(&["tanh", "tanh"])).is_none());
}

#[test]
fn a_grid_has_the_positions_of_the_trials_or_thirty_even_ones() {
    let few = axis(LINEAR, &floats(&[0.0, 1.0, 0.25])).unwrap();
    assert_eq!(few.grid(), [-0.05, 0.0, 0.25, 1.0, 1.05]);
    let many: Vec<f64> = (0..100).map(|number| f64::from(number) / 99.0).collect();
    let many = axis(LINEAR, &floats(&many)).unwrap().grid();
    assert_eq!((many.len(), many[0], many[29]), (30, -0.05, 1.05));
}

#[test]
fn extreme_numbers_do_not_panic() {
    for (domain, ends) in [(LINEAR, [-1.7e308, 1.7e308]), (LOG, [5e-324, 1.7e308])] {
        let axis = axis(domain, &floats(&ends)).unwrap();
        let (ticks, labels) = axis.ticks();
        assert_eq!(ticks.len(), labels.len());
        assert!(axis.grid().len() <= MOST_POSITIONS);
        axis.layout();
    }
}
