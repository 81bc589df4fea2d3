//! `rzap cache`: what rzap keeps on this machine between runs.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};

use crate::error::Result;
use crate::package::{self, Freed, Holding, Limits};
use crate::ui::{Report, Table, age, bytes};

/// Show what is kept between runs, and make room
#[derive(Debug, clap::Args)]
pub(crate) struct Cache {
    #[command(subcommand)]
    verb: Option<Verb>,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Remove what was not used for a while
    ///
    /// Without an age: packages after 14 days or beyond 2 GiB, dependencies after 30 days. Every build
    /// does that, too. What another rzap may be using stays.
    Prune {
        /// Remove what was not used for this long: 12h, 7d, 2w
        #[arg(long, value_name = "AGE", value_parser = age)]
        older_than: Option<i64>,

        /// Remove everything
        #[arg(long, conflicts_with = "older_than")]
        all: bool,

        /// Only say what would be removed
        #[arg(long)]
        dry_run: bool,
    },
}

impl Cache {
    pub(crate) fn run(self) -> Result<Box<dyn Report>> {
        let folder = package::default_work_dir()?;
        match self.verb {
            None => Ok(Box::new(Shown { holdings: package::holdings(&folder), folder })),
            Some(Verb::Prune { older_than, all, dry_run }) => {
                let age = older_than.map(|age| Duration::from_millis(age.unsigned_abs()));
                let limits = age.or(all.then_some(Duration::ZERO)).map_or_else(Limits::default, Limits::age);
                let freed = package::prune(&folder, limits, dry_run)?;
                Ok(Box::new(Pruned { folder, freed, dry_run }))
            }
        }
    }
}

struct Shown {
    folder: PathBuf,
    holdings: Vec<Holding>,
}

impl Report for Shown {
    fn text(&self) -> String {
        let mut table = Table::new(["kept", "count", "size", "last used", "oldest"]).right(&[1, 2]);
        for held in &self.holdings {
            let ago = |seconds: Option<u64>| seconds.map_or_else(|| "-".to_owned(), ago);
            let (last, oldest) = (ago(held.newest), ago(held.oldest));
            table.row([held.what.to_owned(), held.count.to_string(), bytes(held.bytes), last, oldest]);
        }
        format!("{}\n{}", self.folder.display(), table.text())
    }

    fn json(&self) -> Value {
        json!({"folder": self.folder, "kept": self.holdings})
    }
}

struct Pruned {
    folder: PathBuf,
    freed: Freed,
    dry_run: bool,
}

impl Report for Pruned {
    fn text(&self) -> String {
        let Freed { count, bytes: size, in_use } = self.freed;
        let verb = if self.dry_run { "would remove" } else { "removed" };
        let mut text = match count {
            0 => format!("nothing to remove in {}\n", self.folder.display()),
            count => format!("{verb} {count} from {}: {}\n", self.folder.display(), bytes(size)),
        };
        if in_use > 0 {
            text.push_str(&format!("{in_use} stay: another rzap is running and used them within the last hour\n"));
        }
        text
    }

    fn json(&self) -> Value {
        json!({"folder": self.folder, "dry_run": self.dry_run, "freed": self.freed})
    }
}

/// `just now`, `5 min ago`, `3 h ago`, `12 days ago`
fn ago(seconds: u64) -> String {
    match seconds {
        0..60 => "just now".to_owned(),
        60..3_600 => format!("{} min ago", seconds / 60),
        3_600..172_800 => format!("{} h ago", seconds / 3_600),
        _ => format!("{} days ago", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::ago;

    #[test]
    fn times_read_as_people_say_them() {
        let said = [0, 59, 60, 3_599, 7_200, 172_799, 172_800].map(ago);
        let expected = ["just now", "just now", "1 min ago", "59 min ago", "2 h ago", "47 h ago", "2 days ago"];
        assert_eq!(said, expected);
    }
}
