//! What a Linux program or library (an ELF file) asks of the machine it is to run on.
//!
//! Whatever was linked on a newer Linux than Lambda's ends there with "version `GLIBC_2.38` not found";
//! the file says so beforehand. Only its tables are read, not the code.

use std::fmt;
use std::fs::File;
use std::io::{self, Read as _, Seek as _};
use std::path::Path;

use object::LittleEndian;
use object::elf::FileHeader64;
use object::read::ReadCache;
use object::read::elf::{FileHeader as _, ProgramHeader as _};

/// `e_machine` values of the ELF specification.
pub(super) const X86_64: u16 = 62;
pub(super) const AARCH64: u16 = 183;

/// A version of the GNU C library: 2.34 is `Glibc(2, 34)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Glibc(pub(super) u32, pub(super) u32);

impl fmt::Display for Glibc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

/// The tables of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Elf {
    /// `e_machine`.
    pub(super) machine: u16,
    /// The oldest glibc it runs on; `None` when it does not use glibc, or none of its versioned parts.
    pub(super) glibc: Option<Glibc>,
    /// The loader that has to start it (`/lib64/ld-linux-x86-64.so.2`); libraries and programs that
    /// stand for themselves have none.
    pub(super) loader: Option<String>,
}

/// Reads `file`; `None` when it is no 64-bit little-endian ELF file, or a damaged one.
pub(super) fn read(file: &Path) -> io::Result<Option<Elf>> {
    let mut file = File::open(file)?;
    // Most files are none, and are told by their first bytes.
    let mut magic = [0; 6];
    if let Err(error) = file.read_exact(&mut magic) {
        return if error.kind() == io::ErrorKind::UnexpectedEof { Ok(None) } else { Err(error) };
    }
    if magic != *b"\x7fELF\x02\x01" {
        return Ok(None);
    }
    file.rewind()?;
    Ok(tables(&ReadCache::new(file)).ok())
}

fn tables(data: &ReadCache<File>) -> object::read::Result<Elf> {
    let header = FileHeader64::<LittleEndian>::parse(data)?;
    let endian = header.endian()?;
    let mut loader = None;
    for segment in header.program_headers(endian, data)? {
        if let Some(path) = segment.interpreter(endian, data)? {
            loader = Some(String::from_utf8_lossy(path).into_owned());
        }
    }
    let mut glibc = None;
    let sections = header.sections(endian, data)?;
    if let Some((mut files, strings)) = sections.gnu_verneed(endian, data)? {
        let strings = sections.strings(endian, data, strings)?;
        while let Some((_, mut versions)) = files.next()? {
            while let Some(version) = versions.next()? {
                glibc = glibc.max(version_of(version.name(endian, strings)?));
            }
        }
    }
    Ok(Elf { machine: header.e_machine.get(endian).0, glibc, loader })
}

/// `GLIBC_2.34` → 2.34, `GLIBC_2.2.5` → 2.2. `GLIBC_PRIVATE` and other libraries' versions are none.
fn version_of(name: &[u8]) -> Option<Glibc> {
    let version = std::str::from_utf8(name).ok()?.strip_prefix("GLIBC_")?;
    if version == "ABI_DT_RELR" {
        // Compact relocations, understood since 2.36 (https://sourceware.org/glibc/wiki/Release/2.36).
        return Some(Glibc(2, 36));
    }
    let mut numbers = version.split('.');
    Some(Glibc(numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

#[cfg(test)]
pub(super) mod tests;
