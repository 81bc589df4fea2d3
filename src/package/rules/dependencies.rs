//! The rules for dependencies in words, for `rzap package --explain`. What they take is decided where
//! dependencies are installed (`dependencies`, `node`); `keep` turns one off by its name.

/// What a rule is about, and why.
pub(in super::super) struct Described {
    pub(in super::super) name: &'static str,
    /// Runtimes that begin so.
    pub(in super::super) runtime: &'static str,
    pub(in super::super) what: &'static str,
    pub(in super::super) why: &'static str,
}

const fn rule(runtime: &'static str, name: &'static str, what: &'static str, why: &'static str) -> Described {
    Described { name, runtime, what, why }
}

/// The rules of dependencies.
pub(in super::super) const OF_DEPENDENCIES: &[Described] = &[
    rule("python", "bytecode", "__pycache__, *.pyc beside its source", "it belongs to the installer's Python"),
    rule("python", "tests", "folders tests and test that hold tests", "nothing else in the dependencies imports them"),
    rule("python", "records", "RECORD, INSTALLER and the like in *.dist-info", "only installers read them"),
    rule("python", "scripts", "bin/", "their first line is a path of this machine"),
    rule("python", "stubs", "*.pyi", "checkers and editors read them"),
    rule(
        "python",
        "sources",
        "C, C++, Cython and Fortran sources, headers, *.a",
        "compilers read them, and Lambda has none",
    ),
    rule("python", "slim", "what the runtime brings: boto3, botocore …", "`slim: true` says so"),
    rule("nodejs", "dev-dependencies", "packages that only development needs", "the function does not need them"),
    rule("nodejs", "types", "*.d.ts, *.d.mts, *.d.cts", "compilers and editors read them"),
    rule("nodejs", "typescript", "*.ts, *.mts, *.cts, *.tsx", "Node refuses TypeScript in node_modules"),
    rule("nodejs", "source-maps", "*.js.map, *.mjs.map, *.cjs.map", "debuggers read them"),
    rule("nodejs", "docs", "readme, changelog and the like", "they are for people"),
    rule("nodejs", "other-platforms", "prebuilds/ of other platforms", "they do not run on Lambda"),
    rule("", "drop", "your patterns under `drop`", "`drop` says so"),
];
