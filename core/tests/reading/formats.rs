//! Conversion of samples, and the size of the output.

use capbuf::{Error, ReadOptions, SampleFormat, Span};

use crate::support::{Recording, manual, spec};

#[test]
fn output_that_is_too_small_is_not_written() {
    let mut recording = Recording::new(1.0, 1000);
    recording.arrive(500);
    let mut small = [7_i16; 499];
    let error = recording.buffer.read_into(Span::Frames(0..500), &ReadOptions::new(), &mut small).unwrap_err();
    assert_eq!(error, Error::TooSmall { needed_samples: 500, given_samples: 499 });
    assert_eq!(small, [7; 499]);
}

#[test]
fn every_format_is_read_as_every_other() {
    let (registry, _) = manual();
    for format in SampleFormat::ALL {
        let buffer = registry.get_or_allocate(format.name(), spec(1.0, 8000, 2, format)).unwrap();
        let mut writer = buffer.writer().unwrap();
        let wave: Vec<f32> = (0..8000).map(|n| ((n % 2000) as f32 - 1000.0) / 1024.0).collect();
        macro_rules! write_as {
            ($type:ty) => {{
                let mut samples = vec![<$type>::default(); wave.len()];
                capbuf::convert(&wave, &mut samples);
                writer.write(&samples).unwrap();
            }};
        }
        match format {
            SampleFormat::S16 => write_as!(i16),
            SampleFormat::S24 => write_as!(capbuf::I24),
            SampleFormat::S32 => write_as!(i32),
            SampleFormat::F32 => write_as!(f32),
        }
        for wanted in SampleFormat::ALL {
            let options = ReadOptions::new().format(wanted);
            let segment = buffer.read_with(Span::Frames(1000..4000), &options).unwrap();
            assert_eq!((segment.format(), segment.frames(), segment.samples().len()), (wanted, 3000, 6000));
            let mut floats = vec![0.0_f32; 6000];
            match segment.samples() {
                capbuf::Samples::S16(samples) => capbuf::convert(samples, &mut floats),
                capbuf::Samples::S24(samples) => capbuf::convert(samples, &mut floats),
                capbuf::Samples::S32(samples) => capbuf::convert(samples, &mut floats),
                capbuf::Samples::F32(samples) => capbuf::convert(samples, &mut floats),
            };
            assert!(floats == wave[2000..8000], "{format} as {wanted}");
        }
        let mut into = vec![9.0_f32; 6001];
        let extracted = buffer.read_into(Span::Frames(1000..4000), &ReadOptions::new(), &mut into).unwrap();
        assert_eq!((extracted.frames, extracted.first_frame), (3000, 1000));
        assert!(into[..6000] == wave[2000..8000]);
        assert_eq!(into[6000], 9.0, "memory beyond the read is untouched");
    }
}
