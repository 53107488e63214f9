//! Ciphertext from any web server, by plain HTTP/1.1 range requests.
//!
//! Pieces are sealed and proved by their leaves, so a server of them needs no trust and its line no encryption: a
//! folder of files behind a web server, or a cache in front of one, will do. [`Connection`] speaks to one server over
//! one connection, [`Asking`] follows a request over several, [`Url`] and [`Target`] say where a file lies, [`Standing`]
//! what is known of a server.
//!
//! What comes out of here is **not proved yet**: it is what the server sent for a piece, and goes through its leaf like
//! what anyone else sent.

mod asking;
mod body;
mod chunked;
mod connection;
mod date;
mod error;
mod fields;
mod head;
mod inward;
mod limits;
mod pieces;
mod refusal;
mod request;
mod standing;
mod target;
mod url;
mod verdict;

pub use asking::{Asking, End, Step};
pub use connection::{Connection, Input, Output};
pub use error::{Broken, CdnError, Wait};
pub(crate) use inward::leads_inward;
pub use limits::{HEADERS_MAX, Limits};
pub use refusal::Refusal;
pub use request::Get;
pub use standing::{Patience, Standing};
pub use target::{REDIRECTS_MAX, Target};
pub use url::{Host, URL_LEN_MAX, Url, UrlError};
