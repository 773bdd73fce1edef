//! Studies in a file of SQLite that another machine has: the server of the file, and the database that a client of
//! it sees.
//!
//! ```text
//! Storage → HttpDatabase ── connection ──→ Server ─→ Session → SqliteDatabase → the file
//! browser ───────────────── GET /studies/… ─┘
//! ```
//!
//! A connection begins as a request of HTTP/1.1, with the token. A client of ours asks for an upgrade, and from then
//! on both sides send messages. The connection is the session: it has a connection to the file of its own, and
//! whatever transaction is open when it ends is undone.

pub mod pages;
pub mod server;
pub mod token;

mod address;
mod client;
mod guard;
mod head;
mod message;
mod respond;
mod session;
mod socket;
mod tls;
mod turns;

pub use pages::{Page, Pages};
pub use server::{Limits, Server, ServerOptions, Tls};
pub use token::Token;

pub(crate) use client::HttpDatabase;

/// What both sides speak once the connection is upgraded.
const PROTOCOL: &str = "burn-tune/1";
/// Where sessions begin.
const SESSION_PATH: &str = "/session";
