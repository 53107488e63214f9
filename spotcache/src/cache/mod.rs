//! What a client keeps of what it heard: which pieces of which files, within a quota, safe from crashes.

mod effect;
mod key;
mod place;

pub use effect::{Content, DiskError, Done, Effect, Found, RequestId};
pub use key::CacheKey;
pub use place::{LEAVES_LEN, Layout, Place, SHEET_LEN};
