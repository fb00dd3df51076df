//! Memory for the next window, reused while it has not come.

use capbuf::Sample;
use numpy::Element;

/// A vector of one of the sample types.
pub(super) enum Spare {
    Float32(Vec<f32>),
    Int16(Vec<i16>),
    Int32(Vec<i32>),
}

/// A sample type whose vectors can be stored in a [`Spare`].
pub(super) trait Reusable: Sample + Element {
    fn take(spare: &mut Option<Spare>) -> Option<Vec<Self>>;
    fn store(memory: Vec<Self>) -> Spare;
}

macro_rules! reusable {
    ($T:ty, $kind:ident) => {
        impl Reusable for $T {
            fn take(spare: &mut Option<Spare>) -> Option<Vec<Self>> {
                match spare.take() {
                    Some(Spare::$kind(memory)) => Some(memory),
                    _ => None,
                }
            }

            fn store(memory: Vec<Self>) -> Spare {
                Spare::$kind(memory)
            }
        }
    };
}

reusable!(f32, Float32);
reusable!(i16, Int16);
reusable!(i32, Int32);
