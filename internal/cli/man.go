package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// newManCommand makes the command that packagers call; people call man.
func newManCommand(a *app) *cobra.Command {
	cmd := newLeaf("man DIR", "write a man page of every command into a folder", "", `
credence man /usr/local/share/man/man1`)
	cmd.Hidden = true
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) != 1 {
			return misused("%s: into which folder? credence man DIR", pathOf(cmd))
		}
		for _, page := range manPages(cmd.Root()) {
			if err := os.WriteFile(filepath.Join(args[0], page.name+".1"), []byte(page.text), 0o644); err != nil { // #nosec G306 -- for everybody to read
				return err
			}
			fmt.Fprintln(a.stdout, page.name+".1")
		}
		return nil
	}
	return cmd
}

// A manPage is one command's, in the macros of man(7).
type manPage struct{ name, text string }

// manPages gives the page of a command and of all that are shown under it.
func manPages(cmd *cobra.Command) []manPage {
	pages := []manPage{{manName(cmd), manText(cmd)}}
	for _, child := range shownUnder(cmd) {
		pages = append(pages, manPages(child)...)
	}
	return pages
}

func manName(cmd *cobra.Command) string { return strings.ReplaceAll(cmd.CommandPath(), " ", "-") }

func shownUnder(cmd *cobra.Command) []*cobra.Command {
	return slices.DeleteFunc(slices.Clone(cmd.Commands()), func(child *cobra.Command) bool { return !child.IsAvailableCommand() })
}

func manText(cmd *cobra.Command) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	section := func(title string) { line(".SH %s", title) }

	name := manName(cmd)
	line(`.TH "%s" "1" "" "credence %s" "credence"`, roff(strings.ToUpper(name)), roff(version()))
	section("NAME")
	line(`%s \- %s`, roff(name), roff(cmd.Short))
	section("SYNOPSIS")
	usage := cmd.UseLine()
	if cmd.HasAvailableSubCommands() {
		usage = cmd.CommandPath() + " COMMAND [flags]"
	}
	line(".B %s", roff(usage))
	if cmd.Example != "" {
		section("EXAMPLES")
		line(".nf\n%s\n.fi", roff(cmd.Example))
	}
	if cmd.Long != "" {
		section("DESCRIPTION")
		line("%s", strings.ReplaceAll(roff(cmd.Long), "\n\n", "\n.PP\n"))
	}
	if children := shownUnder(cmd); len(children) > 0 {
		section("COMMANDS")
		for _, child := range children {
			line(".TP\n.B %s\n%s", roff(child.Name()), roff(child.Short))
		}
	}
	manFlags(line, section, "OPTIONS", cmd.NonInheritedFlags())
	manFlags(line, section, "OPTIONS OF ALL COMMANDS", cmd.InheritedFlags())
	section("SEE ALSO")
	line("%s", strings.Join(manRelatives(cmd), ",\n"))
	return b.String()
}

// manRelatives gives the pages of the commands above and under one.
func manRelatives(cmd *cobra.Command) []string {
	relatives := shownUnder(cmd)
	if cmd.HasParent() {
		relatives = append([]*cobra.Command{cmd.Parent()}, relatives...)
	}
	names := make([]string, len(relatives))
	for i, relative := range relatives {
		names[i] = `\fB` + roff(manName(relative)) + `\fR(1)`
	}
	return names
}

func manFlags(line func(string, ...any), section func(string), title string, flags *pflag.FlagSet) {
	begun := false
	flags.VisitAll(func(flag *pflag.Flag) {
		if flag.Hidden || flag.Name == "help" {
			return
		}
		if !begun {
			section(title)
			begun = true
		}
		value, usage := pflag.UnquoteUsage(flag)
		name := "--" + flag.Name
		if flag.Shorthand != "" {
			name = "-" + flag.Shorthand + ", " + name
		}
		line(".TP\n.B %s\n%s", roff(strings.TrimSpace(name+" "+value)), roff(usage))
	})
}

// roffNames are the characters that mean something to roff, as it takes them
// to mean themselves.
var roffNames = map[rune]string{'\\': `\e`, '-': `\-`, '`': `\(ga`, '\'': `\(aq`, '^': `\(ha`, '~': `\(ti`}

// roff writes a text so that roff shows it as it is.
func roff(text string) string {
	var b strings.Builder
	begins := true // a line
	for _, r := range text {
		name, special := roffNames[r]
		switch {
		case special:
			b.WriteString(name)
		case r == '.' && begins:
			b.WriteString(`\&.`)
		case r > unicode.MaxASCII:
			fmt.Fprintf(&b, `\[u%04X]`, r)
		default:
			b.WriteRune(r)
		}
		begins = r == '\n'
	}
	return b.String()
}
