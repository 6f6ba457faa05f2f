#!/bin/sh
# Stands before rustc when the fuzz targets are built. cargo-fuzz asks for counters in every crate, but a compiler, a
# runtime and a hundred crates that nobody is looking at here only make build and search slower, and so do the models.
# So this project's own crates have them, those that read what strangers send, and no others.
case "$3" in
platform_fuzz) ;;
platform_* | request | claim | response | manifest | sql | text | http | serde_json)
    exec "$@"
    ;;
esac
for argument; do
    shift
    case "$argument" in
    -Cpasses=sancov-module | -Cllvm-args=-sanitizer-coverage-*) ;;
    *) set -- "$@" "$argument" ;;
    esac
done
exec "$@"
