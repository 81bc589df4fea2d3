//! Where an answer goes: stdout as it came, a terminal for somebody to read, a file, or into the document of `--json`.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use crate::error::{OrFailed as _, Result};
use crate::ui::{self, Ui};

/// See the head of this file. Parts are written as they come; [`Sink::end`] is called once, after the last.
pub(super) struct Sink {
    ui: Ui,
    file: Option<(File, PathBuf)>,
    /// What `--json` will show.
    collected: Vec<u8>,
    /// Bytes, wherever they went.
    all: u64,
    /// Bytes that a terminal is not shown, because they are no text.
    withheld: u64,
    /// The last that a terminal was shown.
    last: Option<u8>,
}

impl Sink {
    /// Makes it ready, before anything is called. What is in the file stays until there is an answer.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(super) fn open(ui: Ui, output: Option<&Path>) -> Result<Self> {
        let open = |path: &Path| -> Result<(File, PathBuf)> {
            let file = File::options().create(true).truncate(false).write(true).open(path);
            Ok((file.or_failed(|| format!("write the answer to {}", path.display()))?, path.to_owned()))
        };
        let file = output.map(open).transpose()?;
        Ok(Self { ui, file, collected: Vec::new(), all: 0, withheld: 0, last: None })
    }

    /// Takes a part.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        let first = self.all == 0;
        self.all += bytes.len() as u64;
        if let Some((file, path)) = &mut self.file {
            // A device or a pipe has no length.
            if first && file.metadata().is_ok_and(|meta| meta.is_file()) {
                file.set_len(0).or_failed(|| format!("write the answer to {}", path.display()))?;
            }
            file.write_all(bytes).or_failed(|| format!("write the answer to {}", path.display()))?;
        } else if self.ui.is_json() {
            self.collected.extend_from_slice(bytes);
        } else if self.ui.is_read() && (self.withheld > 0 || ui::is_binary(bytes, first)) {
            self.withheld += bytes.len() as u64;
        } else {
            self.ui.data(bytes);
            self.last = bytes.last().copied();
        }
        Ok(())
    }

    /// Takes an answer as a whole: on a terminal JSON is laid out.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(super) fn whole(&mut self, bytes: &[u8]) -> Result<()> {
        let laid_out = if self.is_shown() { ui::laid_out(bytes) } else { None };
        self.write(laid_out.as_deref().map_or(bytes, str::as_bytes))
    }

    /// Whether somebody reads it as it comes.
    pub(super) fn is_shown(&self) -> bool {
        self.file.is_none() && !self.ui.is_json() && self.ui.is_read()
    }

    /// Says what a terminal did not show, and ends its line.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(super) fn end(&mut self) -> Result<()> {
        if let Some((file, path)) = &mut self.file {
            // An empty answer leaves nothing of what was there.
            if self.all == 0 && file.metadata().is_ok_and(|meta| meta.is_file()) {
                file.set_len(0).or_failed(|| format!("write the answer to {}", path.display()))?;
            }
            self.ui.say(&format!("{} written to {}", ui::bytes(self.all), path.display()));
        } else if self.is_shown() {
            if self.last.is_some_and(|last| last != b'\n') {
                self.ui.data(b"\n");
            }
            if self.withheld > 0 {
                let size = ui::bytes(self.withheld);
                self.ui.warn(&format!("{size} that are no text are not shown: `-o FILE` or a pipe takes them"));
            }
        }
        Ok(())
    }

    /// What `--json` shows.
    pub(super) fn collected(&self) -> &[u8] {
        &self.collected
    }

    /// The file's name.
    pub(super) fn path(&self) -> Option<String> {
        self.file.as_ref().map(|(_, path)| path.display().to_string())
    }
}
