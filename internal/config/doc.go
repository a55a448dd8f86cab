// Package config reads credence.yaml, the one file that a server and its
// commands are told by.
//
// Every key has a default that suits one machine, so an empty file is a good
// one. What is wrong is told all at once, each problem with file, line and the
// dotted key: a key that is not known, one that stands there twice, a value of
// the wrong type or out of its range, and values that do not fit together.
// Reading is strict because a mistyped key that is ignored can open a door.
//
// The schema is one table of rows (schema.go): a key, where it is kept, how its
// value is read and written, and what it is for. From it come the reading, the
// messages, Config.YAML and docs/configuration.md. The environment and --redis
// come last, by Config.Override. Files that the configuration names are not
// read here.
package config
