//! `platform hotkey`: key files.

use anyhow::Context as _;
use platform_keys::Keypair;

use crate::{cli::HotkeyCommand, output::Output};

pub(crate) fn run(command: HotkeyCommand, output: Output) -> anyhow::Result<()> {
    let (key, file) = match command {
        HotkeyCommand::New { file } => {
            let key = Keypair::generate()?;
            key.write_new_file(&file)
                .with_context(|| format!("no new hotkey in {}", file.display()))?;
            (key, file)
        }
        HotkeyCommand::Show { file } => (
            Keypair::from_file(&file).with_context(|| format!("no hotkey in {}", file.display()))?,
            file,
        ),
    };
    let answer = serde_json::json!({ "hotkey": key.hotkey(), "file": file });
    output.show(&answer, |_| key.hotkey().to_string())
}
