# Debian's nginx behind as much of the official image's interface as docker-compose.yml uses: templates rendered into
# NGINX_ENVSUBST_OUTPUT_DIR before the command is run.
ARG BASE
FROM ${BASE}/debian
RUN apt-get update && apt-get install -y --no-install-recommends nginx-light gettext-base curl && rm -rf /var/lib/apt/lists/* \
    && groupadd -g 101 nginx && useradd -u 101 -g 101 nginx
COPY nginx-entrypoint /docker-entrypoint.sh
ENTRYPOINT ["/docker-entrypoint.sh"]
STOPSIGNAL SIGQUIT
