# Two images from one tree:
#   docker build --target metergate .   the services and the operator's commands, one program
#   docker build --target sandbox .     stand-ins for PG&E and homes, for trials and tests
# Both base images are arguments, so that they can be pinned by digest or come from elsewhere.
ARG BUILD_IMAGE=rust:1.95-bookworm
ARG RUNTIME_IMAGE=debian:bookworm-slim

# The tree without its code: what the layers of compiled dependencies below hang on.
FROM ${BUILD_IMAGE} AS manifests
WORKDIR /src
COPY . .
RUN find . -type f ! -name Cargo.toml ! -name Cargo.lock -delete \
    && for manifest in */*/Cargo.toml tests/Cargo.toml benches/Cargo.toml; do \
        mkdir -p "${manifest%/*}/src" \
        && echo '' >"${manifest%/*}/src/lib.rs" \
        && echo 'fn main() {}' >"${manifest%/*}/src/main.rs" || exit 1; \
    done

FROM ${BUILD_IMAGE} AS dependencies
RUN apt-get update \
    && apt-get install -y --no-install-recommends cmake libssl-dev make pkg-config \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY --from=manifests /src .
ENV CARGO_INCREMENTAL=0
RUN cargo build --release --locked --bins -p metergate

FROM dependencies AS build
# Empty files that have no real one in their place would be compiled with them.
RUN find */ -path 'target/*' -prune -o -name '*.rs' -exec rm {} +
COPY . .
# Older than what was compiled from the empty files, the real ones would count as compiled.
RUN find crates services sandbox migrations -type f -exec touch {} + \
    && cargo build --release --locked --bins -p metergate

FROM ${RUNTIME_IMAGE} AS runtime
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates libssl3 openssl \
    && rm -rf /var/lib/apt/lists/*
COPY infra/docker/entrypoint infra/docker/prepare /usr/local/lib/metergate/
ENTRYPOINT ["/usr/local/lib/metergate/entrypoint"]

FROM runtime AS metergate
COPY --from=build /src/target/release/metergate /usr/local/bin/
USER 10001:10001
CMD ["metergate", "--help"]

FROM dependencies AS sandbox-dependencies
RUN cargo build --release --locked --bins -p custodian -p home -p sandbox-broker -p demo

FROM sandbox-dependencies AS sandbox-build
RUN find */ -path 'target/*' -prune -o -name '*.rs' -exec rm {} +
COPY . .
RUN find crates services sandbox migrations -type f -exec touch {} + \
    && cargo build --release --locked --bins -p custodian -p home -p sandbox-broker -p demo

FROM runtime AS sandbox
RUN apt-get update && apt-get install -y --no-install-recommends curl && rm -rf /var/lib/apt/lists/*
COPY sandbox/demo/data-needs.json infra/docker/homes /usr/local/lib/metergate/
COPY --from=sandbox-build /src/target/release/custodian /src/target/release/home \
    /src/target/release/sandbox-broker /src/target/release/walk /usr/local/bin/
USER 10001:10001
