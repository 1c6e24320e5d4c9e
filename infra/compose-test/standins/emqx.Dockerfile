# The sandbox broker where EMQX would be: reads the same files below /run/metergate and answers `emqx ctl status`.
ARG SANDBOX
FROM ${SANDBOX}
USER 0:0
RUN install -d /opt/emqx/bin /opt/emqx/etc && install -d -o 1000 -g 1000 /opt/emqx/data && touch /opt/emqx/etc/emqx.conf
COPY emqx /opt/emqx/bin/emqx
COPY emqx-entrypoint /usr/bin/docker-entrypoint.sh
USER 1000:1000
ENTRYPOINT ["/usr/bin/docker-entrypoint.sh"]
