//! Keys that stand in the wrong table of a scenario, and the tables that have them.

use super::Scenario;

/// Tables that a key may belong to, those that people write first.
const TABLES: [&str; 10] = [
    "target",
    "load",
    "events",
    "promises",
    "target.publish",
    "target.listing",
    "target.listing.fields",
    "mix",
    "traps",
    "target.connect",
];

/// Returns what to write instead of a key that its table does not have; none if no other table has
/// it either.
pub(super) fn hint(text: &str, error: &toml::de::Error) -> Option<String> {
    let key = unknown_field(error.message())?;
    let table = TABLES.into_iter().find(|table| has(table, key))?;
    let before = text.get(..error.span()?.start)?;
    Some(match before {
        before if before.ends_with("[[") => format!("write [[{table}.{key}]]"),
        before if before.ends_with('[') => format!("write [{table}.{key}]"),
        _ => format!("`{key}` stands under [{table}]"),
    })
}

/// True if a table has a key. Whatever is wrong with its value, the key itself is known.
fn has(table: &str, key: &str) -> bool {
    let tried = toml::from_str::<Scenario>(&format!("[{table}]\n{key} = {{}}\n"));
    tried.err().is_none_or(|error| unknown_field(error.message()) != Some(key))
}

/// Name of the key that an error calls unknown.
fn unknown_field(message: &str) -> Option<&str> {
    message.strip_prefix("unknown field `")?.split('`').next()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hint_of(text: &str) -> Option<String> {
        hint(text, &toml::from_str::<Scenario>(text).unwrap_err())
    }

    #[test]
    fn a_key_in_the_wrong_table_is_shown_its_own() {
        for (text, expected) in [
            ("[[answers]]\nmeans = \"new\"\n", "write [[target.answers]]"),
            ("[listing]\npath = \"/\"\n", "write [target.listing]"),
            ("topics = [\"a\"]\n", "`topics` stands under [events]"),
            ("[load]\nheaders = { a = \"b\" }\n", "`headers` stands under [target]"),
            ("[target]\nrate = \"100/s\"\n", "`rate` stands under [load]"),
            ("[target.publish]\nrows = \"/a\"\n", "`rows` stands under [target.listing]"),
        ] {
            assert_eq!(hint_of(text).as_deref(), Some(expected), "{text}");
        }
        assert_eq!(hint_of("[load]\nspeed = 1\n"), None);
    }
}
