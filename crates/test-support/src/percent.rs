//! Percent-encoding, read by hand: what a program makes of escapes is held against it.

/// A text without its escapes; those inside of them stay. What is no escape is left as it is.
#[must_use]
pub fn unescaped(text: &str) -> String {
    let mut parts = text.split('%');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let escaped = part
            .split_at_checked(2)
            .and_then(|(hex, rest)| Some((u8::from_str_radix(hex, 16).ok()?, rest)));
        let (byte, rest) = escaped.unwrap_or((b'%', part));
        bytes.push(byte);
        bytes.extend_from_slice(rest.as_bytes());
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
