package cli

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"

	"credence/internal/config"
	"credence/internal/credential"
	"credence/internal/telemetry"

	"github.com/spf13/cobra"
)

func newConfigCommand(a *app) *cobra.Command {
	group := newGroup("config", "the configuration file", "", `
credence config check --config credence.yaml`)
	group.AddCommand(newConfigCheckCommand(a))
	return group
}

func newConfigCheckCommand(a *app) *cobra.Command {
	cmd := newLeaf("check [FILE]", "tell all that is wrong with a configuration, and start nothing", `
Reads the configuration as every command does: FILE, or --config, or CREDENCE_CONFIG, and over it the environment. All that
is wrong is told at once, each with file, line and key. The files that it names must be there and readable; what is in
them is not shown. Nothing is asked of Redis.`, `
credence config check
credence config check credence.yaml`)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		path := cmp.Or(a.configPath, a.env(config.EnvConfig))
		switch len(args) {
		case 0:
		case 1:
			path = args[0]
		default:
			return misused("%s: one file at a time, not also %q", pathOf(cmd), args[1])
		}
		c, err := a.configurationAt(path)
		if err != nil {
			return err
		}
		if err := a.checkFiles(c); err != nil {
			return err
		}
		fmt.Fprintf(a.stdout, "%s: ok\n", cmp.Or(path, "defaults and environment"))
		return nil
	}
	return cmd
}

// checkFiles reads all files that a configuration names, and tells of each
// that cannot be used.
func (a *app) checkFiles(c config.Config) error {
	bad := 0
	complain := func(err error) {
		if err != nil {
			bad++
			a.say("%s", plain(err))
		}
	}
	for _, kind := range slices.Sorted(maps.Keys(c.Credentials.PepperFiles)) {
		_, err := loadPeppers(map[credential.DigestKind]string{kind: c.Credentials.PepperFiles[kind]})
		complain(err)
	}
	if c.Redis.PasswordFile != "" {
		_, err := readPassword(c.Redis.PasswordFile)
		complain(err)
	}
	_, err := mutualTLS(c.Listen.TLS, telemetry.NewLogger(a.stderr, slog.LevelWarn, c.Log.Format), telemetry.NewMetrics(version()))
	complain(err)
	store, err := a.open(c) // connects to nothing; reads the files of redis.tls
	complain(err)
	if err == nil {
		complain(store.Close())
	}
	a.warnOfOpenFiles(c)
	if bad > 0 {
		return errors.New("the configuration cannot be used: see above")
	}
	return nil
}

// warnOfOpenFiles tells of files with secrets that every user can read.
func (a *app) warnOfOpenFiles(c config.Config) {
	for _, open := range openFiles(c) {
		a.say("warning: %s: every user can read %s: chmod o-r %s", open.key, open.path, shellWord(open.path))
	}
}
