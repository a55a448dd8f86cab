package cli

import (
	"regexp"
	"strings"

	"credence/internal/credential"
	"credence/internal/registry"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// pathOf names a command in an error, which begins with credence anyway.
func pathOf(cmd *cobra.Command) string {
	return strings.TrimPrefix(cmd.CommandPath(), cmd.Root().Name()+" ")
}

// one takes the only argument of a command, without the kind before a slash:
// client/acme is how commands call a client.
func one(cmd *cobra.Command, args []string, kind, example string) (string, error) {
	switch len(args) {
	case 0:
		return "", misused("%s: which %s? %s", pathOf(cmd), kind, commandLine(cmd, []string{example}))
	case 1:
		return trimKind(args[0], kind), nil
	}
	if wait := cmd.Flags().Lookup("wait"); wait != nil && wait.Changed {
		if _, err := parseWait(args[len(args)-1]); err == nil {
			return "", misused("%s: how long to wait stands behind an equals sign: --wait=%s", pathOf(cmd), args[len(args)-1])
		}
	}
	return "", misused("%s: one %s at a time, not also %q", pathOf(cmd), kind, args[1])
}

func trimKind(name, kind string) string { return strings.TrimPrefix(name, kind+"/") }

func none(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return misused("%s: takes no argument, not %q", pathOf(cmd), args[0])
	}
	return nil
}

func clientArg(cmd *cobra.Command, args []string) (registry.ClientID, error) {
	return idArg[registry.ClientID](cmd, args, "client", "acme")
}

func profileArg(cmd *cobra.Command, args []string) (registry.ProfileID, error) {
	return idArg[registry.ProfileID](cmd, args, "profile", "partner")
}

func idArg[T ~string](cmd *cobra.Command, args []string, kind, example string) (T, error) {
	text, err := one(cmd, args, kind, example)
	if err != nil {
		return "", err
	}
	return idOf[T](cmd, text)
}

// idOf reads an id, and offers one that is near to what cannot be one.
func idOf[T ~string](cmd *cobra.Command, text string) (T, error) {
	id, err := registry.ParseID[T](text)
	if err == nil {
		return id, nil
	}
	near, nearErr := registry.ParseID[T](strings.ReplaceAll(strings.ToLower(text), " ", "-"))
	if nearErr == nil {
		return "", misused("%s: %v; did you mean %s?", pathOf(cmd), err, near)
	}
	return "", misused("%s: %v", pathOf(cmd), err)
}

func tokenArg(cmd *cobra.Command, args []string) (credential.TokenID, error) {
	text, err := one(cmd, args, "token", "ID")
	if err != nil {
		return "", err
	}
	id, err := credential.ParseTokenID(text)
	if err != nil {
		return "", misused("%s: %q is no id of a token: %v; credence token list gives them", pathOf(cmd), text, err)
	}
	return id, nil
}

// missing says that a flag is missing, with the whole command to copy.
func missing(cmd *cobra.Command, args []string, flag, value string) error {
	return misused("%s: --%s is missing: %s", pathOf(cmd), flag, commandLine(cmd, args, "--"+flag, value))
}

// commandLine gives a command with its arguments and the flags of its own that
// were given, and more words behind them, as a shell takes it.
func commandLine(cmd *cobra.Command, args []string, more ...string) string {
	words := strings.Fields(cmd.CommandPath())
	words = append(words, args...)
	cmd.LocalNonPersistentFlags().VisitAll(func(f *pflag.Flag) {
		switch {
		case !f.Changed:
		case f.Value.Type() == "bool":
			words = append(words, "--"+f.Name)
		case f.Value.Type() == claimType:
			for _, text := range f.Value.(*claimFlag).texts {
				words = append(words, "--"+f.Name, text)
			}
		case f.NoOptDefVal != "":
			words = append(words, "--"+f.Name+"="+f.Value.String())
		default:
			words = append(words, "--"+f.Name, f.Value.String())
		}
	})
	words = append(words, more...)
	for i, word := range words {
		words[i] = shellWord(word)
	}
	return strings.Join(words, " ")
}

var plainWord = regexp.MustCompile(`^[A-Za-z0-9_./:=@%+,-]+$`)

// shellWord quotes a word for a POSIX shell.
func shellWord(word string) string {
	if plainWord.MatchString(word) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
