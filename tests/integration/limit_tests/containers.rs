//! The limits of containers: of the engines that run them, of what is in them, and of the servers with GPUs.

const TIMES: &str = "host/docker/tests/answers.rs::each_kind_of_call_has_its_own_time";
const TOO_LARGE: &str = "host/docker/tests/answers.rs::an_answer_that_is_too_large_or_none_is_an_error";
const REFUSAL: &str = "host/docker/tests/answers.rs::what_an_engine_refuses_is_shortened";
const TOLD: &str = "host/docker/src/describe.rs::what_an_engine_says_of_itself_is_bounded";
const SSH: &str =
    "host/docker/src/transport/connection.rs::last_words_end_with_their_length_and_with_their_time";
const ARCHIVE: &str = "host/docker/src/archive_tests.rs::an_archive_is_bounded_in_bytes_and_in_members";
const SPEC: &str = "host/docker/src/spec/tests.rs::what_cannot_be_is_refused_with_its_reason";
const CLOSED: &str = "host/docker/src/spec/tests.rs::a_challenge_is_as_closed_as_an_engine_can_make_it";
const INSIDE: &str = "host/docker/tests/hostile.rs::processes_memory_and_files_end_at_their_limits";
const FLOOD: &str = "host/docker/tests/hostile.rs::a_flood_of_a_log_fills_neither_the_disk_nor_memory";
const UNREADY: &str =
    "host/fleet/tests/lives.rs::a_container_that_is_no_challenge_is_removed_with_its_reason";
const RELAYED: &str = "host/fleet/tests/relays.rs::a_challenge_on_another_machine_is_reached_through_its_relay_and_nothing_is_published";
const GPU_LIST: &str = "host/domain/src/gpu.rs::a_list_of_gpus_that_no_server_has_is_refused";
const LABELS: &str = "host/domain/src/labels.rs::labels_that_mean_something_elsewhere_are_refused";
const ENDPOINT: &str =
    "host/domain/src/engine_endpoint.rs::what_is_no_way_to_an_engine_is_refused_with_its_reason";

/// Limit and test.
pub(super) const TESTS: &[(&str, &str)] = &[
    (
        "ENGINE_CONNECT",
        "host/docker/tests/answers.rs::a_connection_that_is_never_finished_is_given_up",
    ),
    (
        "QUESTION",
        "host/docker/tests/answers.rs::an_engine_that_says_nothing_has_so_much_time_and_no_more",
    ),
    ("CHANGE", TIMES),
    (
        "REMOVALS",
        "host/fleet/tests/lives.rs::a_start_that_is_abandoned_leaves_nothing_that_the_next_does_not_clear",
    ),
    ("PULL_IDLE", TIMES),
    (
        "ASKED_AGAIN_AFTER",
        "host/fleet/tests/outages.rs::a_server_is_asked_twice_before_it_is_lost",
    ),
    (
        "MAX_GRACE",
        "host/docker/src/container.rs::nobody_is_given_more_than_two_minutes_to_end",
    ),
    (
        "MAX_JOB",
        "host/docker/tests/jobs.rs::a_job_that_cannot_be_as_it_is_wanted_is_refused_before_anything_is_made",
    ),
    ("ANSWER_BYTES", TOO_LARGE),
    ("ENGINE_HEAD_BYTES", TOO_LARGE),
    (
        "PULL_BYTES",
        "host/docker/tests/answers.rs::a_pull_that_talks_without_end_is_cut_off",
    ),
    (
        "LAYERS",
        "host/docker/src/pulling/tests.rs::an_engine_that_tells_of_ever_more_layers_fills_no_memory",
    ),
    (
        "IMAGE_GRACE",
        "host/fleet/tests/images.rs::an_image_that_nobody_wants_is_removed_and_no_other",
    ),
    ("REFUSAL_BYTES", REFUSAL),
    ("MESSAGE_CHARS", REFUSAL),
    ("TEXT_CHARS", TOLD),
    ("LIST", TOLD),
    (
        "TOLD_LINE",
        "host/docker/tests/answers.rs::a_pull_that_talks_without_end_is_cut_off",
    ),
    ("SSH_BYTES", SSH),
    ("SSH_LAST_WORDS", SSH),
    (
        "DIALED_WORDS",
        "host/docker/tests/dial_hostile.rs::an_engine_that_means_harm_gets_neither_memory_nor_time_of_a_connection",
    ),
    (
        "DIALED_LINGER",
        "host/docker/tests/dial.rs::what_is_sent_comes_back_and_each_side_can_end_first",
    ),
    (
        "DIALED_READ",
        "host/docker/tests/dial.rs::what_is_sent_comes_back_and_each_side_can_end_first",
    ),
    (
        "LINE_BYTES",
        "host/docker/src/logs.rs::a_line_has_a_length_and_says_when_it_was_longer",
    ),
    (
        "TAIL_LINES",
        "host/docker/src/logs.rs::nobody_asks_for_more_than_ten_thousand_lines",
    ),
    (
        "JOB_OUTPUT_BYTES",
        "host/docker/tests/jobs.rs::the_end_of_a_flood_is_kept",
    ),
    ("ARCHIVE_PACKED_BYTES", ARCHIVE),
    ("ARCHIVE_BYTES", ARCHIVE),
    ("ARCHIVE_MEMBERS", ARCHIVE),
    (
        "ARCHIVE_PATH",
        "host/docker/src/archive_tests.rs::a_name_that_comes_in_a_header_of_its_own_is_checked_like_any_other",
    ),
    ("SECRETS", SPEC),
    ("SECRET_BYTES", SPEC),
    ("VARIABLES", SPEC),
    ("VARIABLE_BYTES", SPEC),
    ("COMMAND_WORDS", SPEC),
    ("VOLUMES", SPEC),
    (
        "MOUNT_POINT",
        "host/docker/src/spec/mount.rs::a_volume_is_where_it_hides_nothing_of_the_host",
    ),
    ("GPUS", SPEC),
    ("MEMORY", CLOSED),
    ("MIN_CONTAINER_MEMORY", SPEC),
    ("MAX_CONTAINER_MEMORY", SPEC),
    ("MILLI_CPUS", CLOSED),
    ("MAX_CONTAINER_MILLI_CPUS", SPEC),
    ("PIDS", CLOSED),
    ("MAX_CONTAINER_PIDS", SPEC),
    ("OPEN_FILES", INSIDE),
    ("TMP_BYTES", INSIDE),
    ("LOG_FILE", FLOOD),
    ("LOG_FILES", FLOOD),
    (
        "STATS_APART",
        "host/fleet/src/stats.rs::the_load_is_processor_time_over_time",
    ),
    (
        "RELAY_CONNECT",
        "host/upstream/tests/upstream/dialed.rs::a_connection_that_is_none_is_told_apart_from_an_answer_that_breaks_off",
    ),
    ("RELAY_MEMORY", RELAYED),
    ("RELAY_MILLI_CPUS", RELAYED),
    ("RELAY_PIDS", RELAYED),
    ("READY_TIME", UNREADY),
    ("READY_QUESTION", UNREADY),
    ("READY_BYTES", UNREADY),
    (
        "PLACE_TIME",
        "host/fleet/tests/swarm.rs::a_challenge_on_the_manager_of_a_swarm_is_a_service_and_lives_like_a_container",
    ),
    (
        "LAST_WORDS_CHARS",
        "host/fleet/src/ready.rs::what_a_container_wrote_last_is_cut",
    ),
    (
        "MAX_GPU_SERVER_ID",
        "host/domain/src/gpu_server.rs::an_id_is_short_and_plain",
    ),
    ("MAX_GPUS", GPU_LIST),
    (
        "MAX_GPU_HOLDERS",
        "host/domain/src/gpu.rs::a_gpu_has_one_holder_or_a_few",
    ),
    ("MAX_GPU_KIND", GPU_LIST),
    (
        "MAX_GPU_LEASE_ID",
        "host/domain/src/gpu_server.rs::a_lease_is_named_at_random_or_by_whoever_counts_starts",
    ),
    ("MAX_LABELS", LABELS),
    ("MAX_LABEL", LABELS),
    ("MAX_ENDPOINT", ENDPOINT),
    ("MAX_SOCKET_PATH", ENDPOINT),
    ("MAX_SSH_USER", ENDPOINT),
    (
        "MAX_PIDS",
        "host/domain/src/resources.rs::a_resource_that_cannot_be_enforced_is_refused_by_name",
    ),
    (
        "MAX_JOB_NAME",
        "host/domain/src/job.rs::names_are_bounded_and_printable",
    ),
    (
        "MAX_TASK_NAME",
        "host/domain/src/job.rs::names_are_bounded_and_printable",
    ),
    (
        "MAX_TOKEN_OVERLAP",
        "host/registry/tests/boundary/lifecycle.rs::a_token_that_was_replaced_counts_for_a_week_at_most",
    ),
    (
        "MAX_GPU_SERVERS",
        "host/registry/tests/boundary/gpu_servers.rs::there_are_only_so_many_servers",
    ),
    (
        "MAX_CERTIFICATE_BYTES",
        "host/registry/tests/boundary/gpu_servers.rs::a_field_of_a_server_that_is_not_acceptable_is_named",
    ),
];
