//! Secrets in a swarm: kept sealed by its managers, in memory on the machine where they are used. None can be changed, so each has a
//! name that is made of what is in it.

use std::collections::HashMap;

use bollard::{
    models::{IdResponse, SecretSpec, TaskSpecContainerSpecFile, TaskSpecContainerSpecSecrets},
    query_parameters::ListSecretsOptions,
};
use platform_domain::Digest;

use crate::{
    ContainerSpec, Engine, EngineError, Kind, OF, Owner, User,
    ask::base64,
    labels::{filter, ours},
    limits::{CHANGE, QUESTION},
    refusal::Subject,
    spec::SECRETS_DIR,
};

/// Digits of the digest in a name, which may have 64 characters in all.
const DIGITS: usize = 32;

impl Engine {
    /// Makes those that are not there, and says where each is to be.
    pub(super) async fn make_secrets(
        &self,
        spec: &ContainerSpec,
        user: &User,
    ) -> Result<Vec<TaskSpecContainerSpecSecrets>, EngineError> {
        let present = self.secrets_of(&spec.owner, &spec.name).await?;
        let mut made = Vec::new();
        for (name, value) in &spec.secrets {
            let content = Digest::of(value.reveal());
            let all = Digest::of(format!("{}\n{}\n{name}\n{content}", spec.owner, spec.name).as_bytes());
            let secret_name = format!("platform-{}", all.hex().chars().take(DIGITS).collect::<String>());
            let id = match present.get(&secret_name) {
                Some(id) => id.clone(),
                None => {
                    let mut labels = ours(&spec.owner, Kind::Challenge, &spec.slug);
                    labels.insert(OF.to_owned(), spec.name.clone());
                    let request = SecretSpec {
                        name: Some(secret_name.clone()),
                        labels: Some(labels.into_iter().collect()),
                        data: Some(base64(value.reveal())),
                        ..SecretSpec::default()
                    };
                    let subject = Subject::Swarm(&secret_name);
                    let made = self.post::<IdResponse>(CHANGE, "/secrets/create", &request, None, subject);
                    made.await?.id
                }
            };
            let (owner, group, mode) = match user {
                User::Id { uid, gid } => (uid.to_string(), gid.to_string(), 0o400),
                User::Named(_) => ("0".to_owned(), "0".to_owned(), 0o444),
            };
            made.push(TaskSpecContainerSpecSecrets {
                secret_id: Some(id),
                secret_name: Some(secret_name),
                file: Some(TaskSpecContainerSpecFile {
                    name: Some(format!("{SECRETS_DIR}/{name}")),
                    uid: Some(owner),
                    gid: Some(group),
                    mode: Some(mode),
                }),
            });
        }
        Ok(made)
    }

    pub(super) async fn remove_secrets(&self, owner: &Owner, service: &str) -> Result<(), EngineError> {
        let docker = self.docker().await?;
        for (name, id) in self.secrets_of(owner, service).await? {
            match self
                .within(CHANGE, Subject::Swarm(&name), docker.delete_secret(&id))
                .await
            {
                Ok(()) | Err(EngineError::NotFound(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Names and ids of what a service has.
    async fn secrets_of(&self, owner: &Owner, service: &str) -> Result<HashMap<String, String>, EngineError> {
        let mut filters = filter(owner, None);
        filters
            .entry("label".to_owned())
            .or_default()
            .push(format!("{OF}={service}"));
        let docker = self.docker().await?;
        let options = ListSecretsOptions {
            filters: Some(filters),
        };
        let listed = self
            .within(QUESTION, Subject::Engine, docker.list_secrets(Some(options)))
            .await?;
        let named = listed
            .into_iter()
            .filter_map(|secret| Some((secret.spec?.name?, secret.id?)));
        Ok(named.collect())
    }
}
