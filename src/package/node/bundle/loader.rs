//! The few lines between Lambda and the bundle.

use super::Format;

/// Loads `bundle` (path in the zip), which exports `exports`, with source maps on.
///
/// Modules of the older kind call `require` for what Node itself brings, and some look at `__dirname`;
/// the new kind has neither. As properties of the global object they do not clash with what the code
/// declares itself.
pub(super) fn text(bundle: &str, format: Format, exports: &[String]) -> String {
    let name = bundle.rsplit('/').next().unwrap_or(bundle);
    match format {
        Format::Cjs => {
            format!("// Made by rzap.\nprocess.setSourceMapsEnabled?.(true);\nmodule.exports = require('./{name}');\n")
        }
        Format::Esm => {
            let listed: Vec<String> =
                exports.iter().enumerate().map(|(index, export)| format!("{export}: e{index}")).collect();
            let given: Vec<String> =
                exports.iter().enumerate().map(|(index, export)| format!("e{index} as {export}")).collect();
            format!(
                "// Made by rzap.\n\
                 import {{ createRequire }} from 'node:module';\n\
                 import {{ dirname }} from 'node:path';\n\
                 import {{ fileURLToPath }} from 'node:url';\n\
                 process.setSourceMapsEnabled?.(true);\n\
                 globalThis.require ??= createRequire(import.meta.url);\n\
                 globalThis.__filename ??= fileURLToPath(import.meta.url);\n\
                 globalThis.__dirname ??= dirname(globalThis.__filename);\n\
                 const {{ {} }} = await import('./{name}');\n\
                 export {{ {} }};\n",
                listed.join(", "),
                given.join(", ")
            )
        }
    }
}
