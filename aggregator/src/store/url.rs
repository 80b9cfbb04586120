//! Address of a database.

use std::fmt;
use std::str::FromStr;

use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;
use thiserror::Error;

/// A parsed `DATABASE_URL`. Its `Display` never shows the password.
#[derive(Debug, Clone)]
pub enum DatabaseUrl {
    /// An embedded database in a file.
    Sqlite(Box<SqliteConnectOptions>),
    /// A PostgreSQL server.
    Postgres(Box<PgConnectOptions>),
}

/// Reasons to refuse the address of a database.
#[derive(Debug, Error)]
pub enum DatabaseUrlError {
    /// Neither backend.
    #[error(
        "must begin with sqlite: or postgres://, such as sqlite:onceproof.db or postgres://user@localhost/events"
    )]
    Scheme,
    /// SQLite without a file.
    #[error("must name a file: events in memory would be acknowledged but not durable")]
    InMemory,
    /// The driver cannot parse the rest.
    #[error("{0}")]
    Driver(#[from] sqlx::Error),
}

impl FromStr for DatabaseUrl {
    type Err = DatabaseUrlError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            return Ok(Self::Postgres(Box::new(text.parse()?)));
        }
        let Some(file) = text.strip_prefix("sqlite:") else {
            return Err(DatabaseUrlError::Scheme);
        };
        let name = file.trim_start_matches('/').split('?').next().unwrap_or_default();
        if name.is_empty() || file.contains(":memory:") || file.contains("mode=memory") {
            return Err(DatabaseUrlError::InMemory);
        }
        Ok(Self::Sqlite(Box::new(text.parse()?)))
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(options) => write!(formatter, "sqlite:{}", options.get_filename().display()),
            Self::Postgres(options) => {
                let database = options.get_database().unwrap_or(options.get_username());
                let user = options.get_username();
                match options.get_socket() {
                    Some(folder) => write!(formatter, "postgres://{user}@{}/{database}", folder.display()),
                    None => {
                        write!(
                            formatter,
                            "postgres://{user}@{}:{}/{database}",
                            options.get_host(),
                            options.get_port()
                        )
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_password_is_never_shown() {
        let url: DatabaseUrl = "postgres://user:secret@db.example:5433/events".parse().unwrap();
        assert_eq!(url.to_string(), "postgres://user@db.example:5433/events");
    }

    #[test]
    fn files_are_named_as_urls_name_them() {
        for (text, shown) in [
            ("sqlite:onceproof.db", "sqlite:onceproof.db"),
            ("sqlite://onceproof.db", "sqlite:onceproof.db"),
            ("sqlite:///var/lib/onceproof.db", "sqlite:/var/lib/onceproof.db"),
        ] {
            assert_eq!(text.parse::<DatabaseUrl>().unwrap().to_string(), shown);
        }
    }

    #[test]
    fn databases_that_cannot_keep_events_are_refused() {
        for text in ["", "onceproof.db", "mysql://localhost/x", "postgresql+asyncpg://localhost/x"] {
            assert!(matches!(text.parse::<DatabaseUrl>(), Err(DatabaseUrlError::Scheme)), "{text}");
        }
        for text in
            ["sqlite:", "sqlite://", "sqlite::memory:", "sqlite://:memory:", "sqlite:a.db?mode=memory"]
        {
            assert!(matches!(text.parse::<DatabaseUrl>(), Err(DatabaseUrlError::InMemory)), "{text}");
        }
    }
}
