// Command credence is an external authorization server for Envoy, and the
// commands that work on its registry.
package main

import (
	"os"

	"credence/internal/cli"
)

func main() { os.Exit(cli.Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr, os.Getenv)) }
