# One image, all programs: aggregator, loadgen, verify, and onceproof, which holds them.
# `cargo xtask dist` makes a smaller image, of one static program: deploy/static/Dockerfile.
FROM rust:1-bookworm AS build
WORKDIR /src
COPY . .
RUN cargo build --release --locked --bin aggregator --bin loadgen --bin verify --bin onceproof

FROM debian:bookworm-slim
COPY --from=build /src/target/release/aggregator /src/target/release/loadgen /src/target/release/verify \
    /src/target/release/onceproof /usr/local/bin/
# Those to trust where a target speaks TLS.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
# A volume mounted on results for the first time takes over its owner.
RUN mkdir -p /onceproof/results && chown -R 10001:10001 /onceproof
WORKDIR /onceproof
USER 10001:10001
CMD ["aggregator"]
