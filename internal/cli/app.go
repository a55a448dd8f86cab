package cli

import (
	"context"
	"io"
	"os/user"
	"time"

	"credence/internal/config"
	"credence/internal/credential"
	"credence/internal/redisstore"
	"credence/internal/registrar"
	"credence/internal/registry"

	"github.com/spf13/cobra"
)

// An app is one run of the command.
type app struct {
	stdin   io.Reader
	stdout  io.Writer // data
	stderr  io.Writer // all else
	env     func(string) string
	now     func() time.Time
	colours bool // may standard output be coloured?
	canAsk  bool // is there somebody who can answer?
	settings

	redisAt  string // where the registry was looked for, to be told in errors
	prefix   string // of its keys
	replicas int    // that must acknowledge what is waited for
}

// settings are the flags that every command has.
type settings struct {
	configPath string
	redisURL   string
	by         string
	output     format
	noColour   bool
	verbose    bool
}

// waitForRedis is how long a command waits for all its answers. A list has as
// long for each page.
const waitForRedis = redisstore.CommandTimeout

// envBy says who works on the registry, where no flag does.
const envBy = "CREDENCE_BY"

// author tells who works on the registry: CREDENCE_BY, or the user of the
// operating system.
func author(env func(string) string) string {
	if by := env(envBy); by != "" {
		return by
	}
	if current, err := user.Current(); err == nil {
		return current.Username
	}
	return env("USER")
}

// configuration reads the file and puts environment and flags over it.
func (a *app) configuration() (config.Config, error) {
	path := a.configPath
	if path == "" {
		path = a.env(config.EnvConfig)
	}
	return a.configurationAt(path)
}

func (a *app) configurationAt(path string) (config.Config, error) {
	c, err := config.Load(path)
	if err != nil {
		return config.Config{}, err
	}
	if err := c.Override(a.env, a.redisURL); err != nil {
		if a.redisURL != "" {
			return config.Config{}, misused("%s", plain(err))
		}
		return config.Config{}, err
	}
	return c, nil
}

// open makes the store that a configuration names, for commands: each call has
// redisstore.CommandTimeout.
func (a *app) open(c config.Config) (*redisstore.Store, error) {
	a.redisAt, a.prefix, a.replicas = address(c.Redis.URL), c.Redis.Prefix, c.Redis.Replicas
	options := storeOptions(c.Redis)
	options.Clock, options.Replicas = a.now, c.Redis.Replicas
	return redisstore.Open(options)
}

// storeOptions gives where the registry is, as redisstore takes it.
func storeOptions(r config.Redis) redisstore.Options {
	options := redisstore.Options{
		URL:      credential.NewSecret(r.URL),
		Username: r.Username,
		TLS:      redisstore.TLSFiles{CA: r.TLS.CAFile, Cert: r.TLS.CertFile, Key: r.TLS.KeyFile},
		Prefix:   r.Prefix,
	}
	switch {
	case !r.Password.Empty():
		options.Password = func() (credential.Secret, error) { return r.Password, nil }
	case r.PasswordFile != "":
		options.Password = func() (credential.Secret, error) { return readPassword(r.PasswordFile) }
	}
	return options
}

// A job is what a command does with a registrar.
type job func(ctx context.Context, r *registrar.Registrar) error

// ask does a job that is over soon: what Redis does not answer in time fails.
func (a *app) ask(cmd *cobra.Command, do job) error {
	ctx, cancel := context.WithTimeout(cmd.Context(), waitForRedis)
	defer cancel()
	return a.work(ctx, asWritten, do)
}

// change is ask for a job that writes, unless it is to be tried only. What it
// has changed is then proven, if that is wanted.
func (a *app) change(cmd *cobra.Command, m *mutation, do job) error {
	over := asWritten
	if m.dryRun {
		over = registrar.DryRun
	}
	return blame(cmd, a.workWith(cmd.Context(), over, func(ctx context.Context, r *registrar.Registrar, store *redisstore.Store) error {
		inTime, cancel := context.WithTimeout(ctx, waitForRedis)
		defer cancel()
		if err := do(inTime, r); err != nil {
			return err
		}
		return a.prove(ctx, m, store)
	}))
}

// browse does a job that may go through many pages.
func (a *app) browse(cmd *cobra.Command, do job) error {
	return a.work(cmd.Context(), asWritten, do)
}

func asWritten(store registry.Store) registry.Store { return store }

func (a *app) work(ctx context.Context, over func(registry.Store) registry.Store, do job) error {
	return a.workWith(ctx, over, func(ctx context.Context, r *registrar.Registrar, _ *redisstore.Store) error { return do(ctx, r) })
}

// workWith is work for a job that needs more of the store than a registrar.
func (a *app) workWith(
	ctx context.Context, over func(registry.Store) registry.Store, do func(context.Context, *registrar.Registrar, *redisstore.Store) error,
) error {
	c, err := a.configuration()
	if err != nil {
		return err
	}
	peppers, err := loadPeppers(c.Credentials.PepperFiles)
	if err != nil {
		return err
	}
	store, err := a.open(c)
	if err != nil {
		return err
	}
	defer func() { _ = store.Close() }() // everything is answered, or has failed already
	r := a.registrar(over(store), c, peppers)
	return a.suggestNames(ctx, r, do(ctx, r, store))
}

func (a *app) registrar(store registry.Store, c config.Config, peppers credential.Peppers) *registrar.Registrar {
	return registrar.New(store, registrar.Options{
		Peppers:    peppers,
		Digests:    c.Credentials.Digests,
		RegistryID: c.Redis.RegistryID,
		Now:        a.now,
	})
}
