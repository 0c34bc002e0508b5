//! Whom an API key may ask. The requester must not choose its own approver, so this is a setting of the key.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::text::{EmailAddress, InvalidEmail};

const ANYONE: &str = "*";

/// Entry in the list of approvers of an API key: one person, everyone at a domain (`*@example.com`), or anyone (`*`).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[schemars(inline)]
#[serde(try_from = "String", into = "String")]
pub enum ApproverPattern {
    Anyone,
    /// Everyone whose address ends with this domain. Its subdomains are other domains.
    Domain(String),
    Person(EmailAddress),
}

impl ApproverPattern {
    pub fn parse(text: &str) -> Result<Self, InvalidEmail> {
        if text == ANYONE {
            return Ok(Self::Anyone);
        }
        // `*` is also a valid first part of an address, but nobody has such a mailbox.
        let address = EmailAddress::parse(text)?;
        Ok(match text.strip_prefix("*@") {
            Some(domain) => Self::Domain(domain.to_owned()),
            None => Self::Person(address),
        })
    }

    pub fn includes(&self, person: &EmailAddress) -> bool {
        match self {
            Self::Anyone => true,
            Self::Domain(domain) => person.is_at(domain),
            Self::Person(allowed) => allowed.same_mailbox(person),
        }
    }

    /// The address, if the entry is one person.
    pub fn person(&self) -> Option<&EmailAddress> {
        match self {
            Self::Person(address) => Some(address),
            Self::Anyone | Self::Domain(_) => None,
        }
    }
}

impl From<EmailAddress> for ApproverPattern {
    fn from(address: EmailAddress) -> Self {
        Self::Person(address)
    }
}

impl fmt::Display for ApproverPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Anyone => f.write_str(ANYONE),
            Self::Domain(domain) => write!(f, "*@{domain}"),
            Self::Person(address) => address.fmt(f),
        }
    }
}

impl TryFrom<String> for ApproverPattern {
    type Error = InvalidEmail;

    fn try_from(text: String) -> Result<Self, InvalidEmail> {
        Self::parse(&text)
    }
}

impl From<ApproverPattern> for String {
    fn from(pattern: ApproverPattern) -> Self {
        pattern.to_string()
    }
}

/// People whom an API key may ask.
#[derive(Clone, Copy, Debug)]
pub enum AskablePeople<'a> {
    /// The key may answer itself, so it gains nothing by choosing its approver.
    Anyone,
    /// The list of approvers on the key.
    Listed(&'a [ApproverPattern]),
    /// The key has no list: the people of the tenant.
    OfTenant(&'a [EmailAddress]),
}

impl AskablePeople<'_> {
    /// Fails with the words that follow the name of the field, if the key may not ask this person.
    pub fn check(&self, person: &EmailAddress) -> Result<(), String> {
        let (is_included, whom) = match self {
            Self::Anyone => (true, ""),
            Self::Listed(list) => (list.iter().any(|entry| entry.includes(person)), "on this key's list of approvers"),
            Self::OfTenant(people) => (
                people.iter().any(|known| known.same_mailbox(person)),
                "one of the account's people, whom a key without a list of approvers may ask",
            ),
        };
        if is_included {
            return Ok(());
        }
        Err(format!(
            "{person} is not {whom}: an admin can add the address to the key's approvers, or \"*@domain\", or \"*\" for anyone"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> EmailAddress {
        EmailAddress::parse(text).unwrap()
    }

    fn pattern(text: &str) -> ApproverPattern {
        ApproverPattern::parse(text).unwrap()
    }

    #[test]
    fn patterns_parse_back() {
        for text in ["*", "*@example.com", "ann@example.com"] {
            assert_eq!(pattern(text).to_string(), text);
            assert_eq!(serde_json::to_string(&pattern(text)).unwrap(), format!("{text:?}"));
        }
        for text in ["", "**", "*@", "*@*", "*@example", "*.example.com", "*@example.com.", "example.com", "*@a@b.co"] {
            assert!(ApproverPattern::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn look_alike_address_is_another_person() {
        let ann = pattern("ann.k@example.com");
        for same in ["Ann.K@Example.com", "ANN.K@EXAMPLE.COM"] {
            assert!(ann.includes(&address(same)), "{same}");
        }
        for other in [
            "\u{430}nn.k@example.com",
            "ann.\u{212a}@example.com",
            "ａnn.k@example.com",
            "ann.k@ex\u{430}mple.com",
            "ann.k@ｅxample.com",
            "ann.k+x@example.com",
            "annk@example.com",
            "ann.k@example.co",
            "ann.k@mail.example.com",
        ] {
            assert!(!ann.includes(&address(other)), "{other}");
        }
        for refused in
            ["ann.k@example.com.", "ann.k.@example.com", "ann.\u{301}k@example.com", "ann\u{ad}.k@example.com"]
        {
            assert!(EmailAddress::parse(refused).is_err(), "{refused}");
        }
    }

    #[test]
    fn domain_includes_exactly_its_addresses() {
        let staff = pattern("*@Example.com");
        for same in ["ann@example.com", "BOB+x@EXAMPLE.COM"] {
            assert!(staff.includes(&address(same)), "{same}");
        }
        for other in [
            "ann@example.com.evil.example",
            "ann@evil-example.com",
            "ann@mail.example.com",
            "ann@ex\u{430}mple.com",
            "ann@example.co",
        ] {
            assert!(!staff.includes(&address(other)), "{other}");
        }
        assert!(pattern("*").includes(&address("anyone@evil.example")));
    }

    #[test]
    fn refusal_names_the_person_and_the_remedy() {
        let (list, people) = ([pattern("ann@example.com")], [address("ann@example.com")]);
        for askable in [AskablePeople::Listed(&list), AskablePeople::OfTenant(&people), AskablePeople::OfTenant(&[])] {
            let refusal = askable.check(&address("mallory@evil.example")).unwrap_err();
            assert!(refusal.contains("mallory@evil.example") && refusal.contains("add the address"), "{refusal}");
        }
        assert!(AskablePeople::Listed(&list).check(&address("Ann@example.com")).is_ok());
        assert!(AskablePeople::OfTenant(&people).check(&address("Ann@example.com")).is_ok());
        assert!(AskablePeople::Anyone.check(&address("mallory@evil.example")).is_ok());
    }
}
