//! Conversion of samples of any format to `f64`, which holds all their bits, and back.

use capbuf::{I24, SampleFormat, Samples, Writer};

const FULL_SCALE: f64 = 2_147_483_648.0;

/// Converts samples of any format; full scale is 1.0.
pub(super) fn floats(samples: &Samples) -> Vec<f64> {
    match samples {
        Samples::S16(samples) => samples.iter().map(|sample| f64::from(*sample) / 32_768.0).collect(),
        Samples::S24(samples) => samples.iter().map(|sample| f64::from(sample.get()) / 8_388_608.0).collect(),
        Samples::S32(samples) => samples.iter().map(|sample| f64::from(*sample) / FULL_SCALE).collect(),
        Samples::F32(samples) => samples.iter().map(|sample| f64::from(*sample)).collect(),
    }
}

/// Writes samples in the format of the buffer, clipped to full scale.
pub(super) fn write_floats(writer: &mut Writer, samples: &[f64], utc_ns: i64) -> capbuf::Result<()> {
    // The casts saturate, and convert NaN to zero.
    match writer.buffer().spec().format() {
        SampleFormat::F32 => {
            let samples: Vec<_> = samples.iter().map(|sample| *sample as f32).collect();
            writer.write_at(&samples, utc_ns)
        }
        SampleFormat::S32 => {
            let samples: Vec<_> = samples.iter().map(|sample| (sample * FULL_SCALE).round() as i32).collect();
            writer.write_at(&samples, utc_ns)
        }
        SampleFormat::S24 => {
            let rounded: Vec<_> = samples
                .iter()
                .map(|sample| {
                    let value = (sample * 8_388_608.0).round().clamp(-8_388_608.0, 8_388_607.0) as i32;
                    value << 8
                })
                .collect();
            let mut samples = vec![I24::default(); rounded.len()];
            capbuf::convert(&rounded, &mut samples);
            writer.write_at(&samples, utc_ns)
        }
        SampleFormat::S16 => {
            let samples: Vec<_> = samples.iter().map(|sample| (sample * 32_768.0).round() as i16).collect();
            writer.write_at(&samples, utc_ns)
        }
    }
}
