//! What the parts do together, through the doors that users have: the program, the admin API, the public proxy
//! and the chain's RPC.

#[cfg(test)]
mod admin;
#[cfg(test)]
mod answers;
#[cfg(test)]
mod architecture;
#[cfg(test)]
mod busy;
#[cfg(test)]
mod command_line;
#[cfg(test)]
mod crash;
#[cfg(test)]
mod epochs;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod public;
#[cfg(test)]
mod signed;
#[cfg(test)]
mod wire;
