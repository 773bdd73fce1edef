//! Derived code in a module that imports nothing, and has types of its own with the names of std's.

/// Whatever a user may call as std does.
mod crowded {
    #![expect(dead_code, reason = "they are there to be in the way")]

    pub struct Result;
    pub struct Option;
    pub struct Vec;
    pub struct String;
    pub struct Params;
    pub struct ParamValue;
    pub enum Shadow {
        Some,
        None,
        Ok,
        Err,
    }
    #[expect(unused_imports, reason = "derived code says where its own are from")]
    pub use Shadow::{Err, None, Ok, Some};
    pub trait ParamType {}
    pub mod std {}
    pub mod core {}
    pub mod burn_tune {}

    #[expect(non_upper_case_globals, reason = "as the local variables of derived code are called")]
    pub const builder: usize = 2;

    #[derive(::burn_tune::Space)]
    pub struct Net {
        #[space(1..=builder)]
        pub reader: usize,
        #[space(["a", "b"])]
        pub params: ::std::string::String,
        #[space(when(params = "a"))]
        pub name_of: ::std::option::Option<Name>,
        #[space([1.0, 2.0])]
        pub value: f32,
    }

    #[derive(::burn_tune::Space)]
    pub enum Name {
        Some,
        None,
    }
}

/// A crate that re-exports the facade.
mod facade {
    pub mod inner {
        pub use burn_tune as tune;
    }
}

#[derive(facade::inner::tune::Space)]
#[space(crate = "crate::hygiene::facade::inner::tune")]
struct Renamed {
    #[space]
    on: Switch,
}

#[derive(facade::inner::tune::Space)]
#[space(crate = "facade::inner::tune")]
enum Switch {
    On,
    Off,
}

#[test]
fn derived_code_stands_in_any_module() {
    use burn_tune::Space;

    let names = ["reader", "params", "name_of", "value"];
    assert_eq!(crowded::Net::NAMES, names);
    assert_eq!(crowded::Net::space().domains.len(), 4);
    let renamed = Renamed { on: Switch::Off };
    assert_eq!(renamed.to_params().to_string(), "on=off");
    assert!(Renamed::from_params(&Renamed { on: Switch::On }.to_params()).is_ok());
}

#[test]
fn attributes_that_a_macro_has_made_are_read_as_written_ones() {
    use burn_tune::Space;

    macro_rules! net {
        ($values:expr, $parent:expr, $ty:ty) => {
            #[derive(Space)]
            struct Net {
                #[space($values)]
                depth: $ty,
                #[space([1, 2], when(depth = $parent))]
                width: Option<usize>,
            }
        };
    }
    net!([1, 2, 3], 2..=3, usize);
    assert_eq!(Net::space().conditions[0].values.len(), 2);
    let net = Net { depth: 2, width: Some(1) };
    assert_eq!(net.to_params().to_string(), "depth=2 width=1");
}
