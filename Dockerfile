# The whole service of docs/container.md in one image: the program `handrail`, a C library and the certificates of public
# authorities. No shell and no package manager.

FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
# The caches stay with the builder, not in the image.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --release --locked --package handrail-runner --bin handrail \
    && install -D -m 0755 target/release/handrail /out/handrail \
    && install -d -m 0700 /out/data

FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /out/handrail /usr/local/bin/handrail
COPY LICENSE /usr/share/doc/handrail/LICENSE
# A new volume takes over the owner of this folder.
COPY --from=build --chown=65532:65532 /out/data /data
ENV HANDRAIL_DATA=/data
VOLUME /data
# `nonroot` as a number, so that an orchestrator can see that it is not root.
USER 65532:65532
EXPOSE 8787
HEALTHCHECK --interval=30s --timeout=6s --start-period=10s --retries=3 CMD ["/usr/local/bin/handrail", "health"]
ENTRYPOINT ["/usr/local/bin/handrail"]
