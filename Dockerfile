# Entrepot in a container. docs/containers.md says how to build and run it; scripts/dockerfile.ts carries these steps
# out one by one where there is no container engine.
#
#   build   installs everything, compiles, and throws away what only the compiling needed
#   (last)  Node, the compiled broker and its few dependencies; no compiler, no sources, no root

FROM node:24.21.0-bookworm-slim AS build
WORKDIR /build
# First what changes seldom, so that a change of the source does not install everything again.
COPY package.json package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json ./
COPY scripts/clean.mjs scripts/clean.mjs
COPY src src
COPY protocols protocols
COPY console console
RUN npm run build && npm prune --omit=dev --no-audit --no-fund

FROM node:24.21.0-bookworm-slim
WORKDIR /app
COPY LICENSE README.md CHANGELOG.md package.json ./
COPY --from=build /build/node_modules node_modules
COPY --from=build /build/dist dist
# Whoever is 1000 owns the data and nothing else; a number, because an orchestrator can tell that it is not root.
RUN install -d -o 1000 -g 1000 -m 0750 /data
ENV NODE_ENV=production \
    ENTREPOT_DATA=/data \
    ENTREPOT_LISTEN="amqp://*:5672 mqtt://*:1883 stomp://*:61613 ws://*:15674 ws://*:15675 http://*:15672"
USER 1000:1000
VOLUME ["/data"]
EXPOSE 5672 1883 61613 15674 15675 15672
# SIGTERM: listeners close, clients are told, the log is flushed; well within the ten seconds that engines wait.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 CMD ["node", "/app/dist/src/main.js", "health"]
# Without a shell between, so that the broker is process 1 and hears the signal.
ENTRYPOINT ["node", "/app/dist/src/main.js"]
CMD ["start"]
