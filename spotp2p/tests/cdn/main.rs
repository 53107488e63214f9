//! A connection to a web server, against answers written by hand: those of real servers, and those that no server
//! should give.

mod answers;
mod cancelling;
mod contract;
mod hostile;
mod line;
mod redirects;
mod splits;
mod timing;
