//! What the parts do together, through the doors that users have: the program, the admin API, the public proxy
//! and the chain's RPC.

mod admin;
mod architecture;
mod command_line;
mod crash;
mod epochs;
mod hostile;
mod public;
mod signed;
