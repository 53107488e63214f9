//! Links between peers, over real TCP on loopback.

mod end;
mod hostile;
mod making;
