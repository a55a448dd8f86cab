package cli

import (
	"cmp"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

func newVersionCommand(a *app) *cobra.Command {
	cmd := newLeaf("version", "say which credence this is", "", `
credence version
credence version -o json | jq -r .version`)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := none(cmd, args); err != nil {
			return err
		}
		a.showVersion()
		return nil
	}
	return cmd
}

// versionFlag lets credence --version do what credence version does.
func versionFlag(a *app, root *cobra.Command) {
	var wanted bool
	root.Flags().BoolVar(&wanted, "version", false, "say which credence this is")
	group := root.RunE
	root.RunE = func(cmd *cobra.Command, args []string) error {
		if !wanted || len(args) > 0 {
			return group(cmd, args)
		}
		a.showVersion()
		return nil
	}
}

func (a *app) showVersion() {
	d := document{"version/" + version(), []field{
		{"version", version()}, {"revision", revision()}, {"go", runtime.Version()}, {"platform", runtime.GOOS + "/" + runtime.GOARCH},
	}}
	if a.output.isTable() {
		fmt.Fprintf(a.stdout, "credence %s (revision %s, %s, %s)\n", d.fields[0].text, d.fields[1].text, d.fields[2].text, d.fields[3].text)
		return
	}
	writeDocument(a.stdout, a.output, d)
}

// version gives the version that the program was built as; (devel) where it
// was built from a working copy.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "(devel)"
	}
	return cmp.Or(info.Main.Version, "(devel)")
}

// revision gives the commit that the program was built from, as far as known.
func revision() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	settings := make(map[string]string, len(info.Settings))
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	text := settings["vcs.revision"]
	if text == "" {
		return "unknown"
	}
	if settings["vcs.modified"] == "true" {
		text += "+changes"
	}
	return text
}
