//! Database of a target: a second way to its stored rows, beside its own listing.

use serde::{Deserialize, Serialize};
use url::Url;

/// Database behind a target, read by one query.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Database {
    /// `postgres://user@host/name` or `sqlite:path`, without a password, because `run.json` holds
    /// it.
    pub url: String,
    /// Query that returns the columns `topic` and `event_id`, and those of `timestamp`, `source`
    /// and `payload` that are to be compared.
    pub query: String,
}

/// Kinds of databases that can be queried.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DatabaseKind {
    /// `postgres:` or `postgresql:`.
    Postgres,
    /// `sqlite:`.
    Sqlite,
}

impl DatabaseKind {
    /// Returns the kind by the scheme of a URL.
    pub fn of(url: &str) -> Option<Self> {
        match url.split_once(':')?.0 {
            "postgres" | "postgresql" => Some(Self::Postgres),
            "sqlite" => Some(Self::Sqlite),
            _ => None,
        }
    }
}

/// Parameters that are known after a `?`; an unknown one could be anything, even a secret.
const PARAMETERS: [&str; 16] = [
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "password",
    "sslmode",
    "ssl-mode",
    "sslrootcert",
    "ssl-root-cert",
    "ssl-ca",
    "sslcert",
    "ssl-cert",
    "sslkey",
    "ssl-key",
    "application_name",
];

/// Returns a database's URL without any password; none if it is not a URL of a database, or if it
/// may be read in two ways. A password that begins with `/`, or that holds `#` or `?`, ends the
/// host's part too early.
pub fn without_password(url: &str) -> Option<String> {
    if DatabaseKind::of(url)? == DatabaseKind::Sqlite {
        return Some(url.to_owned());
    }
    let mut shown = clear(url)?;
    // An error says that there is no host which could have a password.
    shown.set_password(None).ok();
    let kept: Vec<(String, String)> = shown
        .query_pairs()
        .filter(|(name, _)| name != "password")
        .map(|pair| (pair.0.into(), pair.1.into()))
        .collect();
    shown.set_query(None);
    if !kept.is_empty() {
        shown.query_pairs_mut().extend_pairs(kept);
    }
    Some(shown.into())
}

/// Returns the parts of a server's URL, if they are unambiguous and all known.
fn clear(url: &str) -> Option<Url> {
    let url = Url::parse(url).ok()?;
    let behind_host = [url.path(), url.query().unwrap_or_default()];
    let is_clear = url.fragment().is_none() && !behind_host.iter().any(|part| part.contains('@'));
    let is_known = url.query_pairs().all(|(name, _)| PARAMETERS.contains(&name.as_ref()));
    (is_clear && is_known).then_some(url)
}

fn carries_password(url: &str) -> bool {
    let names = |url: &Url| url.query_pairs().any(|(name, _)| name == "password");
    DatabaseKind::of(url) == Some(DatabaseKind::Postgres)
        && clear(url).is_some_and(|url| url.password().is_some() || names(&url))
}

/// Form of a database's URL, for messages.
pub const DATABASE_URL_FORM: &str = "write it as postgres://user@host/name or sqlite:path, with %2F, %3F, %23 and %40 \
                                     for /, ?, # and @ in a name or password";

impl Database {
    /// Checks the URL and the query.
    pub(crate) fn fault(&self) -> Option<String> {
        let Some(shown) = without_password(&self.url) else {
            return Some(format!("database.url is not the URL of a database; {DATABASE_URL_FORM}"));
        };
        if carries_password(&self.url) {
            return Some(format!(
                "database.url holds a password, which run.json would keep; write it as {shown}, and give the password \
                 in PGPASSWORD or ~/.pgpass, or the whole URL in --database"
            ));
        }
        self.query.trim().is_empty().then(|| {
            "database.query is empty; write it as SELECT topic, event_id, payload FROM events".to_owned()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(url: &str, query: &str) -> Option<String> {
        Database { url: url.to_owned(), query: query.to_owned() }.fault()
    }

    #[test]
    fn a_password_is_refused_wherever_it_stands_and_never_repeated() {
        for url in [
            "postgres://app:hunter2@db/events",
            "postgresql://app@db/events?password=hunter2",
            "postgres://app:hunter2@db/events?host=/run",
        ] {
            let fault = fault(url, "SELECT 1").unwrap();
            assert!(fault.contains("PGPASSWORD") && !fault.contains("hunter2"), "{fault}");
            let shown = without_password(url).unwrap();
            assert!(shown.contains("app@db/events") && !shown.contains("hunter2"), "{shown}");
        }
        assert_eq!(fault("postgres://app@db/events?host=%2Frun", "SELECT 1"), None);
        assert_eq!(fault("sqlite:store.db", "SELECT 1"), None);
    }

    #[test]
    fn a_url_in_which_a_password_can_hide_is_refused() {
        for url in [
            "postgres://app:/hunter2@db/events",
            "postgres://app:123#hunter2@db/events",
            "postgres://app:123?hunter2@db/events",
            "postgres://app:123/hunter2?x@db/events",
            "postgres://app@db/events#hunter2",
            "postgres://app@db/events?passwd=hunter2",
        ] {
            let fault = fault(url, "SELECT 1").unwrap();
            assert!(fault.contains("%2F") && !fault.contains("hunter2"), "{fault}");
            assert_eq!(without_password(url), None, "{url}");
        }
    }

    #[test]
    fn what_is_no_database_or_no_query_is_refused() {
        for url in ["mysql://app:hunter2@db/events", "store.db", "postgres://[", ""] {
            let fault = fault(url, "SELECT 1").unwrap();
            assert!(fault.contains("sqlite:path") && !fault.contains("hunter2"), "{fault}");
        }
        assert!(fault("sqlite:store.db", " \n").unwrap().contains("query is empty"));
    }
}
