//! An answer in words that was picked or typed, on the page or in Slack.

/// Why it is not clear what was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unclear {
    /// Neither picked nor written.
    Nothing,
    /// Picked, and something else written.
    Both,
}

pub const BOTH: &str = "You picked an answer and wrote another one: clear the text, or choose your own words.";

/// The words. `picked`: which of the choices, counted from 0; `None`: one's own words.
pub fn reply(choices: &[String], picked: Option<&str>, written: Option<&str>) -> Result<String, Unclear> {
    let picked = picked.and_then(|at| at.parse().ok()).and_then(|at: usize| choices.get(at));
    let written = written.filter(|text| !text.trim().is_empty());
    match (picked, written) {
        (Some(choice), None) => Ok(choice.clone()),
        (None, Some(text)) => Ok(text.to_owned()),
        (None, None) => Err(Unclear::Nothing),
        (Some(_), Some(_)) => Err(Unclear::Both),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_one_of_the_choices_or_ones_own_words_and_never_both() {
        let choices = ["yes".to_owned(), "no".to_owned()];
        assert_eq!(reply(&choices, Some("1"), Some(" \n")), Ok("no".to_owned()));
        assert_eq!(reply(&choices, None, Some("half of it")), Ok("half of it".to_owned()));
        assert_eq!(reply(&choices, Some("0"), Some("no")), Err(Unclear::Both));
        for picked in [None, Some("2"), Some("-1"), Some("x"), Some("")] {
            assert_eq!(reply(&choices, picked, None), Err(Unclear::Nothing), "{picked:?}");
        }
        assert_eq!(reply(&[], None, Some("yes")), Ok("yes".to_owned()));
    }
}
