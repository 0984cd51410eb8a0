# The daily commands: those of README.md and CONTRIBUTING.md. `just` lists them.

_default:
    @just --list

# Every endpoint on this machine
local *options:
    cargo run -- local {{ options }}

# A simulator of the platform
platform *options:
    cargo run -- platform {{ options }}

# What must be clean before a commit
check:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets --locked -- -D warnings

# All tests that need nothing but Rust
test:
    cargo test --workspace --locked

# The deployed stack, on an emulated AWS
test-deployed *options:
    tests/deployed/run {{ options }}

# The functions, as they are deployed
build:
    cargo lambda build --release --locked --compiler cargo

# All that CI does
ci:
    .ci/run
