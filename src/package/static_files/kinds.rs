//! What a file of a web app is by its name: its media type, whether compressing it pays, and whether
//! its name says that the content never changes.
//!
//! A table rather than a crate: these are the types browsers do something with, each with the name
//! IANA gives it (<https://www.iana.org/assignments/media-types>). `mime_guess` knows a thousand more,
//! which a browser downloads like any other unknown file, and says nothing of compressing.

use std::path::Path;

/// What is not in the table.
const UNKNOWN: Kind = Kind { media: "application/octet-stream", shrinks: false };

/// One media type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Kind {
    media: &'static str,
    /// Whether such files get smaller by compression; most binary formats are compressed already.
    pub(super) shrinks: bool,
}

/// Types by the endings of names, those that shrink first.
const SHRINK: &[(&str, &[&str])] = &[
    ("text/css", &["css"]),
    // <https://www.rfc-editor.org/rfc/rfc9239>
    ("text/javascript", &["js", "mjs", "cjs"]),
    ("text/html", &["html", "htm"]),
    ("text/plain", &["txt", "text", "log", "conf"]),
    ("text/markdown", &["md", "markdown"]),
    ("text/csv", &["csv"]),
    ("text/tab-separated-values", &["tsv"]),
    ("text/calendar", &["ics"]),
    ("text/vcard", &["vcf"]),
    ("text/vtt", &["vtt"]),
    ("text/xml", &["xsl", "xslt"]),
    ("application/json", &["json", "map", "topojson"]),
    ("application/manifest+json", &["webmanifest"]),
    ("application/ld+json", &["jsonld"]),
    ("application/geo+json", &["geojson"]),
    ("application/xml", &["xml", "xsd"]),
    ("application/rss+xml", &["rss"]),
    ("application/atom+xml", &["atom"]),
    ("application/xhtml+xml", &["xhtml"]),
    ("application/yaml", &["yaml", "yml"]),
    ("application/toml", &["toml"]),
    ("application/rtf", &["rtf"]),
    ("application/wasm", &["wasm"]),
    ("image/svg+xml", &["svg"]),
    ("image/vnd.microsoft.icon", &["ico", "cur"]),
    ("image/bmp", &["bmp"]),
    ("font/ttf", &["ttf"]),
    ("font/otf", &["otf"]),
    ("font/collection", &["ttc"]),
    ("application/vnd.ms-fontobject", &["eot"]),
    ("model/gltf+json", &["gltf"]),
    ("model/gltf-binary", &["glb"]),
];

const PACKED: &[(&str, &[&str])] = &[
    ("image/png", &["png"]),
    ("image/apng", &["apng"]),
    ("image/jpeg", &["jpg", "jpeg", "jpe"]),
    ("image/gif", &["gif"]),
    ("image/webp", &["webp"]),
    ("image/avif", &["avif"]),
    ("image/heic", &["heic"]),
    ("image/jxl", &["jxl"]),
    ("image/tiff", &["tif", "tiff"]),
    ("font/woff", &["woff"]),
    ("font/woff2", &["woff2"]),
    ("audio/mpeg", &["mp3"]),
    ("audio/mp4", &["m4a"]),
    ("audio/aac", &["aac"]),
    ("audio/flac", &["flac"]),
    ("audio/ogg", &["ogg", "oga", "opus"]),
    ("audio/wav", &["wav"]),
    ("audio/webm", &["weba"]),
    ("audio/midi", &["mid", "midi"]),
    ("video/mp4", &["mp4", "m4v"]),
    ("video/webm", &["webm"]),
    ("video/ogg", &["ogv"]),
    ("video/quicktime", &["mov"]),
    ("video/mp2t", &["ts"]),
    ("video/x-msvideo", &["avi"]),
    ("application/vnd.apple.mpegurl", &["m3u8"]),
    ("application/dash+xml", &["mpd"]),
    ("application/pdf", &["pdf"]),
    ("application/epub+zip", &["epub"]),
    ("application/zip", &["zip"]),
    ("application/gzip", &["gz", "tgz"]),
    ("application/x-bzip2", &["bz2"]),
    ("application/x-xz", &["xz"]),
    ("application/zstd", &["zst"]),
    ("application/x-7z-compressed", &["7z"]),
    ("application/x-tar", &["tar"]),
    ("application/msword", &["doc"]),
    ("application/vnd.openxmlformats-officedocument.wordprocessingml.document", &["docx"]),
    ("application/vnd.ms-excel", &["xls"]),
    ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", &["xlsx"]),
    ("application/vnd.ms-powerpoint", &["ppt"]),
    ("application/vnd.openxmlformats-officedocument.presentationml.presentation", &["pptx"]),
    ("application/vnd.oasis.opendocument.text", &["odt"]),
    ("application/vnd.oasis.opendocument.spreadsheet", &["ods"]),
    ("application/vnd.android.package-archive", &["apk"]),
];

impl Kind {
    /// By the ending of `path`, in any case.
    pub(super) fn of(path: &str) -> Self {
        let ending = Path::new(path).extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        let ending = ending.to_ascii_lowercase();
        let find = |table: &[(&'static str, &[&str])], shrinks| {
            let (media, _) = table.iter().find(|(_, endings)| endings.contains(&ending.as_str()))?;
            Some(Self { media, shrinks })
        };
        find(SHRINK, true).or_else(|| find(PACKED, false)).unwrap_or(UNKNOWN)
    }

    /// `Content-Type` of `content`. Text that is UTF-8 says so; of other text a browser guesses best.
    pub(super) fn content_type(self, content: &[u8]) -> String {
        // JavaScript is UTF-8 for modules whatever is said, and guessed for scripts unless it is said.
        if self.media.starts_with("text/") && std::str::from_utf8(content).is_ok() {
            return format!("{}; charset=utf-8", self.media);
        }
        self.media.to_owned()
    }
}

/// Bundlers put their hash into the names of these; elsewhere such a word may be a word.
const BUNDLED: &[&str] = &["js", "mjs", "css", "map", "wasm", "woff", "woff2"];

/// Whether the name carries a hash of the content: `app.3f2a9c1b.css` (webpack, Django, Parcel),
/// `index-BfX3k2Lz.js` (Vite, Rollup), `app-6TXO2GUH.js` (esbuild). In doubt not: what is taken for
/// eternal and is not stays stale in browsers for a year.
pub(super) fn is_hashed(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let Some((stem, ending)) = name.rsplit_once('.') else { return false };
    let mut words = stem.split(['.', '-', '_']);
    words.next();
    let bundled = BUNDLED.contains(&ending) || path.split('/').rev().skip(1).any(|folder| folder == "assets");
    // The last word of a name like `index-BfX3k2Lz`, whose alphabet has `-` and `_` in it.
    let tail = stem.len().checked_sub(8).and_then(|from| Some((stem.get(..from)?, stem.get(from..)?)));
    let tail = tail.filter(|(rest, _)| rest.ends_with(['-', '.']) && rest.len() > 1);
    words.any(is_hex) || (bundled && tail.is_some_and(|(_, word)| is_base64(word) || is_base32(word)))
}

fn is_hex(word: &str) -> bool {
    let all = |of: fn(u8) -> bool| word.bytes().all(of);
    (8..=64).contains(&word.len())
        && all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        // A date is no hash, and neither is `facade`.
        && !all(|byte| byte.is_ascii_digit())
        && !all(|byte| byte.is_ascii_lowercase())
}

fn is_base64(word: &str) -> bool {
    let any = |of: fn(u8) -> bool| word.bytes().any(of);
    word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
        && any(|byte| byte.is_ascii_uppercase())
        && any(|byte| byte.is_ascii_lowercase())
        && has_inner_digit(word)
}

fn is_base32(word: &str) -> bool {
    word.bytes().all(|byte| matches!(byte, b'A'..=b'Z' | b'2'..=b'7')) && has_inner_digit(word)
}

/// `iPhone15` ends in digits as words do; a hash has them anywhere.
fn has_inner_digit(word: &str) -> bool {
    word.trim_end_matches(|letter: char| letter.is_ascii_digit()).bytes().any(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_ending_stands_in_the_table_once_and_in_lower_case() {
        let all: Vec<&str> = SHRINK.iter().chain(PACKED).flat_map(|(_, endings)| endings.iter().copied()).collect();
        assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len());
        assert!(all.iter().all(|ending| *ending == ending.to_lowercase()));
        let media: Vec<&str> = SHRINK.iter().chain(PACKED).map(|(media, _)| *media).collect();
        assert_eq!(media.iter().collect::<BTreeSet<_>>().len(), media.len());
    }

    #[test]
    fn types_go_by_the_ending_and_text_says_its_charset() {
        let of = |path: &str, content: &[u8]| Kind::of(path).content_type(content);
        assert_eq!(of("css/app.css", b"a"), "text/css; charset=utf-8");
        assert_eq!(of("APP.JS", "é".as_bytes()), "text/javascript; charset=utf-8");
        assert_eq!(of("old.html", b"caf\xe9"), "text/html");
        assert_eq!(of("logo.svg", b"<svg/>"), "image/svg+xml");
        assert_eq!(of("f.woff2", b"wOF2"), "font/woff2");
        assert_eq!(of("app.css.map", b"{}"), "application/json");
        for unknown in ["LICENSE", "a.xyz", ".htaccess", "", "css"] {
            assert_eq!(of(unknown, b"x"), "application/octet-stream", "{unknown}");
        }
    }

    #[test]
    fn a_hash_in_a_name_is_seen() {
        for hashed in [
            "app.3f2a9c1b.css",
            "admin/css/base.27e20196a850.css",
            "main.abc123ef.chunk.js",
            "assets/index-BfX3k2Lz.js",
            "assets/logo-D_x9aB-2.png",
            "index-6TXO2GUH.js",
            "font-0123456789abcdef0123456789abcdef.woff2",
            "vendors~main-3f2a9c1b.js",
        ] {
            assert!(is_hashed(hashed), "{hashed}");
        }
    }

    #[test]
    fn words_versions_and_dates_are_no_hashes() {
        for plain in [
            "app.css",
            "3f2a9c1b.css",
            "jquery-3.7.1.min.js",
            "report-20240115.pdf",
            "the-facade.js",
            "theme-DarkBlue.css",
            "photo-iPhone6s.jpg",
            "img/photo-iPhone15.js",
            "part-VERSION2.js",
            "assets/x-javascript.js",
            "bootstrap.bundle.min.js",
            "d3.v7.js",
            "deadbeef",
            "",
        ] {
            assert!(!is_hashed(plain), "{plain}");
        }
    }
}
