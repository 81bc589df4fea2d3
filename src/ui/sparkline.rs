//! Numbers over time as one line of small bars.

/// From nothing to the most. Only a zero has the lowest bar.
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// Where the terminal cannot show those.
const PLAIN: [char; 8] = ['_', '.', ':', '-', '=', '+', '*', '#'];

/// One bar for each value, oldest first; the highest is the most there was.
pub(crate) fn sparkline(values: &[u64]) -> String {
    drawn(values, if is_utf8(|name| std::env::var(name).ok()) { &BARS } else { &PLAIN })
}

fn drawn(values: &[u64], bars: &[char; 8]) -> String {
    let most = values.iter().copied().max().unwrap_or_default();
    let bar = |value: &u64| match (u128::from(*value) * 7).div_ceil(u128::from(most.max(1))) {
        level @ 0..8 => bars[usize::try_from(level).unwrap_or_default()],
        _ => bars[7],
    };
    values.iter().map(bar).collect()
}

/// The first of these that is set says it. Where none is, as in most containers, terminals understand UTF-8.
/// <https://pubs.opengroup.org/onlinepubs/9799919799/basedefs/V1_chap08.html#tag_08_02>
fn is_utf8(environment: impl Fn(&str) -> Option<String>) -> bool {
    let said = ["LC_ALL", "LC_CTYPE", "LANG"].iter().filter_map(|name| environment(name)).find(|it| !it.is_empty());
    said.is_none_or(|locale| {
        let locale = locale.to_ascii_lowercase();
        locale.ends_with("utf-8") || locale.ends_with("utf8") || locale.contains("utf-8@") || locale.contains("utf8@")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_is_the_highest_and_only_nothing_is_flat() {
        assert_eq!(drawn(&[0, 1, 2, 3, 4, 5, 6, 7], &BARS), "▁▂▃▄▅▆▇█");
        assert_eq!(drawn(&[0, 1, 1_000_000], &BARS), "▁▂█");
        assert_eq!(drawn(&[0, 0], &BARS), "▁▁");
        assert_eq!(drawn(&[3, 3, u64::MAX], &PLAIN), "..#");
        assert_eq!(drawn(&[], &BARS), "");
    }

    #[test]
    fn the_locale_says_what_can_be_shown() {
        let with = |pairs: &[(&str, &str)]| {
            is_utf8(|name| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()))
        };
        assert!(with(&[]) && with(&[("LANG", "de_DE.UTF-8")]) && with(&[("LC_ALL", "C.utf8"), ("LANG", "C")]));
        assert!(with(&[("LC_ALL", ""), ("LANG", "de_DE.utf8@euro")]));
        assert!(!with(&[("LANG", "C")]) && !with(&[("LC_ALL", "POSIX"), ("LANG", "de_DE.UTF-8")]));
        assert!(!with(&[("LC_CTYPE", "de_DE.ISO-8859-1"), ("LANG", "de_DE.UTF-8")]));
    }
}
