//! Percent-escapes in URLs.

use std::borrow::Cow;

/// Escapes of escapes are decoded this often.
const DEPTH: usize = 3;

/// Returns the byte that the escape at the start of `text` stands for.
fn escaped(text: &[u8]) -> Option<u8> {
    let [b'%', high, low, ..] = *text else { return None };
    let digit = |sign: u8| char::from(sign).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    Some(digit(high)? << 4 | digit(low)?)
}

/// Returns true if the text holds an escape.
pub(super) fn is_escaped(text: &str) -> bool {
    text.as_bytes().windows(3).any(|window| escaped(window).is_some())
}

/// Decodes all escapes, also those that were escaped again.
pub(super) fn decoded(text: &str) -> Cow<'_, str> {
    let mut text = Cow::Borrowed(text);
    for _ in 0..DEPTH {
        if !is_escaped(&text) {
            break;
        }
        text = Cow::Owned(percent_decoded(&text));
    }
    text
}

/// Decodes the escapes of a text once. Internal: used by the capture crate.
pub fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let byte = escaped(rest);
        bytes.push(byte.unwrap_or(first));
        rest = if byte.is_some() { &rest[3..] } else { after };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_decoded_also_twice() {
        for (text, plain) in
            [("a%40b", "a@b"), ("a%2540b", "a@b"), ("%zz%4", "%zz%4"), ("%c3%bc", "ü"), ("100%", "100%")]
        {
            assert_eq!(decoded(text), plain);
        }
        assert_eq!(decoded("%ff"), "\u{fffd}");
    }
}
