// Package test holds docker-compose.yaml and the Dockerfile to the rules of those who read them, by their own parsers:
// compose-go has the compose specification's JSON schema in it and is what `docker compose` loads a file with; BuildKit's
// is what `docker build` reads a Dockerfile with. It is a module of its own, so that credence does not depend on either.
//
// No container is started here. That the same programs work together with the same files is shown by TestCompose in
// internal/e2e.
package test
