package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"credence/internal/credential"
	"credence/internal/jwt"
	"credence/internal/registrar"
	"credence/internal/registry"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// keyFlags say which key is registered, and for what.
type keyFlags struct {
	profile    string
	file       string
	kid        registry.KeyID
	algorithm  jwt.Algorithm
	expiresIn  time.Duration
	expiresAt  time.Time
	requireCnf bool
}

func (k *keyFlags) register(flags *pflag.FlagSet) {
	flags.StringVar(&k.profile, "profile", "", "access `PROFILE` that the key is for")
	flags.StringVar(&k.file, "from-file", "", "`FILE` with the public key: a JWK, a JWKS, or PEM; - is standard input")
	flags.Var(parse("KID", &k.kid, registry.ParseKeyID), "kid", "what JWTs call the key; else the JWK's own kid, or its thumbprint (RFC 7638)")
	flags.Var(algorithmFlag(&k.algorithm), "alg", "the algorithm that it is for, where an RSA key does not say: RS256")
	flags.Var(durationFlag(&k.expiresIn), "expires-in", "life of the key from now on: 365d")
	flags.Var(timeFlag(&k.expiresAt), "expires-at", "end of the key's life: 2026-12-31T00:00:00Z")
	flags.BoolVar(&k.requireCnf, "require-cnf", false, "refuse JWTs that are not bound to the client certificate of the connection (cnf)")
}

func algorithmFlag(into *jwt.Algorithm) *parsed {
	return parse("ALG", into, func(text string) (jwt.Algorithm, error) {
		algorithm, err := jwt.ParseAlgorithm(text)
		if err != nil {
			return algorithm, fmt.Errorf("%q: want one of %s", text, jwt.AnyAlgorithm)
		}
		return algorithm, nil
	})
}

// algorithmWords completes --alg.
func algorithmWords() completion {
	var names []string
	for _, algorithm := range jwt.AnyAlgorithm.List() {
		names = append(names, algorithm.String())
	}
	return words(names...)
}

func newKeyAddCommand(a *app) *cobra.Command {
	cmd := newLeaf("add CLIENT [flags]", "register a client's public key", `
Registers a client's public key for an access profile: JWTs that are signed with its private half are the client's from then
on. The file holds a JWK, a PEM public key or a certificate, or a JWKS, whose keys are added one by one. A private key is
refused: it belongs to the client alone. Of several keys, -o json and -o yaml are a list.

JWTs name the key by kid: --kid, or else the kid that the JWK has, or else the thumbprint of RFC 7638. Keys are RSA of 2048 to
4096 bits, P-256, P-384, P-521 or Ed25519, and each is for one algorithm.`, `
credence key add acme --profile signer --from-file acme.pub.pem
credence key add acme --profile signer --from-file acme.jwk.json --kid 2026-01 --expires-in 365d
openssl pkey -in acme.pem -pubout | credence key add acme --profile signer --from-file - --alg RS256`)
	var fields keyFlags
	fields.register(cmd.Flags())
	m := newMutation(a, cmd)
	cmd.ValidArgsFunction = first(clientNames(a))
	completeFlag(cmd, "profile", profileNames(a))
	completeFlag(cmd, "alg", algorithmWords())
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 2 && fields.file == "" {
			return missing(cmd, args[:1], "from-file", args[1])
		}
		client, err := clientArg(cmd, args)
		if err != nil {
			return err
		}
		switch {
		case fields.file == "":
			return missing(cmd, args, "from-file", "FILE")
		case fields.profile == "":
			return a.missingProfile(cmd, args, credential.JWT)
		}
		draft := registry.Key{Client: client, RequireCnf: fields.requireCnf}
		if draft.Profile, err = idOf[registry.ProfileID](cmd, trimKind(fields.profile, "profile")); err != nil {
			return err
		}
		if draft.Expires, err = endOf(cmd, a.now(), time.Time{}, fields.expiresIn, fields.expiresAt); err != nil {
			return err
		}
		drafts, err := a.draftKeys(cmd, args, draft, &fields)
		if err != nil {
			return err
		}
		return a.change(cmd, m, func(ctx context.Context, r *registrar.Registrar) error {
			add := a.addKeys
			if len(drafts) == 1 {
				add = a.addKey
			}
			if err := add(ctx, r, m, drafts); err != nil {
				return err
			}
			a.doubtAudiences()
			return nil
		})
	}
	return cmd
}

// readFile reads a file, or standard input for -.
func (a *app) readFile(path string) ([]byte, error) {
	if path == "-" {
		return io.ReadAll(io.LimitReader(a.stdin, mostRead))
	}
	return readSome(path)
}

// inputName gives how a file that was read is called in errors.
func inputName(path string) string {
	if path == "-" {
		return "standard input"
	}
	return path
}

// draftKeys reads the keys of the file as records to be.
func (a *app) draftKeys(cmd *cobra.Command, args []string, draft registry.Key, given *keyFlags) ([]registry.Key, error) {
	text, err := a.readFile(given.file)
	if err != nil {
		return nil, err
	}
	text = bytes.TrimSpace(text)
	if err := refuseSSH(cmd, args, text, given.file); err != nil {
		return nil, err
	}
	keys, err := jwt.ReadKeys(text, jwt.AnyAlgorithm)
	switch {
	case errors.Is(err, jwt.ErrPrivateKey):
		return nil, refusePrivate(cmd, args, text, given.file)
	case err != nil:
		return nil, misused("%s: %s: %s", pathOf(cmd), inputName(given.file), plain(err))
	case len(keys) > 1 && given.kid != "":
		return nil, misused("%s: --kid names one key, and there are %d in %s", pathOf(cmd), len(keys), inputName(given.file))
	}
	drafts := make([]registry.Key, len(keys))
	taken := make(map[registry.KeyID]bool, len(keys))
	for i, key := range keys {
		if key, err = oneAlgorithm(cmd, args, key, given.algorithm); err != nil {
			return nil, err
		}
		drafts[i] = draft
		drafts[i].ID = a.kidFor(key, given.kid)
		if taken[drafts[i].ID] {
			return nil, misused("%s: two keys in %s have the kid %s: add them one by one, each with its --kid", pathOf(cmd), inputName(given.file), drafts[i].ID)
		}
		taken[drafts[i].ID] = true
		drafts[i].Algorithm = key.Algorithms().String()
		drafts[i].JWK = key.JWK(string(drafts[i].ID))
	}
	return drafts, nil
}

// fromStdin gives the command with its key from standard input.
func fromStdin(cmd *cobra.Command, args []string) string {
	_ = cmd.Flags().Set("from-file", "-") // it takes any text
	return commandLine(cmd, args)
}

// oneAlgorithm holds a key to one algorithm: the one that is asked for, or the
// only one that it is for.
func oneAlgorithm(cmd *cobra.Command, args []string, key *jwt.Key, wanted jwt.Algorithm) (*jwt.Key, error) {
	if wanted == jwt.NoAlgorithm {
		list := key.Algorithms().List()
		if len(list) > 1 {
			return nil, misused("%s: it is an RSA key that does not say for which algorithm: --alg with one of %s; RS256 is the usual one: %s",
				pathOf(cmd), key.Algorithms(), commandLine(cmd, args, "--alg", jwt.RS256.String()))
		}
		return key, nil
	}
	if !key.Accepts(wanted) {
		return nil, misused("%s: --alg %s: the key is for %s", pathOf(cmd), wanted, key.Algorithms())
	}
	narrowed, err := jwt.ParseJWK([]byte(key.JWK(key.ID())), jwt.AlgorithmSet(wanted))
	if err != nil {
		return nil, fmt.Errorf("--alg %s: %w", wanted, err)
	}
	return narrowed, nil
}

// kidFor gives the kid of a key: the one that is asked for, or its own, or its
// thumbprint. An own one that cannot be registered is told.
func (a *app) kidFor(key *jwt.Key, wanted registry.KeyID) registry.KeyID {
	if wanted != "" {
		return wanted
	}
	if own, err := registry.ParseKeyID(key.ID()); err == nil {
		return own
	}
	thumbprint := registry.KeyID(key.Thumbprint())
	if key.ID() != "" {
		a.note("note: its own kid cannot be one here ([A-Za-z0-9._~-]{1,128}): JWTs must call it %s", thumbprint)
	}
	return thumbprint
}

// addKey adds the only key of a file.
func (a *app) addKey(ctx context.Context, r *registrar.Registrar, m *mutation, drafts []registry.Key) error {
	outcome, err := r.AddKey(ctx, a.author(m), drafts[0])
	if err != nil {
		return usedOnce(err)
	}
	a.report(m, outcome, "added", a.howToSign(drafts[0]))
	return nil
}

// usedOnce adds to an error about a key that is there what to do; one that is
// revoked says so itself.
func usedOnce(err error) error {
	if !errors.Is(err, registry.ErrExists) || !strings.HasSuffix(err.Error(), registry.ErrExists.Error()) {
		return err
	}
	return fmt.Errorf("%w, and a kid is used once only: choose another with --kid", err)
}

// howToSign is what comes next: a JWT to try.
func (a *app) howToSign(key registry.Key) string {
	next := "next: credence jwt sign --client " + string(key.Client) + " --kid " + string(key.ID) + " --from-file PRIVATE-KEY"
	if c, err := a.configuration(); err != nil || len(c.JWT.Audiences) != 1 {
		next += " --audience AUDIENCE"
	}
	return next
}

// doubtAudiences says where no JWT would pass, whoever signed it.
func (a *app) doubtAudiences() {
	if c, err := a.configuration(); err == nil && len(c.JWT.Audiences) == 0 {
		a.note("note: jwt.audiences is empty in this configuration: a server with it denies every JWT")
	}
}

// addKeys adds the keys of a JWKS, one by one. One that is registered already
// does not keep the others from it.
func (a *app) addKeys(ctx context.Context, r *registrar.Registrar, m *mutation, drafts []registry.Key) error {
	var there []string
	var out sink
	if !a.output.isTable() {
		out = a.newSink(nil)
		defer out.end() // what was added is shown
	}
	for _, draft := range drafts {
		outcome, err := r.AddKey(ctx, a.author(m), draft)
		switch {
		case errors.Is(err, registry.ErrExists):
			there = append(there, plain(err))
			continue
		case err != nil:
			return err
		case out == nil:
			a.report(m, outcome, "added", a.howToSign(draft))
			continue
		}
		out.add(documentOf(registry.KeyKind, outcome.Name(), outcome.Fields()), nil)
		a.remark(m, outcome.Commit, outcome.Position, a.howToSign(draft))
	}
	if len(there) > 0 {
		return fmt.Errorf("%d of %d keys were added; %s", len(drafts)-len(there), len(drafts), strings.Join(there, "; "))
	}
	return nil
}
