//! Sound ingestion services of other shapes than the reference's, for `verify probe`. They differ
//! in the wire format, see [`shapes`] and [`apis`]. Keys and rows are in memory, and in a file where a shape
//! survives its process.

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::{Parser, ValueEnum};

use store::Store;

mod apis;
mod shapes;
mod store;

/// Settings of a service.
#[derive(Debug, Parser)]
struct Settings {
    /// Address of the server
    #[arg(long, env = "LISTEN")]
    listen: SocketAddr,
    /// File that outlives the process
    #[arg(long, env = "JOURNAL")]
    journal: PathBuf,
    /// Shape of the service
    #[arg(long, env = "SHAPE", value_enum)]
    shape: Shape,
}

/// Shape of a service, as a client sees it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum Shape {
    /// `{"events": [...]}`, 202 and stored later; 1,000 rows of a topic and no way to more.
    Queued,
    /// Single objects with an `eventId`, 201; counters in memory; pages by offset, oldest first.
    Single,
    /// A list of objects as the response; no counters; cursors in the body; the payload as a
    /// string.
    Cursors,
    /// `{"accepted": n}`; counters by topic; numbered pages; 404 for an unknown topic; no payloads.
    Pages,
    /// One object with its id in a header.
    Keyed,
    /// Lines: an action and a document.
    Bulk,
    /// A form, whose answer names what was made.
    Form,
    /// A list in an object, with a word for each entry.
    Tracked,
    /// A bare list under other names; the answer counts.
    Counted,
    /// The same answer to everything.
    Blind,
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<()> {
    let settings = Settings::parse();
    let store = Store::open(&settings.journal)?;
    let routes = match settings.shape {
        Shape::Queued => shapes::queued(store),
        Shape::Single => shapes::single(store),
        Shape::Cursors => shapes::cursors(store),
        Shape::Pages => shapes::pages(store),
        Shape::Keyed => apis::keyed(store),
        Shape::Bulk => apis::bulk(store),
        Shape::Form => apis::form(store),
        Shape::Tracked => apis::tracked(store),
        Shape::Counted => apis::counted(store),
        Shape::Blind => apis::blind(),
    };
    let listener = tokio::net::TcpListener::bind(settings.listen).await;
    let listener = listener.with_context(|| format!("cannot listen on {}", settings.listen))?;
    println!("listening on http://{}", listener.local_addr()?);
    axum::serve(listener, routes).await.context("the server ended")
}
