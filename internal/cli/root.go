package cli

import (
	"strings"

	"credence/internal/config"

	"github.com/spf13/cobra"
)

const (
	serverGroup   = "server"
	registryGroup = "registry"
)

func newRootCommand(a *app) *cobra.Command {
	root := newGroup("credence", "external authorization for Envoy: knows the clients of your API", `
credence answers Envoy, for each request: allow, with the client's identity in headers, or deny, with a reason. The
clients, access profiles, tokens and keys that it knows are records in Redis, the registry, which these commands work on.

Where the registry is: --redis, or CREDENCE_REDIS_URL, or redis.url in the file that --config or CREDENCE_CONFIG names,
or redis://127.0.0.1:6379/0. Exit status: 0 done, 1 failed, 2 wrong usage, 3 the answer is "no".`, `
# everything on one machine, to try it
credence dev

# a registry, and a client that may use the API
credence init
credence profile create partner --accepts token --scopes "orders:read"
credence client create acme --name "Acme Ltd" --allow 203.0.113.0/24
credence token issue acme --profile partner --expires-in 90d

# or let it sign JWTs itself
credence profile create signer --accepts jwt --scopes "orders:read"
credence key add acme --profile signer --from-file acme.pub.pem

# switch a client off
credence client disable acme --reason "leaked token"`)
	root.SilenceErrors, root.SilenceUsage = true, true
	root.AddGroup(&cobra.Group{ID: serverGroup, Title: "Server:"}, &cobra.Group{ID: registryGroup, Title: "Registry:"})
	flags := root.PersistentFlags()
	flags.SortFlags = false
	flags.StringVar(&a.configPath, "config", "", "configuration `FILE` ("+config.EnvConfig+")")
	flags.StringVar(&a.redisURL, "redis", "", "`URL` of Redis, without a password ("+config.EnvRedisURL+")")
	flags.VarP(&a.output, "output", "o", "table, wide, json, yaml or name")
	flags.BoolVar(&a.noColour, "no-color", false, "no colours (NO_COLOR)")
	completeFlag(root, "output", words(formatNames[:]...))
	versionFlag(a, root)
	root.SetHelpCommand(newHelpCommand())
	root.SetFlagErrorFunc(explainFlag)
	root.SetUsageTemplate(usageTemplate)
	root.SetHelpTemplate(helpTemplate)

	add := func(group string, commands ...*cobra.Command) {
		for _, command := range commands {
			command.GroupID = group
			root.AddCommand(command)
		}
	}
	add(serverGroup, withoutOutput(newServeCommand(a)), withoutOutput(newDevCommand(a)), withoutOutput(newHealthCommand(a)), newConfigCommand(a), newVersionCommand(a), newManCommand(a))
	add(registryGroup, newInitCommand(a), newDoctorCommand(a), newClientCommand(a), newProfileCommand(a), newTokenCommand(a), newKeyCommand(a), newBindingCommand(a), newJWTCommand(a), newChangesCommand(a), newFleetCommand(a), newRedisCommand(a))
	return root
}

// Help begins with examples: who asks for it wants to copy a line.
const (
	helpTemplate = `{{with or .Long .Short}}{{. | trimTrailingWhitespaces}}

{{end}}{{.UsageString}}`

	usageTemplate = `{{if .HasExample}}Examples:
{{.Example}}

{{end}}Usage:{{if not .HasAvailableSubCommands}}
  {{.UseLine}}{{else}}
  {{.CommandPath}} COMMAND [flags]{{range $group := .Groups}}

{{$group.Title}}{{range $.Commands}}{{if and (eq .GroupID $group.ID) .IsAvailableCommand}}
  {{rpad .Name .NamePadding}} {{.Short}}{{end}}{{end}}{{end}}

{{if .Groups}}Other commands:{{else}}Commands:{{end}}{{range .Commands}}{{if and (eq .GroupID "") (or .IsAvailableCommand (eq .Name "help"))}}
  {{rpad .Name .NamePadding}} {{.Short}}{{end}}{{end}}{{end}}{{if .HasAvailableLocalFlags}}

Flags:
{{.LocalFlags.FlagUsagesWrapped 100 | trimTrailingWhitespaces}}{{end}}{{if .HasAvailableInheritedFlags}}

Flags of all commands:
{{.InheritedFlags.FlagUsagesWrapped 100 | trimTrailingWhitespaces}}{{end}}{{if .HasAvailableSubCommands}}

"{{.CommandPath}} COMMAND --help" tells more.{{end}}
`
)

// newLeaf makes a command that does something. Its examples are lines to copy.
func newLeaf(use, short, long, examples string) *cobra.Command {
	return &cobra.Command{
		Use:     use,
		Short:   short,
		Long:    strings.TrimSpace(long),
		Example: indented(examples),

		DisableFlagsInUseLine: !strings.Contains(use, "["),
	}
}

func indented(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	for i, line := range lines {
		if line != "" {
			lines[i] = "  " + line
		}
	}
	return strings.Join(lines, "\n")
}
