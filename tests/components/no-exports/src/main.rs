//! A component like any other program: it exports nothing of the contract.

fn main() {
    println!("This is a program, not a challenge.");
}
