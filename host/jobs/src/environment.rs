//! What a container is told that may hand in jobs: as in the original platform, so that images made for it run unchanged.

/// Where a container finds its token, which is also the one for jobs.
const TOKEN_FILE: &str = "/run/secrets/platform/challenge_token";

/// For a container with the capability `docker_executor`. `broker_url` is where it reaches the broker: `http://HOST:PORT`.
pub fn executor_environment(broker_url: &str) -> [(&'static str, String); 4] {
    [
        ("CHALLENGE_DOCKER_ENABLED", "true".to_owned()),
        ("CHALLENGE_DOCKER_BACKEND", "broker".to_owned()),
        ("CHALLENGE_DOCKER_BROKER_URL", broker_url.to_owned()),
        ("CHALLENGE_DOCKER_BROKER_TOKEN_FILE", TOKEN_FILE.to_owned()),
    ]
}
