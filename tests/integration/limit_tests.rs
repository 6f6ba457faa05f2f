//! For each limit the test that tries to break it: a key of `[limits]` or a constant, and where the test is.

mod chain;
mod containers;
mod jobs;
mod public;

/// Constants in those files that bound nobody.
pub(crate) const NO_LIMITS: [&str; 23] = [
    "LOOK",
    "FAR",
    "MIN_BUFFER",
    "KIB",
    "MIB",
    "GIB",
    "BUDGET_UNIT",
    "ACCEPT_PAUSE",
    "OVERLOADED_RETRY",
    "PAGE",
    "STATEMENTS",
    "LOOK_EVERY",
    "CLOCK_EVERY",
    "OVERDUE_EVERY",
    "CACHE_KIB",
    "LOG_KEPT",
    "BUSY",
    "DISK_ROOM",
    "GPU_SERVER_SECOND_TRY",
    "CERTIFICATE_WARNING",
    "READY_PAUSE",
    "CONTAINER_LOOK_EVERY",
    "NAMED_BY",
];

const MATRIX: &str = "tests/integration/hostile_matrix.rs::an_attack_costs_its_own_call_and_nothing_else";
const PARTS: &str = "host/wasm/tests/boundary/calls.rs::a_component_of_too_many_parts_is_not_loaded";
const COMPUTES: &str = "host/wasm/tests/boundary/limits.rs::who_computes_for_longer_than_allowed_is_stopped";
const COMPILING: &str =
    "host/wasm/tests/boundary/compiling.rs::compiling_takes_no_more_than_it_may_and_the_next_one_goes_on";
const NAMES: &str = "host/wasm/tests/boundary/compiling.rs::a_component_of_too_many_names_is_refused";
const ANSWER: &str = "host/wasm/src/answer.rs::an_answer_that_breaks_the_contract_is_refused_with_the_reason";
const RECORD: &str = "host/registry/src/check.rs::a_field_that_is_not_acceptable_is_named";
const SECRETS: &str = "host/registry/tests/boundary/secrets.rs::what_is_too_much_or_cannot_be_sent_is_refused_without_showing_it";
const GRANT: &str = "host/registry/src/limits.rs::the_operator_wins_over_the_manifest_and_the_host_over_both";
const OVERSIZE: &str =
    "host/oci/tests/hostile.rs::sizes_beyond_the_limits_are_refused_before_anything_is_requested";
const REGISTRY: &str =
    "host/oci/tests/attacks.rs::every_row_of_the_table_ends_in_its_own_error_and_leaves_nothing_behind";
const PAUSES: &str = "host/oci/src/patience.rs::pauses_double_up_to_the_longest_and_end_with_the_tries";
const LAYOUT: &str = "host/oci/tests/spoiled.rs::a_spoiled_layout_is_refused_with_its_own_reason";
const DISK: &str = "host/wasm/tests/boundary/disk.rs::whoever_fills_the_disk_finds_it_full_and_can_make_room";
const RESERVE: &str =
    "host/wasm/src/disk/tests.rs::a_large_file_stops_at_the_limit_and_small_ones_at_the_reserve";
const RING: &str = "host/wasm/src/logs/ring.rs::the_newest_lines_are_kept_in_number_and_in_bytes";
const INCIDENTS: &str = "host/runtime/src/incidents.rs::the_record_is_bounded_in_number_and_in_text";
const FOLDED: &str =
    "host/runtime/src/incidents.rs::equal_incidents_are_one_with_a_counter_even_when_others_come_between";

const SQL: &str = "host/state/tests/state/hostile.rs::what_sqlite_counts_is_bounded";
const BOMB: &str = "host/state/tests/state/hostile.rs::a_schema_cannot_be_made_a_bomb";
const RESULT: &str =
    "host/state/tests/state/hostile.rs::a_result_has_no_more_rows_and_bytes_than_it_may_and_a_cursor_goes_on";
const KEYS: &str = "host/state/tests/state/keys.rs::a_name_that_is_too_long_or_empty_is_refused";
const BLOB: &str = "host/state/tests/state/blobs.rs::a_name_has_a_length_and_a_step_has_a_size";
const OPEN: &str =
    "host/wasm/tests/boundary/database.rs::however_a_call_ends_its_open_transaction_leaves_nothing";
const OUTGOING: &str = "host/wasm/tests/boundary/outgoing.rs::every_row_of_the_table_is_as_it_says";
const BODIES: &str = "host/wasm/tests/boundary/outgoing.rs::bodies_of_any_kind_stop_at_their_bound";

/// Limits without a test, and why.
pub(crate) const UNTESTED: [(&str, &str); 36] = [
    ("CHECKS", BOUNDS),
    ("UNPACKED_AT_ONCE", BOUNDS),
    ("IMAGE_RULES", "only the operator writes them"),
    ("REASON_CHARS", BOUNDS),
    ("RETRY", "only told to clients"),
    ("SWEEP", WAITS),
    ("LOOKS", BOUNDS),
    ("JOB_BODY_TIME", WAITS),
    ("JOB_BODIES", BOUNDS),
    ("AGAIN", "only told to clients"),
    ("CONNECT_TIMEOUT", WAITS),
    ("SURVEY_EVERY", WAITS),
    ("LINGER_PAUSE", WAITS),
    ("LINGER", WAITS),
    ("PING_AFTER", WAITS),
    ("PING_TIME", WAITS),
    ("KEEPALIVE", "the peer of a test does not lose its power"),
    ("STREAM_WINDOW", BOUNDS),
    ("CONNECTION_WINDOW", BOUNDS),
    ("HEADER_TABLE", BOUNDS),
    ("NONCE_BATCH", BOUNDS),
    ("LOOKUPS", BOUNDS),
    ("SPOOL_PIECE", BOUNDS),
    ("MAX_PEM_BYTES", "only the operator names these files"),
    ("RETRY_OF_ONE", "only told to clients"),
    ("BUSY_RETRY", "only told to clients"),
    ("RETRY_OF_STRANGERS", "only told to clients"),
    ("PULL", WAITS),
    ("UPLOAD", WAITS),
    ("CLEAN_UP", WAITS),
    ("CONTAINER_GRACE", WAITS),
    ("LOST_AFTER", WAITS),
    ("TASKS_END", WAITS),
    ("FETCH_TIME", WAITS),
    ("ENTER_TIME", WAITS),
    ("LAST_WORDS", BOUNDS),
];
const BOUNDS: &str = "it bounds what the host itself does";
const WAITS: &str = "a test would have to wait for as long";

/// Limit and test, as `file::function`.
pub(crate) fn tests() -> impl Iterator<Item = (&'static str, &'static str)> {
    let elsewhere = [chain::TESTS, containers::TESTS, jobs::TESTS, public::TESTS];
    TESTS.iter().chain(elsewhere.into_iter().flatten()).copied()
}

const TESTS: &[(&str, &str)] = &[
    (
        "concurrent_routes",
        "host/wasm/src/admission.rs::one_program_leaves_half_of_the_host_to_others",
    ),
    (
        "concurrent_weights",
        "host/wasm/src/admission.rs::few_weights_are_asked_for_at_once_and_routes_do_not_count",
    ),
    (
        "queued_routes",
        "host/wasm/tests/boundary/queue.rs::a_full_queue_refuses_at_once_and_lets_weights_through",
    ),
    (
        "queue_wait_ms",
        "host/wasm/tests/boundary/limits.rs::who_waits_for_a_turn_longer_than_allowed_is_refused",
    ),
    (
        "retry_after_ms",
        "tests/integration/busy.rs::a_full_queue_refuses_and_drains_and_lets_weights_through",
    ),
    (
        "queued_total",
        "host/wasm/src/admission.rs::all_programs_together_keep_a_bounded_number_of_routes_waiting",
    ),
    ("route_cpu_ms", COMPUTES),
    ("weights_cpu_ms", COMPUTES),
    (
        "warm_total",
        "host/wasm/tests/boundary/warm.rs::all_programs_share_the_room_for_idle_instances",
    ),
    ("compile_memory", COMPILING),
    ("compile_cpu_ms", COMPILING),
    ("compile_wall_ms", COMPILING),
    ("compiled_code", COMPILING),
    (
        "MAX_REPORT",
        "host/wasm/tests/boundary/worker.rs::whatever_a_compiling_process_does_it_is_an_error_of_that_component",
    ),
    ("MAX_OUTER_NAMES", NAMES),
    ("MAX_OUTER_NAME_BYTES", NAMES),
    ("route_ms", MATRIX),
    ("route_max_ms", GRANT),
    ("weights_ms", MATRIX),
    ("weights_max_ms", GRANT),
    ("memory", MATRIX),
    ("memory_max", GRANT),
    (
        "memory_total",
        "host/wasm/src/memory.rs::calls_share_what_the_host_has",
    ),
    ("stack", MATRIX),
    (
        "table_elements",
        "host/wasm/tests/boundary/limits.rs::a_limit_holds_where_the_configuration_puts_it",
    ),
    ("tables", PARTS),
    ("core_instances", PARTS),
    ("memories", PARTS),
    (
        "instance",
        "host/wasm/tests/boundary/limits.rs::an_instance_that_needs_much_of_the_host_is_not_made",
    ),
    (
        "warm_idle",
        "host/registry/src/limits.rs::idle_instances_are_as_many_as_the_host_and_the_way_of_calling_allow",
    ),
    (
        "large_calls",
        "host/wasm/tests/boundary/python.rs::a_challenge_in_python_is_one_like_all_others_in_slots_of_its_own",
    ),
    (
        "handles",
        "host/wasm/tests/boundary/limits.rs::a_limit_holds_where_the_configuration_puts_it",
    ),
    ("resources", MATRIX),
    (
        "transfer",
        "host/wasm/tests/boundary/limits.rs::a_limit_holds_where_the_configuration_puts_it",
    ),
    ("random", MATRIX),
    ("data", DISK),
    ("data_max", GRANT),
    ("data_files", DISK),
    (
        "open_files",
        "host/wasm/tests/boundary/disk.rs::only_so_many_files_are_open",
    ),
    (
        "database",
        "host/state/tests/state/hostile.rs::a_full_database_says_so_and_can_make_room",
    ),
    ("database_max", GRANT),
    (
        "blobs",
        "host/state/tests/state/blobs.rs::all_blobs_together_have_a_quota_and_those_being_written_count",
    ),
    ("blobs_max", GRANT),
    (
        "blob_files",
        "host/state/tests/state/blobs.rs::there_are_only_so_many_blobs",
    ),
    ("sql", SQL),
    ("sql_value", SQL),
    ("sql_rows", RESULT),
    ("sql_result", RESULT),
    (
        "sql_memory",
        "host/state/tests/state/hostile.rs::a_statement_takes_no_more_memory_than_it_may",
    ),
    (
        "sql_readers",
        "host/state/tests/state/sharing.rs::no_more_read_at_once_than_may_and_whoever_waits_is_served_later",
    ),
    (
        "migration_ms",
        "host/state/tests/state/migrations.rs::a_migration_waits_for_a_transaction_and_not_for_ever",
    ),
    ("http_connect_ms", OUTGOING),
    ("http_exchange_ms", OUTGOING),
    ("http_request", BODIES),
    ("http_response", BODIES),
    ("http_headers", BODIES),
    ("http_requests", OUTGOING),
    ("http_concurrent", OUTGOING),
    (
        "http_total",
        "host/wasm/tests/boundary/outgoing.rs::all_challenges_share_the_places_of_the_host",
    ),
    ("MAX_HELD", OPEN),
    (
        "MAX_BUCKETS",
        "host/wasm/tests/boundary/database.rs::keys_and_values_come_back",
    ),
    (
        "MAX_OPEN_BLOBS",
        "host/wasm/tests/boundary/database.rs::blobs_come_back_and_what_a_call_did_not_finish_is_gone",
    ),
    ("MAX_BUCKET_BYTES", KEYS),
    ("MAX_KEY_BYTES", KEYS),
    ("MAX_CHANGES", KEYS),
    (
        "MAX_HASHED",
        "host/state/tests/state/digest.rs::a_database_is_hashed_up_to_a_size_and_not_beyond",
    ),
    (
        "MAX_LISTED",
        "host/state/tests/state/keys.rs::keys_are_listed_by_prefix_page_by_page",
    ),
    ("MAX_BLOB_NAME_BYTES", BLOB),
    ("MAX_BLOB_STEP", BLOB),
    (
        "MAX_CONTENTS",
        "host/state/tests/state/archive.rs::a_list_without_end_is_not_read",
    ),
    ("EXPRESSION_DEPTH", SQL),
    ("COMPOUND_SELECTS", SQL),
    ("PARSER_DEPTH", SQL),
    ("TRIGGER_DEPTH", BOMB),
    ("PATTERN", SQL),
    ("ARGUMENTS", SQL),
    ("COLUMNS", SQL),
    ("PARAMETERS", SQL),
    ("INSTRUCTIONS", BOMB),
    ("SCHEMA_OBJECTS", BOMB),
    (
        "LOG",
        "host/state/tests/state/hostile.rs::whoever_reads_for_ever_does_not_make_the_log_grow_for_ever",
    ),
    ("MIN_DATABASE", GRANT),
    ("body", ANSWER),
    (
        "streamed_body",
        "host/wasm/tests/boundary/streams.rs::an_answer_that_was_cut_off_never_looks_like_a_whole_one",
    ),
    (
        "streamed_routes",
        "host/wasm/tests/boundary/streams.rs::streams_leave_places_to_those_that_do_not_wait_for_clients",
    ),
    ("headers", ANSWER),
    ("header_bytes", ANSWER),
    (
        "weights",
        "host/wasm/tests/boundary/calls.rs::weights_are_counted_before_they_are_read",
    ),
    ("log_line", "host/wasm/src/logs.rs::a_long_line_is_cut"),
    (
        "log_rate",
        "host/wasm/src/log_budget.rs::a_log_that_was_too_much_passes_again_after_a_second",
    ),
    (
        "log_burst",
        "host/wasm/src/logs.rs::a_flood_is_dropped_and_reported_once",
    ),
    ("log_lines", RING),
    ("log_kept", RING),
    (
        "LOG_CONTEXT_BYTES",
        "host/wasm/tests/boundary/logging.rs::of_a_long_message_the_first_bytes_are_looked_at",
    ),
    (
        "LOG_FOLLOWERS",
        "host/admin/src/logs/tests.rs::so_many_follow_and_no_more_and_all_end_with_the_challenge",
    ),
    (
        "LOG_PAGE_BYTES",
        "host/wasm/src/logs/ring.rs::a_piece_has_a_moderate_size_and_a_line_at_least",
    ),
    (
        "MAX_COMPONENT_BYTES",
        "host/wasm/tests/boundary/limits.rs::a_component_of_too_many_bytes_is_not_even_looked_at",
    ),
    (
        "MAX_HOTKEY_BYTES",
        "host/wasm/src/answer.rs::a_hotkey_that_is_cut_was_none_before_and_is_none_after",
    ),
    (
        "MAX_ERROR_CHARS",
        "host/wasm/src/answer.rs::the_text_of_an_error_is_short_and_harmless",
    ),
    (
        "LOG_LINE_COST",
        "host/wasm/src/log_budget.rs::a_log_that_was_too_much_passes_again_after_a_second",
    ),
    (
        "MAX_EXPLANATION",
        "host/wasm/src/call.rs::a_long_explanation_is_cut_between_characters",
    ),
    (
        "LOCK_SEARCH_DEPTH",
        "host/wasm/src/data_dir.rs::locks_are_looked_for_to_a_depth",
    ),
    (
        "LOCK_SEARCH_ENTRIES",
        "host/wasm/tests/boundary/limits.rs::the_search_for_stale_locks_has_an_end",
    ),
    ("DATA_RESERVE", RESERVE),
    ("SMALL_FILE", RESERVE),
    (
        "DATA_RUN",
        "host/wasm/src/disk/tests.rs::a_stream_that_began_goes_some_way_further",
    ),
    (
        "REMEASURE",
        "host/wasm/src/disk/tests.rs::who_makes_names_without_end_has_its_directory_measured",
    ),
    (
        "MEASURED_FILES",
        "host/wasm/src/disk/measure.rs::counting_has_an_end",
    ),
    (
        "REFUSALS_KEPT",
        "host/wasm/src/disk/tests.rs::refusals_of_calls_that_nobody_waits_for_are_forgotten",
    ),
    ("MIN_MEMORY", GRANT),
    ("MIN_DISK", GRANT),
    ("MAX_NAME", RECORD),
    ("MAX_VERSION", RECORD),
    ("MAX_DESCRIPTION", RECORD),
    ("MAX_ENV_ENTRIES", RECORD),
    ("MAX_ENV_KEY", RECORD),
    ("MAX_ENV_BYTES", RECORD),
    ("MAX_METADATA_BYTES", RECORD),
    ("MAX_OUTBOUND", RECORD),
    (
        "MAX_VERSIONS",
        "tests/integration/versions.rs::a_challenge_changes_its_component_fifty_times_under_load_and_no_request_fails",
    ),
    (
        "MAX_BY_CHARS",
        "tests/integration/versions.rs::an_update_that_fails_its_checks_changes_nothing",
    ),
    ("MAX_SECRETS", SECRETS),
    ("MAX_SECRET_BYTES", SECRETS),
    ("MAX_NAMES", RECORD),
    ("MAX_NAME_BYTES", RECORD),
    ("MAX_INCIDENTS", INCIDENTS),
    ("FOLD_SECONDS", FOLDED),
    ("MAX_TEXT_CHARS", INCIDENTS),
    (
        "MAX_MANIFEST",
        "host/oci/tests/hostile.rs::a_manifest_without_end_is_refused",
    ),
    ("MAX_CONFIG", OVERSIZE),
    ("MAX_COMPONENT", OVERSIZE),
    ("MAX_INDEX", LAYOUT),
    ("MAX_MARKER", LAYOUT),
    (
        "MAX_ARCHIVE_ENTRIES",
        "host/oci/tests/archives.rs::an_archive_has_a_number_of_entries_and_a_size_that_is_true",
    ),
    (
        "MAX_ARCHIVE_EXTENSION",
        "host/oci/tests/archives.rs::a_spoiled_archive_is_refused_with_its_own_reason",
    ),
    (
        "GRACE",
        "host/oci/tests/collecting.rs::what_no_root_leads_to_is_removed_when_nobody_fetched_it_lately",
    ),
    (
        "QUOTA",
        "host/oci/tests/collecting.rs::what_does_not_fit_is_refused_before_it_is_fetched_and_fits_after_a_collection",
    ),
    (
        "MAX_TOKEN",
        "host/oci/tests/hostile.rs::a_hostile_token_service_is_cut_off",
    ),
    (
        "SIGNATURES_TIMEOUT",
        "host/oci/tests/strange_signatures.rs::a_registry_that_is_slow_about_signatures_is_not_waited_for",
    ),
    (
        "MAX_SIGNATURES",
        "host/oci/tests/signing.rs::what_counts_is_kept_when_there_are_too_many",
    ),
    (
        "MAX_REFERRERS",
        "host/oci/tests/strange_signatures.rs::a_thousand_referrers_are_not_all_asked_for",
    ),
    ("MAX_ANNOTATIONS", REGISTRY),
    ("READ_TIMEOUT", REGISTRY),
    ("TOTAL_TIMEOUT", REGISTRY),
    ("FIRST_PAUSE", PAUSES),
    ("LONGEST_PAUSE", PAUSES),
    (
        "MAX_TRIES",
        "host/oci/tests/retries.rs::what_does_not_pass_is_given_up_after_so_many_tries",
    ),
    (
        "MAX_CREDENTIALS",
        "host/oci/src/credentials.rs::a_secret_is_one_line_of_a_file_and_is_not_shown",
    ),
    (
        "HELPER_TIMEOUT",
        "host/oci/tests/docker.rs::dockers_configuration_is_asked_and_a_broken_one_is_named_and_not_shown",
    ),
    (
        "MAX_REDIRECTS",
        "host/oci/tests/hostile.rs::redirects_are_followed_to_storage_and_not_in_circles",
    ),
    (
        "MAX_ENTRIES",
        "host/fallback/tests/documents.rs::the_most_entries_fit_into_a_document",
    ),
    (
        "MAX_DOCUMENT",
        "host/fallback/tests/documents.rs::what_no_host_would_write_is_no_document",
    ),
    (
        "MAX_LIFE",
        "host/fallback/tests/documents.rs::what_is_about_something_else_or_of_another_time_does_not_count",
    ),
    (
        "MAX_AHEAD",
        "host/fallback/tests/documents.rs::what_is_about_something_else_or_of_another_time_does_not_count",
    ),
    (
        "MAX_KEY_PEM",
        "host/signatures/tests/keys.rs::comments_and_other_line_ends_are_no_harm_and_too_much_is_not_looked_at",
    ),
    (
        "MAX_SCRYPT_N",
        "host/signatures/tests/sealing.rs::what_a_file_asks_of_scrypt_is_bounded_before_anything_is_taken",
    ),
    (
        "MAX_PAYLOAD",
        "host/signatures/tests/payloads.rs::a_payload_has_a_size",
    ),
    (
        "MAX_SIGNATURE_TEXT",
        "host/signatures/tests/trust.rs::a_signature_has_a_length",
    ),
    (
        "MAX_BUNDLE",
        "host/signatures/tests/bundles.rs::a_bundle_has_a_size",
    ),
    (
        "MAX_TRUSTED_KEYS",
        "host/signatures/tests/trust.rs::a_host_trusts_a_number_of_keys",
    ),
];
