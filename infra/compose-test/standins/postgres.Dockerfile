# Debian's Postgres behind as much of the official image's interface as docker-compose.yml uses: POSTGRES_DB,
# POSTGRES_USER, POSTGRES_PASSWORD_FILE, POSTGRES_INITDB_ARGS, PGDATA, and `postgres -c …` as the command.
ARG BASE
FROM ${BASE}/debian
RUN apt-get update && apt-get install -y --no-install-recommends postgresql util-linux && rm -rf /var/lib/apt/lists/* \
    && usermod -u 999 postgres && groupmod -g 999 postgres && install -d -o 999 -g 999 /var/run/postgresql /var/lib/postgresql/data
ENV PATH=/usr/lib/postgresql/15/bin:$PATH PGDATA=/var/lib/postgresql/data
COPY postgres-entrypoint /usr/local/bin/docker-entrypoint.sh
ENTRYPOINT ["docker-entrypoint.sh"]
STOPSIGNAL SIGINT
