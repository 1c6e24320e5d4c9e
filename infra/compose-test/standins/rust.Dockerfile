ARG BASE
FROM ${BASE}/toolchain AS toolchain
FROM ${BASE}/debian
RUN apt-get update && apt-get install -y --no-install-recommends gcc libc6-dev && rm -rf /var/lib/apt/lists/*
COPY --from=toolchain /bin /usr/local/bin
COPY --from=toolchain /lib /usr/local/lib
