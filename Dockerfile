# A small image of burn-tune, with SQLite, a server of its files, and PostgreSQL:
#
#   docker build -t burn-tune .
#   docker run --rm -v "$PWD/results:/work/results" burn-tune search --space spaces/smoke.toml --trials 6

FROM rust:1.95-slim-bookworm AS build
RUN apt-get update && apt-get install -y --no-install-recommends gcc libc6-dev && rm -rf /var/lib/apt/lists/*
WORKDIR /source
COPY . .
# The profile that everything is built and tested with.
RUN cargo build --package burn-tune-cli --bin burn-tune --features burn-tune-cli/postgres,burn-tune-cli/http \
    && strip target/debug/burn-tune

FROM debian:bookworm-slim
# Certificates: of PostgreSQL servers.
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home --uid 1000 burn-tune && mkdir -p /work/results && chown -R burn-tune /work
COPY --from=build /source/target/debug/burn-tune /usr/local/bin/burn-tune
USER burn-tune
WORKDIR /work
ENTRYPOINT ["burn-tune"]
CMD ["--help"]
