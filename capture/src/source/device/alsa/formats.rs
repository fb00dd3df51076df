//! The sample formats of ALSA.

use alsa::pcm::Format;

use crate::source::encoding::ByteOrder::{self, Big, Little};
use crate::source::encoding::Encoding;

/// The formats that are samples. The others are encoded blocks, S/PDIF subframes or DSD.
pub(super) const FORMATS: [(Format, Encoding); 36] = [
    (Format::S16LE, signed(16, 2, Little)),
    (Format::S16BE, signed(16, 2, Big)),
    (Format::U16LE, unsigned(16, 2, Little)),
    (Format::U16BE, unsigned(16, 2, Big)),
    (Format::S243LE, signed(24, 3, Little)),
    (Format::S243BE, signed(24, 3, Big)),
    (Format::U243LE, unsigned(24, 3, Little)),
    (Format::U243BE, unsigned(24, 3, Big)),
    (Format::S24LE, signed(24, 4, Little)),
    (Format::S24BE, signed(24, 4, Big)),
    (Format::U24LE, unsigned(24, 4, Little)),
    (Format::U24BE, unsigned(24, 4, Big)),
    (Format::S32LE, signed(32, 4, Little)),
    (Format::S32BE, signed(32, 4, Big)),
    (Format::U32LE, unsigned(32, 4, Little)),
    (Format::U32BE, unsigned(32, 4, Big)),
    (Format::FloatLE, Encoding::Float(Little)),
    (Format::FloatBE, Encoding::Float(Big)),
    (Format::Float64LE, Encoding::Double(Little)),
    (Format::Float64BE, Encoding::Double(Big)),
    (Format::S203LE, signed(20, 3, Little)),
    (Format::S203BE, signed(20, 3, Big)),
    (Format::U203LE, unsigned(20, 3, Little)),
    (Format::U203BE, unsigned(20, 3, Big)),
    (Format::S20LE, signed(20, 4, Little)),
    (Format::S20BE, signed(20, 4, Big)),
    (Format::U20LE, unsigned(20, 4, Little)),
    (Format::U20BE, unsigned(20, 4, Big)),
    (Format::S183LE, signed(18, 3, Little)),
    (Format::S183BE, signed(18, 3, Big)),
    (Format::U183LE, unsigned(18, 3, Little)),
    (Format::U183BE, unsigned(18, 3, Big)),
    (Format::MuLaw, Encoding::MuLaw),
    (Format::ALaw, Encoding::ALaw),
    (Format::S8, signed(8, 1, Little)),
    (Format::U8, unsigned(8, 1, Little)),
];

const fn signed(bits: u8, bytes: u8, order: ByteOrder) -> Encoding {
    Encoding::Integer { bits, bytes, signed: true, order }
}

const fn unsigned(bits: u8, bytes: u8, order: ByteOrder) -> Encoding {
    Encoding::Integer { bits, bytes, signed: false, order }
}

/// Returns the layout of a format; `None` if it is not one of samples.
pub(super) fn layout(format: Format) -> Option<Encoding> {
    FORMATS.iter().find(|(known, _)| *known == format).map(|(_, layout)| *layout)
}

/// Returns the format of a layout.
pub(super) fn format(layout: Encoding) -> Format {
    FORMATS.iter().find(|(_, known)| *known == layout).map_or(Format::Unknown, |(format, _)| *format)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_format_of_samples_has_the_layout_that_alsa_computes() {
        for known in Format::all() {
            let Some(layout) = layout(*known) else {
                let name = known.to_string();
                let is_other = ["UNKNOWN", "IEC958", "IMA", "MPEG", "GSM", "SPECIAL", "G723", "DSD"]
                    .iter()
                    .any(|other| name.starts_with(other));
                assert!(is_other, "{name} has no layout");
                continue;
            };
            assert_eq!(format(layout), *known);
            assert_eq!(known.physical_width(), Ok(8 * layout.bytes() as i32), "{known}");
            match layout {
                Encoding::Integer { bits, bytes, order, .. } => {
                    assert_eq!(known.width(), Ok(i32::from(bits)), "{known}");
                    if bytes > 1 {
                        assert_eq!(known.little_endian(), Ok(order == Little), "{known}");
                    }
                    // Silence is the middle of the range.
                    if bytes == 2 {
                        let mut silence = [0_i32];
                        layout.decode(&known.silence_16().to_ne_bytes(), &mut silence);
                        assert_eq!(silence, [0], "{known}");
                    }
                }
                Encoding::Float(order) | Encoding::Double(order) => {
                    assert_eq!(known.little_endian(), Ok(order == Little), "{known}");
                }
                Encoding::MuLaw | Encoding::ALaw => {}
            }
        }
    }
}
