//! Conversion between bytes and samples, and between sample formats.

/// Converts little-endian bytes to 16-bit samples; an odd last byte is ignored.
pub fn s16_from_bytes(bytes: &[u8]) -> Vec<i16> {
    bytes.as_chunks().0.iter().copied().map(i16::from_le_bytes).collect()
}

/// Converts 16-bit samples to little-endian bytes.
pub fn bytes_from_s16(samples: &[i16]) -> Vec<u8> {
    samples.iter().flat_map(|sample| sample.to_le_bytes()).collect()
}

/// Scales 16-bit samples to floats in -1..1.
pub fn f32_from_s16(samples: &[i16]) -> Vec<f32> {
    samples.iter().map(|&sample| f32::from(sample) / 32_768.0).collect()
}
