//! "Did you mean …?": the nearest of the words that would have been right.

/// The candidate a misspelt `word` most likely means, if one is near: at most a third of the letters
/// wrong (a swapped pair counts as one), or one of the two the beginning of the other.
/// Upper and lower case count as equal. The first of several equally near ones wins.
pub(crate) fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase();
    candidates
        .into_iter()
        .filter_map(|candidate| Some((distance(&word, &candidate.to_lowercase())?, candidate)))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// How far two words are from each other; `None` when too far to be a slip of the fingers.
fn distance(word: &str, candidate: &str) -> Option<usize> {
    let longer = word.chars().count().max(candidate.chars().count());
    let edits = strsim::damerau_levenshtein(word, candidate);
    if edits <= longer / 3 {
        return Some(edits);
    }
    let (short, long) = if word.len() < candidate.len() { (word, candidate) } else { (candidate, word) };
    // Behind every real near miss, and one letter is the beginning of too much.
    (short.chars().count() > 1 && long.starts_with(short)).then_some(longer)
}

/// "did you mean `x`?", or what to say when nothing is near.
pub(super) fn did_you_mean<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
    otherwise: impl FnOnce() -> String,
) -> String {
    nearest(word, candidates).map_or_else(otherwise, |found| format!("did you mean `{found}`?"))
}

/// "`a`, `b` and `c`"; the empty string for no words.
pub(crate) fn list<S: AsRef<str>>(words: &[S]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{}`", word.as_ref())).collect();
    match quoted.split_last() {
        None => String::new(),
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_misses_are_found_and_far_ones_are_not() {
        let words = ["memory", "timeout", "env", "ephemeral_storage", "dev", "prod"];
        let cases = [
            ("memroy", Some("memory")),
            ("MEMORY", Some("memory")),
            ("dve", Some("dev")),
            ("environment", Some("env")),
            ("ephemeral", Some("ephemeral_storage")),
            ("timeouts", Some("timeout")),
            ("staging", None),
            ("e", None),
            ("", None),
            ("xyz", None),
        ];
        for (word, expected) in cases {
            assert_eq!(nearest(word, words), expected, "{word}");
        }
    }

    #[test]
    fn the_nearest_wins_over_the_first() {
        assert_eq!(nearest("prods", ["prose", "prod"]), Some("prod"));
    }

    #[test]
    fn words_are_listed_as_in_a_sentence() {
        assert_eq!(list::<&str>(&[]), "");
        assert_eq!(list(&["a"]), "`a`");
        assert_eq!(list(&["a", "b", "c"]), "`a`, `b` and `c`");
    }
}
