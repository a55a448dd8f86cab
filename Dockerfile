# credence in a container: one static binary, the authorities that issuers' certificates are verified with, and nothing
# else: no shell, no package manager, no root.
#
#   docker build -t credence:local .
#   docker run --rm credence:local version
#
# The images are pinned by tag; docker-compose.yaml says how to pin them by digest.

# The same flags as `make build` and `make release`, so that the bytes are the same for the same commit and the same Go. The
# repository itself comes along: the program is stamped with the commit and the tag that git tells. It compiles on the
# machine's own platform for whichever one is asked for, without emulation.
FROM --platform=$BUILDPLATFORM golang:1.26.8-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG TARGETOS TARGETARCH
RUN CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH go build -trimpath -o /out/credence ./cmd/credence

# For the scripts of docker-compose.yaml, which need a shell and curl. It serves nothing.
FROM curlimages/curl:8.16.0 AS trial
COPY --from=build /out/credence /usr/local/bin/credence
USER 65532:65532

# The last stage is what `docker build` makes.
FROM gcr.io/distroless/static-debian12:nonroot AS credence
LABEL org.opencontainers.image.title="credence" \
      org.opencontainers.image.description="External authorization server for Envoy" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /src/LICENSE /LICENSE
COPY --from=build /out/credence /credence
# By number: Kubernetes' runAsNonRoot cannot judge a name.
USER 65532:65532
# Checks, where listen.grpc is TCP; and /livez, /readyz, /metrics, where listen.ops is off loopback.
EXPOSE 9001 9002
# It asks where listen.grpc says. Kubernetes does not read this: there it is a probe.
HEALTHCHECK --interval=5s --timeout=2s --start-period=30s CMD ["/credence", "health"]
ENTRYPOINT ["/credence"]
CMD ["serve"]
