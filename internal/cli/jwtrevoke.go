package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"credence/internal/authz"
	"credence/internal/config"
	"credence/internal/credential"
	"credence/internal/jwt"
	"credence/internal/registrar"
	"credence/internal/registry"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// revokeFlags say which JWT is revoked, and until when it matters.
type revokeFlags struct {
	file   string
	issuer string
	until  time.Time
}

func (f *revokeFlags) register(flags *pflag.FlagSet) {
	flags.StringVar(&f.file, "from-file", "", "`FILE` that the JWT is in; - is standard input")
	flags.StringVar(&f.issuer, "issuer", "", "`ISS` of the JWT, the id of a client or the URL of an issuer, where it is given by its jti")
	flags.Var(timeFlag(&f.until), "until", "when the JWT expires (exp), where it is given by its jti: 2026-01-31T12:00:00Z")
}

// forgetMargin is how much longer a revoked JWT is remembered than the
// configuration in hand would need: that of a server may allow for more skew.
const forgetMargin = 10 * time.Minute

// lastYear is the last that a time has as text (RFC 3339).
const lastYear = 9999

func newJWTRevokeCommand(a *app) *cobra.Command {
	cmd := newLeaf("revoke [JTI] [flags]", "have one JWT denied until it expires", `
Has one JWT denied within milliseconds, by its jti, until it expires. It is read from a file, from standard input or from a
prompt without echo; its signature need not be good. By hand it is named by jti and issuer: then --until says when it expires;
of a client's own JWT that may be left out: then it is remembered for the 365 days that a JWT can live at most.

The command does not ask: who holds the key signs another. It ends when every server has applied it, or says which may not have
(status 3). A JWT without a jti cannot be revoked alone. At most 100,000 are remembered; all JWTs of a key end with credence key
revoke, all of a client that were issued up to a time with credence client update --valid-after.`, `
credence jwt revoke --from-file acme.jwt --reason "was logged"
credence jwt revoke 0d9f3c1e --issuer acme --reason "was logged"
credence jwt revoke 0d9f3c1e --issuer https://id.example.com --until 2026-01-31T12:00:00Z`)
	var given revokeFlags
	given.register(cmd.Flags())
	m := newMutation(a, cmd)
	cmd.Flags().BoolP("yes", "y", false, "as other revocations take it; this one does not ask")
	cmd.Flags().Lookup("yes").Hidden = true // it is for scripts that give it to all of them
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		c, err := a.configuration()
		if err != nil {
			return err
		}
		target, err := a.target(cmd, args, &given, c.JWT)
		if err != nil {
			return err
		}
		if !target.forget.After(a.now()) {
			a.note("it has expired at %s, and is denied: nothing was changed", registry.FormatTime(target.expires))
			return nil
		}
		return a.change(cmd, m, func(ctx context.Context, r *registrar.Registrar) error {
			return a.revokeJWT(ctx, r, m, target)
		})
	}
	return cmd
}

// A revocable is a JWT that can be revoked.
type revocable struct {
	issuer, jti     string
	expires, forget time.Time
	peeked          *jwt.Peeked // nil: it is known by hand only
	trusted         bool        // iss is an issuer that is configured
}

// target says which JWT is meant: one that is read, or one that is named by hand.
func (a *app) target(cmd *cobra.Command, args []string, given *revokeFlags, c config.JWT) (revocable, error) {
	byHand := len(args) > 0 && args[0] != "-"
	switch {
	case len(args) > 1 || len(args) == 1 && given.file != "":
		return revocable{}, misused("%s: one JWT at a time: --from-file FILE, or its JTI with --issuer", pathOf(cmd))
	case byHand:
		return a.namedByHand(cmd, args, given, c)
	case given.issuer != "":
		return revocable{}, misused("%s: --issuer goes with a JTI: %s", pathOf(cmd), commandLine(cmd, []string{"JTI"}))
	}
	presented, err := a.readJWT(cmd, cmp.Or(given.file, slices.Concat(args, []string{""})[0]))
	if err != nil {
		return revocable{}, err
	}
	return a.named(cmd, presented, given, c)
}

// namedByHand takes a JWT's jti and issuer.
func (a *app) namedByHand(cmd *cobra.Command, args []string, given *revokeFlags, c config.JWT) (revocable, error) {
	switch isFile := looksLikeFile(args[0]); {
	case isFile && given.issuer == "":
		return revocable{}, misused("%s: %q is taken for a jti, and looks like a file: did you mean --from-file %s?", pathOf(cmd), args[0], shellWord(args[0]))
	case given.issuer == "":
		return revocable{}, missing(cmd, args, "issuer", "CLIENT")
	case isFile:
		a.say("warning: %q is taken for a jti, and looks like a file: if the JWT in it is meant, --from-file %s", args[0], shellWord(args[0]))
	}
	target := revocable{issuer: given.issuer, jti: args[0], expires: given.until, trusted: slices.Contains(issuersOf(c), given.issuer)}
	if !target.trusted {
		if client, err := registry.ParseID[string](trimKind(given.issuer, "client")); err == nil {
			target.issuer = client
		}
	}
	return target, a.settleForget(cmd, args, &target, c)
}

// looksLikeFile tells what is more likely the name of a file than a jti.
func looksLikeFile(text string) bool {
	info, err := os.Stat(text)
	return strings.HasSuffix(text, ".jwt") || err == nil && !info.IsDir()
}

// named reads from a JWT what names it.
func (a *app) named(cmd *cobra.Command, presented credential.Secret, given *revokeFlags, c config.JWT) (revocable, error) {
	peeked, problem := jwt.Peek(presented)
	if problem.Fault == jwt.Malformed {
		return revocable{}, fmt.Errorf("it is no JWT that is ever accepted, so that nothing has to be revoked: it %s", problem.Why)
	}
	claims, _ := peeked.Evaluate(jwt.Rules{}) // of which only what could be read counts
	target := revocable{
		issuer: claims.Issuer, jti: claims.ID, expires: claims.Expires, peeked: &peeked, trusted: slices.Contains(issuersOf(c), claims.Issuer),
	}
	if given.until.After(target.expires) {
		target.expires = given.until
	}
	switch {
	case target.issuer == "":
		return revocable{}, errors.New("it has no iss, and is never accepted: nothing has to be revoked")
	case target.jti == "" && target.trusted:
		return revocable{}, errors.New("it has no jti, by which alone a JWT is revoked: what ends all JWTs of its subject is credence binding remove")
	case target.jti == "":
		return revocable{}, fmt.Errorf("it has no jti, by which alone a JWT is revoked: credence key revoke %s ends all of its key, credence client update %s --valid-after %s all that were issued so far",
			shellWord(target.issuer+"/"+cmp.Or(peeked.KeyID, "KID")), shellWord(target.issuer), registry.FormatTime(a.now().UTC().Truncate(time.Second)))
	}
	return target, a.settleForget(cmd, nil, &target, c)
}

// settleForget says until when a revoked JWT has to be remembered. Of a client's
// own that is known without its exp: it has an iat that is not ahead of us.
func (a *app) settleForget(cmd *cobra.Command, args []string, target *revocable, c config.JWT) error {
	if target.expires.IsZero() {
		if _, err := registry.ParseID[registry.ClientID](target.issuer); err != nil || target.trusted {
			return missing(cmd, args, "until", registry.FormatTime(a.now().Add(c.MaxLifetime).UTC().Truncate(time.Second)))
		}
		// Servers may allow more than the configuration in hand.
		target.expires = a.now().Add(config.LongestJWT).UTC().Truncate(time.Second)
	}
	target.forget = target.expires.Add(c.ClockSkew + forgetMargin).Truncate(time.Second)
	if target.forget.Year() > lastYear {
		target.forget = target.expires
	}
	return nil
}

// idNoted is how much of a member of the revoked JWTs the reason of its revocation
// holds: a change names none.
const idNoted = 12

func (a *app) revokeJWT(ctx context.Context, r *registrar.Registrar, m *mutation, target revocable) error {
	jti := registry.JTIOf(target.issuer, target.jti)
	as := a.author(m)
	as.Reason = strings.TrimSpace(as.Reason + " (jwt " + jti.String()[:idNoted] + ")")
	revoked, err := r.RevokeJWTs(ctx, as, registry.Revocation{JTI: jti, Forget: target.forget})
	if errors.Is(err, registry.ErrTooMany) {
		return fmt.Errorf("%w; credence key revoke ends all JWTs of a key, credence client update --valid-after all of a client that were issued so far", err)
	}
	if err != nil {
		return err
	}
	name := fmt.Sprintf("jwt/%s of %s", target.jti, target.issuer)
	switch {
	case !a.output.isTable():
		writeDocument(a.stdout, a.output, document{"jwt/" + jti.String(), []field{
			{"issuer", target.issuer}, {"jti", target.jti}, {"member", jti.String()}, {"forget_at", registry.FormatTime(target.forget)},
		}})
	case !revoked.Changed():
		fmt.Fprintf(a.stdout, "%s revoked already, nothing was changed\n", printable(redact(name)))
	case m.dryRun:
		fmt.Fprintf(a.stdout, "%s revoked (dry run)\n", printable(redact(name)))
	default:
		fmt.Fprintf(a.stdout, "%s revoked\n", printable(redact(name)))
	}
	a.remark(m, revoked.Commit, revoked.Position, "")
	a.doubtJWT(ctx, r, target)
	return nil
}

// doubtJWT warns where a JWT does not look like one that was ever accepted here:
// it may be another registry's. What cannot be looked at is not doubted.
func (a *app) doubtJWT(ctx context.Context, r *registrar.Registrar, target revocable) {
	if target.trusted {
		return
	}
	client, err := registry.ParseID[registry.ClientID](target.issuer)
	if err != nil {
		a.say("warning: %s is no id of a client, and not in jwt.issuers of this configuration: %s", target.issuer, a.issuerMeant(target.issuer, "is the JWT for this registry?"))
		return
	}
	if target.peeked == nil {
		if _, err := r.Client(ctx, client); errors.Is(err, registrar.ErrNotFound) {
			a.say("warning: client/%s is not there: is the JWT for this registry?", client)
		}
		return
	}
	kid, err := registry.ParseKeyID(target.peeked.KeyID)
	if err != nil {
		a.say("warning: it names no key that a client can have (kid): it was never accepted")
		return
	}
	item, err := r.Key(ctx, client, kid)
	if errors.Is(err, registrar.ErrNotFound) {
		a.say("warning: %s is not there: is the JWT for this registry?", keyName(client, kid))
	}
	record, ok := item.Record.(*registry.Key)
	if !ok {
		return
	}
	if key, err := authz.KeyOf(record); err == nil && jwt.Verify(*target.peeked, key).Fault != jwt.None {
		a.say("warning: it is not signed with %s: as it stands there it was never accepted", item.Name())
	}
}
