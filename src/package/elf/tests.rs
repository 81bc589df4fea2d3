//! ELF files made by hand, and the one that is running.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::fs;

use super::*;

/// A file with nothing but the tables: for `machine`, started by `loader`, with symbols of `versions`.
pub(in crate::package) fn sample(machine: u16, loader: Option<&str>, versions: &[&str]) -> Vec<u8> {
    const HEADER: u64 = 64;
    const SEGMENT: u64 = 56;
    const SECTION: u16 = 64;
    let mut strings = b"\0libc.so.6\0".to_vec();
    let mut needs: Vec<u8> = Vec::new();
    // Elf64_Verneed: version 1, how many, file, where they start, no next.
    needs.extend([1, 0, u8::try_from(versions.len()).unwrap(), 0]);
    needs.extend([1_u32, 16, 0].iter().flat_map(|number| number.to_le_bytes()));
    for (at, version) in versions.iter().enumerate() {
        let next: u32 = if at + 1 == versions.len() { 0 } else { 16 };
        let name = u32::try_from(strings.len()).unwrap();
        // Elf64_Vernaux: hash, flags and index, name, next.
        needs.extend([0_u32, 0, name, next].iter().flat_map(|number| number.to_le_bytes()));
        strings.extend_from_slice(version.as_bytes());
        strings.push(0);
    }
    let interpreter = loader.map(|loader| [loader.as_bytes(), b"\0"].concat()).unwrap_or_default();
    let mut body = Vec::new();
    let mut place = |bytes: &[u8]| {
        while body.len() % 8 != 0 {
            body.push(0);
        }
        let at = HEADER + SEGMENT + body.len() as u64;
        body.extend_from_slice(bytes);
        (at, bytes.len() as u64)
    };
    let (interpreter, needs, strings) = (place(&interpreter), place(&needs), place(&strings));
    let sections_at = place(&[]).0;

    let mut file = b"\x7fELF\x02\x01\x01".to_vec();
    file.resize(16, 0);
    file.extend([2, machine].iter().flat_map(|number| number.to_le_bytes()));
    file.extend(1_u32.to_le_bytes());
    file.extend([0, HEADER, sections_at].iter().flat_map(|number| number.to_le_bytes()));
    file.extend(0_u32.to_le_bytes());
    let segments = u16::from(loader.is_some());
    file.extend([64, 56, segments, SECTION, 3, 2].iter().flat_map(|number: &u16| number.to_le_bytes()));
    // The one segment: PT_INTERP.
    file.extend([3_u32, 4].iter().flat_map(|number| number.to_le_bytes()));
    let segment = [interpreter.0, interpreter.0, interpreter.0, interpreter.1, interpreter.1, 1];
    file.extend(segment.iter().flat_map(|number| number.to_le_bytes()));
    file.extend(body);
    // Sections: none, SHT_GNU_verneed with its strings, SHT_STRTAB.
    file.resize(file.len() + usize::from(SECTION), 0);
    for (kind, (at, size), link, entries) in [(0x6fff_fffe_u32, needs, 2_u32, 1_u32), (3, strings, 0, 0)] {
        file.extend([0, kind].iter().flat_map(|number| number.to_le_bytes()));
        file.extend([2, 0, at, size].iter().flat_map(|number: &u64| number.to_le_bytes()));
        file.extend([link, entries].iter().flat_map(|number| number.to_le_bytes()));
        file.extend([8_u64, 0].iter().flat_map(|number| number.to_le_bytes()));
    }
    file
}

fn read_bytes(bytes: &[u8]) -> Option<Elf> {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), bytes).unwrap();
    read(file.path()).unwrap()
}

#[test]
fn the_newest_version_counts_and_numbers_are_numbers() {
    let elf = |versions: &[&str]| read_bytes(&sample(AARCH64, Some("/lib/ld-linux-aarch64.so.1"), versions)).unwrap();
    let found = elf(&["GLIBC_2.2.5", "GLIBC_2.34", "GLIBC_2.9", "GCC_3.0", "GLIBC_PRIVATE"]);
    assert_eq!(found.glibc, Some(Glibc(2, 34)));
    assert_eq!((found.machine, found.loader.as_deref()), (AARCH64, Some("/lib/ld-linux-aarch64.so.1")));
    assert_eq!(elf(&["GLIBC_2.17", "GLIBC_ABI_DT_RELR"]).glibc, Some(Glibc(2, 36)));
    assert_eq!(elf(&["GCC_3.0"]).glibc, None);
    assert_eq!(Glibc(2, 5).to_string(), "2.5");
    assert!(Glibc(2, 5) < Glibc(2, 17));
}

#[test]
fn a_program_that_stands_for_itself_needs_nothing() {
    assert_eq!(read_bytes(&sample(X86_64, None, &[])), Some(Elf { machine: X86_64, glibc: None, loader: None }));
}

#[test]
fn what_is_no_elf_file_or_a_damaged_one() {
    for bytes in [&b""[..], b"\x7fELF", b"#!/bin/sh\n", b"\x7fELF\x01\x01\x01", b"\x7fELF\x02\x01\x01 and then?"] {
        assert_eq!(read_bytes(bytes), None, "{bytes:?}");
    }
    let whole = sample(X86_64, None, &["GLIBC_2.34"]);
    assert_eq!(read_bytes(&whole[..whole.len() - 70]), None);
}

#[test]
fn this_very_program() {
    let elf = read(Path::new("/proc/self/exe")).unwrap().unwrap();
    let machine = if cfg!(target_arch = "aarch64") { AARCH64 } else { X86_64 };
    assert_eq!(elf.machine, machine);
    if cfg!(target_env = "gnu") {
        assert!(elf.loader.is_some_and(|loader| loader.contains("ld-linux")), "no loader");
        assert!(elf.glibc >= Some(Glibc(2, 17)), "{:?}", elf.glibc);
    }
}
