//! The whole thing as people use it: the program itself, serving a folder and playing from it.

extern crate alloc;

mod breaks;
mod cached;
mod contact;
mod following;
mod keys;
mod music;
mod playing;
mod proxy;
mod runtimes;
mod scanning;
mod settings;
mod spot;

#[cfg(unix)]
mod stopping;
