//! Replies that are picked or typed, on the page or in Slack.

/// Error of a reply that is missing or ambiguous.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplyError {
    /// No option is picked and no text is written.
    Missing,
    /// An option is picked and a text is written.
    Ambiguous,
}

/// Message for [`ReplyError::Ambiguous`].
pub const AMBIGUOUS_REPLY_MESSAGE: &str =
    "You picked an answer and wrote another one: clear the text, or choose your own words.";

/// Returns the text of the reply. `picked` is the index of a choice, counted from 0, or `None` for own words.
pub fn parse_reply(choices: &[String], picked: Option<&str>, written: Option<&str>) -> Result<String, ReplyError> {
    let picked = picked.and_then(|at| at.parse().ok()).and_then(|at: usize| choices.get(at));
    let written = written.filter(|text| !text.trim().is_empty());
    match (picked, written) {
        (Some(choice), None) => Ok(choice.clone()),
        (None, Some(text)) => Ok(text.to_owned()),
        (None, None) => Err(ReplyError::Missing),
        (Some(_), Some(_)) => Err(ReplyError::Ambiguous),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reply_is_a_choice_or_own_text() {
        let choices = ["yes".to_owned(), "no".to_owned()];
        assert_eq!(parse_reply(&choices, Some("1"), Some(" \n")), Ok("no".to_owned()));
        assert_eq!(parse_reply(&choices, None, Some("half of it")), Ok("half of it".to_owned()));
        assert_eq!(parse_reply(&choices, Some("0"), Some("no")), Err(ReplyError::Ambiguous));
        for picked in [None, Some("2"), Some("-1"), Some("x"), Some("")] {
            assert_eq!(parse_reply(&choices, picked, None), Err(ReplyError::Missing), "{picked:?}");
        }
        assert_eq!(parse_reply(&[], None, Some("yes")), Ok("yes".to_owned()));
    }
}
