//! The project's files and its dependencies' → the entries of one package.

use super::collect::Listing;
use super::entry::Entry;
use crate::error::{Error, Result};
use std::collections::HashSet;

/// Puts both together. Where they have a file of the same path, the project's is packed: whoever
/// puts one there means it.
pub(super) fn merge(mut project: Listing, dependencies: Vec<Entry>) -> Listing {
    let own: HashSet<&str> = project.entries.iter().map(|entry| entry.path.as_str()).collect();
    let (hidden, kept): (Vec<Entry>, Vec<Entry>) =
        dependencies.into_iter().partition(|entry| own.contains(entry.path.as_str()));
    if let Some(first) = hidden.first() {
        let more = if hidden.len() > 1 { format!(" and {} more", hidden.len() - 1) } else { String::new() };
        project.notes.push(format!("your own {}{more} stands in for the file of {}", first.path, first.part()));
    }
    project.notes.sort();
    project.entries.extend(kept);
    project
}

/// `entries` in the order of their paths' bytes. No two may be the same file, and none may be a
/// folder to another.
pub(super) fn sorted(mut entries: Vec<Entry>) -> Result<Vec<Entry>> {
    if entries.is_empty() {
        return Err(Error::failed("there is nothing to pack")
            .hint("check the function's code folder and its `exclude` patterns"));
    }
    entries.sort_by(|a, b| a.path.as_bytes().cmp(b.path.as_bytes()));
    if let Some(pair) = entries.windows(2).find(|pair| pair[0].path == pair[1].path) {
        return Err(Error::failed(format!("two files would be packed as {}", pair[0].path))
            .hint(format!("rename one of them, or exclude `/{}`", pair[0].path)));
    }
    let files: HashSet<&str> = entries.iter().map(|entry| entry.path.as_str()).collect();
    let folders =
        |entry: &Entry| entry.path.match_indices('/').map(|(end, _)| entry.path[..end].to_owned()).collect::<Vec<_>>();
    if let Some(both) = entries.iter().flat_map(folders).find(|folder| files.contains(folder.as_str())) {
        return Err(Error::failed(format!("{both} would be a file and a folder in the package"))
            .hint(format!("rename or exclude the file `/{both}`")));
    }
    Ok(entries)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::super::entry::Owner;
    use super::*;

    fn of(owner: &Owner, paths: &[&str]) -> Vec<Entry> {
        paths.iter().map(|path| Entry::file((*path).into(), "/x".into(), 1, false, owner.clone())).collect()
    }

    #[test]
    fn the_projects_own_file_wins_and_it_is_said() {
        let project = Listing { entries: of(&Owner::Project, &["app.py", "six.py"]), notes: vec![], left_out: vec![] };
        let merged = merge(project, of(&Owner::Dependency("six".into()), &["six.py", "six-1.dist-info/METADATA"]));
        assert_eq!(merged.notes, ["your own six.py stands in for the file of six"]);
        let sorted = sorted(merged.entries).unwrap();
        let six = sorted.iter().find(|entry| entry.path == "six.py").unwrap();
        assert_eq!((sorted.len(), &six.owner), (3, &Owner::Project));
    }

    #[test]
    fn the_order_is_that_of_the_bytes() {
        let entries = sorted(of(&Owner::Project, &["b", "a/b", "Z", "é", "a-b", "a.b"])).unwrap();
        let paths: Vec<&str> = entries.iter().map(|entry| entry.path.as_str()).collect();
        assert_eq!(paths, ["Z", "a-b", "a.b", "a/b", "b", "é"]);
    }

    #[test]
    fn what_cannot_be_unpacked_is_refused() {
        let message = |paths| sorted(of(&Owner::Project, paths)).unwrap_err().message;
        assert_eq!(message(&[]), "there is nothing to pack");
        assert_eq!(message(&["a", "a"]), "two files would be packed as a");
        assert_eq!(message(&["a", "a.b", "a/b/c"]), "a would be a file and a folder in the package");
    }
}
