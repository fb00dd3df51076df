//! A source's name as a lookup takes it: hashed, and compared with a slot's, in words and without a call.
//!
//! The hash is that of wyhash and what came of it: two words are multiplied, and the halves of the product folded together.

use foldhash::fast::RandomState;
use std::hash::BuildHasher;

/// What names are hashed with, other in each registry: nobody can choose names that fall together.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seeds(u64, u64);

impl Seeds {
    pub(crate) fn new() -> Self {
        let random = RandomState::default();
        Self(random.hash_one(0), random.hash_one(1))
    }

    #[inline(always)]
    pub(crate) fn hash(&self, name: &str) -> u64 {
        let bytes = name.as_bytes();
        match chunks_of(bytes) {
            Some(chunks) => chunks.iter().fold(self.of_length(bytes), |hash, chunk| self.add(hash, words(chunk))),
            None => self.hash_of_other(bytes),
        }
    }

    /// Of a short name, or of a long one.
    #[inline(never)]
    fn hash_of_other(&self, bytes: &[u8]) -> u64 {
        let hash = self.of_length(bytes);
        let Some(last) = bytes.last_chunk() else {
            return self.add(hash, words_of_short(bytes));
        };
        let chunks = bytes[..bytes.len() - 1].as_chunks().0;
        let hash = chunks.iter().fold(hash, |hash, chunk| self.add(hash, words(chunk)));
        self.add(hash, words(last))
    }

    #[inline(always)]
    fn of_length(&self, bytes: &[u8]) -> u64 {
        self.0 ^ bytes.len() as u64
    }

    #[inline(always)]
    fn add(&self, hash: u64, [one, other]: [u64; 2]) -> u64 {
        let product = u128::from(hash ^ one) * u128::from(self.1 ^ other);
        product as u64 ^ (product >> 64) as u64
    }
}

type Chunk = [u8; 16];

/// The longest name that is taken in chunks without a loop.
const LONGEST: usize = 48;

/// All there is in a name of 16 bytes to the longest that needs no loop, as most are. In a shorter one some of it twice, so that no more is asked
/// of the length.
#[inline(always)]
fn chunks_of(bytes: &[u8]) -> Option<[&Chunk; 3]> {
    if !(16..=LONGEST).contains(&bytes.len()) {
        return None;
    }
    let last = bytes.len() - 16;
    Some([bytes.first_chunk()?, bytes[last.min(16)..].first_chunk()?, bytes[last..].first_chunk()?])
}

#[inline(always)]
fn words(chunk: &Chunk) -> [u64; 2] {
    let both = u128::from_le_bytes(*chunk);
    [both as u64, (both >> 64) as u64]
}

/// All there is in less than sixteen bytes: of as many bytes, others have other words.
#[inline(always)]
fn words_of_short(bytes: &[u8]) -> [u64; 2] {
    if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
        return [u64::from_le_bytes(*first), u64::from_le_bytes(*last)];
    }
    if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
        return [u32::from_le_bytes(*first).into(), u32::from_le_bytes(*last).into()];
    }
    bytes.iter().fold([0, 0], |[all, other], byte| [all << 8 | u64::from(*byte), other])
}

/// A name where it is compared.
#[repr(C)]
#[derive(Debug)]
pub(crate) struct Name {
    bytes: u32,
    /// As much of it as fits.
    head: [u8; HEAD_BYTES],
}

/// All of a name that is compared in chunks.
const HEAD_BYTES: usize = LONGEST;

impl Name {
    pub(crate) fn new(name: &str) -> Self {
        let mut head = [0; HEAD_BYTES];
        for (to, from) in head.iter_mut().zip(name.bytes()) {
            *to = from;
        }
        Self { bytes: name.len() as u32, head }
    }

    /// Tells whether this is another one; `whole` looks where all of this one is.
    #[inline(always)]
    pub(crate) fn is(&self, name: &str, whole: impl FnOnce() -> bool) -> bool {
        let name = name.as_bytes();
        if name.len() != self.bytes as usize {
            return false;
        }
        match (chunks_of(name), self.head.get(..name.len()).and_then(chunks_of)) {
            (Some(theirs), Some(own)) => {
                let differing = |[one, other]: [u64; 2], [their_one, their_other]: [u64; 2]| {
                    (one ^ their_one) | (other ^ their_other)
                };
                own.iter().zip(theirs).fold(0, |all, (own, theirs)| all | differing(words(own), words(theirs))) == 0
            }
            _ => whole(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn name(bytes: usize) -> String {
        (0..bytes).map(|at| char::from(b'a' + (at % 26) as u8)).collect()
    }

    #[test]
    fn a_name_is_itself_and_none_that_differs_anywhere() {
        for bytes in (1..=130).chain([1024]) {
            let own = name(bytes);
            let kept = Name::new(&own);
            let is = |other: &str| kept.is(other, || other == own);
            assert!(is(&own) && !is(&own[1..]) && !is(&format!("{own}x")), "{bytes} bytes");
            for at in 0..bytes {
                let mut other = own.clone();
                other.replace_range(at..=at, "-");
                assert!(!is(&other), "{bytes} bytes that differ at {at}");
            }
        }
    }

    #[test]
    fn names_that_differ_anywhere_have_other_hashes_in_every_part() {
        let seeds = Seeds::new();
        for bytes in (1..=70).chain([1024]) {
            let own = name(bytes);
            let (mut hashes, mut names) = (BTreeSet::new(), 0);
            for at in 0..bytes {
                for byte in '0'..='9' {
                    let mut other = own.clone();
                    other.replace_range(at..=at, byte.encode_utf8(&mut [0; 4]));
                    hashes.insert(seeds.hash(&other));
                    names += 1;
                }
            }
            assert_eq!(hashes.len(), names, "{bytes} bytes");
        }
        let hashes: Vec<_> = (0..1 << 14).map(|number| seeds.hash(&format!("rtsp://camera-{number}/live"))).collect();
        for shift in 0..=56 {
            let mut counts = [0_i32; 256];
            hashes.iter().for_each(|hash| counts[(hash >> shift) as usize % 256] += 1);
            // 64 each, give or take eight.
            assert!(counts.iter().all(|count| (count - 64).abs() < 56), "bits {shift} and on: {counts:?}");
        }
    }

    #[test]
    fn what_is_in_other_places_has_another_hash() {
        let seeds = Seeds::new();
        let [one, other] = ["0123456789abcdef", "ghijklmnopqrstuv"];
        assert_ne!(seeds.hash(&format!("{one}{other}!")), seeds.hash(&format!("{other}{one}!")));
        assert_ne!(seeds.hash(one), Seeds::new().hash(one), "another registry's");
    }
}
