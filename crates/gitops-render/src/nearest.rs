//! The name a person probably meant.

/// The candidate nearest to `name`, if it is near enough to be a slip of the keyboard: at most a third of its letters
/// differ, and at least one is the same. Of equally near ones the first.
pub(crate) fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = name.to_lowercase();
    candidates
        .into_iter()
        .map(|c| (strsim::osa_distance(&lower, &c.to_lowercase()), c))
        .filter(|(distance, c)| *distance <= c.chars().count().div_ceil(3).min(3) && *distance < c.chars().count())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, c)| c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_found_and_far_ones_are_not() {
        let names = ["production", "staging", "development"];
        assert_eq!(nearest("prodution", names), Some("production"));
        assert_eq!(nearest("Stagin", names), Some("staging"));
        assert_eq!(nearest("database", names), None);
    }
}
