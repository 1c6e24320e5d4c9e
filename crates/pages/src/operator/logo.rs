//! The operator's logo: small, of a known kind by its first bytes, and carried in the page, so that nobody else is
//! asked for it. Browsers carry out nothing that is in a picture.

use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Bytes; with the rest of a page it stays below 60 kB.
const LARGEST: usize = 24 * 1024;

/// Why a logo is not used.
#[derive(Debug, thiserror::Error)]
pub enum LogoError {
    /// The file cannot be read.
    #[error("{0} cannot be read: does it exist, and may this program read it?")]
    File(PathBuf, #[source] io::Error),
    /// Too large.
    #[error(
        "the picture is larger than {LARGEST} bytes: make it smaller, it is sent with every page"
    )]
    Large,
    /// Not a picture.
    #[error("this is no PNG, JPEG, WebP or SVG picture")]
    Kind,
    /// Not an address of a picture.
    #[error("write data:image/png;base64,… (or jpeg, webp, svg+xml), or the path of a file")]
    Data,
}

/// The picture in a file.
pub(super) fn from_file(path: &Path) -> Result<String, LogoError> {
    let failed = |error| LogoError::File(path.to_owned(), error);
    let file = std::fs::File::open(path).map_err(failed)?;
    let mut bytes = Vec::new();
    let limit = u64::try_from(LARGEST).unwrap_or(u64::MAX).saturating_add(1);
    file.take(limit).read_to_end(&mut bytes).map_err(failed)?;
    address(&bytes)
}

/// The picture in a `data:` address, which must be what it says.
pub(super) fn from_data(data: &str) -> Result<String, LogoError> {
    let rest = data.strip_prefix("data:").ok_or(LogoError::Data)?;
    let (kind, encoded) = rest.split_once(";base64,").ok_or(LogoError::Data)?;
    if encoded.len() > LARGEST * 4 / 3 + 4 {
        return Err(LogoError::Large);
    }
    let bytes = STANDARD.decode(encoded).map_err(|_| LogoError::Data)?;
    if kind_of(&bytes) != Some(kind) {
        return Err(LogoError::Kind);
    }
    address(&bytes)
}

fn address(bytes: &[u8]) -> Result<String, LogoError> {
    if bytes.len() > LARGEST {
        return Err(LogoError::Large);
    }
    let kind = kind_of(bytes).ok_or(LogoError::Kind)?;
    Ok(format!("data:{kind};base64,{}", STANDARD.encode(bytes)))
}

fn kind_of(bytes: &[u8]) -> Option<&'static str> {
    if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
        return Some("image/png");
    }
    if bytes.starts_with(b"\xff\xd8\xff") {
        return Some("image/jpeg");
    }
    if bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP".as_slice()) {
        return Some("image/webp");
    }
    let text = std::str::from_utf8(bytes).ok()?;
    let start = text.trim_start_matches('\u{feff}').trim_start();
    let is_svg =
        start.starts_with("<svg") || (start.starts_with("<?xml") && start.contains("<svg"));
    is_svg.then_some("image/svg+xml")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SVG: &str = "<svg xmlns=\"http://www.w3.org/2000/svg\"/>";

    #[test]
    fn pictures_are_known_by_their_first_bytes() {
        let folder = std::env::temp_dir().join(format!("metergate-logo-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.join("logo");
        for (bytes, expected) in [
            (
                b"\x89PNG\r\n\x1a\nrest".to_vec(),
                Some("data:image/png;base64,"),
            ),
            (
                b"\xff\xd8\xffrest".to_vec(),
                Some("data:image/jpeg;base64,"),
            ),
            (
                b"RIFF0000WEBPrest".to_vec(),
                Some("data:image/webp;base64,"),
            ),
            (SVG.into(), Some("data:image/svg+xml;base64,")),
            (b"<html><script>".to_vec(), None),
            (b"GIF89a".to_vec(), None),
            (Vec::new(), None),
            (
                [b"\x89PNG\r\n\x1a\n".to_vec(), vec![0; LARGEST]].concat(),
                None,
            ),
        ] {
            std::fs::write(&file, &bytes).unwrap();
            let address = from_file(&file).ok();
            assert_eq!(address.is_some(), expected.is_some(), "{bytes:?}");
            if let (Some(address), Some(expected)) = (address, expected) {
                assert!(address.starts_with(expected), "{address}");
                assert_eq!(from_data(&address).unwrap(), address);
            }
        }
        std::fs::remove_dir_all(&folder).unwrap();
        assert!(matches!(from_file(&file), Err(LogoError::File(..))));
    }

    #[test]
    fn an_address_that_is_another_thing_than_it_says_is_refused() {
        let svg = STANDARD.encode(SVG);
        for bad in [
            format!("data:image/png;base64,{svg}"),
            format!("data:text/html;base64,{svg}"),
            format!("data:image/svg+xml,{SVG}"),
            "data:image/png;base64,%%%".to_owned(),
            format!("data:image/png;base64,{}", "A".repeat(LARGEST * 2)),
        ] {
            assert!(from_data(&bad).is_err(), "{bad}");
        }
    }
}
