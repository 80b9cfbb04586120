# One image, all programs: aggregator, loadgen, verify, and onceproof, which holds them.
# `docker build --target static` makes an image of one file and nothing else.
FROM rust:1-bookworm AS build
WORKDIR /src
COPY . .
RUN cargo build --release --locked --bin aggregator --bin loadgen --bin verify --bin onceproof

FROM rust:1-bookworm AS static-build
RUN apt-get update && apt-get install -y --no-install-recommends musl-tools
WORKDIR /src
COPY . .
RUN rustup target add x86_64-unknown-linux-musl && \
    cargo build --profile dist --locked --bin onceproof --target x86_64-unknown-linux-musl
WORKDIR /root-folder/bin
RUN cp /src/target/x86_64-unknown-linux-musl/dist/onceproof . && \
    for link in loadgen verify aggregator; do ln -s onceproof $link; done
WORKDIR /root-folder
RUN mkdir -p onceproof/results etc/ssl/certs && mkdir -m 1777 tmp && \
    cp /etc/ssl/certs/ca-certificates.crt etc/ssl/certs/ && chown -R 10001:10001 onceproof

FROM scratch AS static
COPY --from=static-build /root-folder /
ENV PATH=/bin
WORKDIR /onceproof
USER 10001:10001
CMD ["aggregator"]

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
