# Both programs in one image: docker build -t leasehold:0.1.0 .
# The project's own machines cannot build images, so nobody there has run this file.
FROM rust:1.95-bookworm AS build
WORKDIR /source
COPY . .
RUN cargo build --locked --release -p leasehold-quota-controller -p leasehold-scheduler-plugin

FROM debian:bookworm-slim
COPY --from=build /source/target/release/quota-controller /source/target/release/scheduler-plugin /usr/local/bin/
USER 65532:65532
