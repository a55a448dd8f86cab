package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"credence/internal/credential"
	"credence/internal/registrar"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

func newTokenIdentifyCommand(a *app) *cobra.Command {
	cmd := newLeaf("identify [-] [flags]", "say whose a token is, without showing it", `
Says whose a token is that somebody found. The token is read from standard input, from a file, or from a prompt without
echo, never from an argument. What stands around a token of credence does not matter. --offline only looks at its form:
prefix, length and checksum. Status 3: it is no token, or not one of this registry.`, `
credence token identify < found.txt
credence token identify --from-file found.txt -o json
credence token identify --offline`)
	var file string
	var offline bool
	cmd.Flags().StringVar(&file, "from-file", "", "`FILE` that the token is in")
	cmd.Flags().BoolVar(&offline, "offline", false, "ask no registry")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) > 1 || len(args) == 1 && (args[0] != "-" || file != "") {
			return misused("%s: takes the token from standard input or --from-file FILE", pathOf(cmd))
		}
		token, err := a.readToken(cmd, file)
		if err != nil {
			return err
		}
		id, whole := credential.IdentifyToken(token)
		switch {
		case !whole && strings.HasPrefix(token.Expose(), "crd_"):
			return &answerNo{"it begins as a token of credence, but is none: cut short or mistyped"}
		case offline && !whole:
			return &answerNo{"it is no token of credence"}
		case offline:
			fmt.Fprintf(a.stdout, "token/%s\n", id)
			return nil
		}
		return a.ask(cmd, func(ctx context.Context, r *registrar.Registrar) error {
			item, err := r.IdentifyToken(ctx, token)
			switch {
			case errors.Is(err, registrar.ErrNotFound) && whole:
				return &answerNo{fmt.Sprintf("token/%s has the form of a token of credence, and is not registered here", id)}
			case errors.Is(err, registrar.ErrNotFound):
				return &answerNo{"it is not registered here"}
			}
			return a.show(item, err)
		})
	}
	return cmd
}

// mostRead is how much of a file or standard input is looked at for a token.
const mostRead = 1 << 20

// readToken reads a token from a file, a prompt or standard input.
func (a *app) readToken(cmd *cobra.Command, file string) (credential.Secret, error) {
	var text []byte
	var err error
	stdin, isFile := a.stdin.(*os.File)
	switch {
	case file != "":
		text, err = readSome(file)
	case a.canAsk && isFile:
		fmt.Fprint(a.stderr, "token (not shown): ")
		text, err = term.ReadPassword(int(stdin.Fd()))
		fmt.Fprintln(a.stderr)
	default:
		text, err = io.ReadAll(io.LimitReader(a.stdin, mostRead))
	}
	if err != nil {
		return credential.Secret{}, err
	}
	return tokenIn(cmd, string(text))
}

func readSome(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }() // only read
	return io.ReadAll(io.LimitReader(file, mostRead))
}

// tokenIn finds the token in a text: a whole one of credence anywhere in it,
// or else the text itself.
func tokenIn(cmd *cobra.Command, text string) (credential.Secret, error) {
	for _, found := range tokenText.FindAllString(text, -1) {
		if token := credential.NewSecret(found); isWhole(token) {
			return token, nil
		}
	}
	text = strings.TrimSpace(text)
	if text == "" {
		return credential.Secret{}, misused("%s: there is no token on standard input: credence token identify < FILE", pathOf(cmd))
	}
	return credential.NewSecret(text), nil
}

func isWhole(token credential.Secret) bool {
	_, whole := credential.IdentifyToken(token)
	return whole
}
