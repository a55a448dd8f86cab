package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"credence/internal/credential"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

func newJWTCommand(a *app) *cobra.Command {
	group := newGroup("jwt", "JWTs: sign one to try, look into one, revoke one", `
A JWT is signed by a client with its own key (credence key add), or made by an issuer that is trusted by configuration
(jwt.issuers, credence binding add). It is as secret as a token for as long as it lives: these commands read it from a file or
from standard input, never from an argument.`, `
credence jwt sign --client acme --from-file acme.pem --audience https://api.example.com > acme.jwt
credence jwt inspect acme.jwt
credence jwt revoke --from-file acme.jwt --reason "was logged"`)
	group.AddCommand(newJWTSignCommand(a), newJWTInspectCommand(a), newJWTRevokeCommand(a))
	return group
}

// errNoJWT says that nothing was given that a JWT could be in.
var errNoJWT = errors.New("there is no JWT in it")

// readJWT reads a JWT from a file, from a prompt, or from standard input.
func (a *app) readJWT(cmd *cobra.Command, file string) (credential.Secret, error) {
	var text []byte
	var err error
	stdin, isFile := a.stdin.(*os.File)
	switch {
	case file != "" && file != "-":
		text, err = readSome(file)
	case file == "" && a.canAsk && isFile:
		fmt.Fprint(a.stderr, "JWT (not shown): ")
		text, err = term.ReadPassword(int(stdin.Fd()))
		fmt.Fprintln(a.stderr)
	default:
		file = "-"
		text, err = io.ReadAll(io.LimitReader(a.stdin, mostRead))
	}
	if err != nil {
		return credential.Secret{}, err
	}
	found := jwtIn(string(text))
	if found == "" {
		return credential.Secret{}, misused("%s: %s: %v", pathOf(cmd), inputName(file), errNoJWT)
	}
	return credential.NewSecret(found), nil
}

// jwtIn finds a JWT in a text: the word that looks like one, as behind
// "Authorization: Bearer", or else all of it. What is part of the word is left
// there: it may be what is wrong with it.
func jwtIn(text string) string {
	words := strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(" \t\r\n\"'`", r) })
	for _, word := range words {
		if strings.Count(word, ".") == 2 && hasJWT(word) {
			return word
		}
	}
	return strings.TrimSpace(text)
}
