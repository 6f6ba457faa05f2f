//! Reads secrets by the SDK.

use platform_guest_sdk::prelude::*;

struct Confidant;

#[challenge(name = "confidant", secrets("SALT", "PEPPER"))]
impl Confidant {
    #[get("/salt")]
    fn salt(request: &Request) -> Result<String> {
        Ok(request.environment().secret("SALT")?.text()?.to_owned())
    }

    /// Whether there is a secret of this name, asked for or not.
    #[get("/is-set/{name}")]
    fn is_set(request: &Request) -> Result<String> {
        let name: String = request.param("name")?;
        Ok(request.environment().secret_if_set(&name).is_some().to_string())
    }
}
