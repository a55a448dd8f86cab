package cli

import (
	"context"
	"fmt"
	"time"

	"credence/internal/credential"
	"credence/internal/registrar"
	"credence/internal/registry"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// tokenFlags are the fields of a token that a person sets.
type tokenFlags struct {
	given     registry.Token
	expiresIn time.Duration
}

func (t *tokenFlags) register(flags *pflag.FlagSet) {
	flags.Var(durationFlag(&t.expiresIn), "expires-in", "life of the token from now on: 90d, 12h")
	flags.Var(timeFlag(&t.given.Expires), "expires-at", "end of the token's life: 2026-12-31T00:00:00Z")
	flags.Var(timeFlag(&t.given.NotBefore), "not-before", "beginning of the token's life: 2026-12-01T00:00:00Z")
	flags.StringVar(&t.given.Label, "label", "", "what it is for: `TEXT` for people")
	flags.Var(allowFlag(&t.given.Allow), "allow", "only from this address or network (repeat, or separate by commas); any where not given")
}

func tokenSetters() setters[registry.Token] {
	expires := func(to, from *registry.Token) { to.Expires = from.Expires }
	return setters[registry.Token]{
		"expires-in": expires,
		"expires-at": expires,
		"not-before": func(to, from *registry.Token) { to.NotBefore = from.NotBefore },
		"label":      func(to, from *registry.Token) { to.Label = from.Label },
		"allow":      func(to, from *registry.Token) { to.Allow = from.Allow },
	}
}

// settle turns --expires-in into a time. It counts from --not-before, where
// that is to come.
func (t *tokenFlags) settle(cmd *cobra.Command, now time.Time) (err error) {
	t.given.Expires, err = endOf(cmd, now, t.given.NotBefore, t.expiresIn, t.given.Expires)
	return err
}

// endOf gives the end of a life by --expires-in, which counts from its beginning
// where that is to come, or by --expires-at, which must leave some time.
func endOf(cmd *cobra.Command, now, begin time.Time, in time.Duration, at time.Time) (time.Time, error) {
	switch {
	case in > 0 && cmd.Flags().Changed("expires-at"):
		return at, misused("%s: --expires-in or --expires-at, not both", pathOf(cmd))
	case in > 0 && begin.After(now):
		return begin.Add(in).UTC().Truncate(time.Second), nil
	case in > 0:
		return now.Add(in).UTC().Truncate(time.Second), nil
	case at.IsZero():
	case !at.After(now):
		return at, misused("%s: --expires-at: %s is past", pathOf(cmd), registry.FormatTime(at))
	case !at.After(begin):
		return at, misused("%s: --expires-at: %s is not after --not-before %s", pathOf(cmd), registry.FormatTime(at), registry.FormatTime(begin))
	}
	return at, nil
}

func newTokenIssueCommand(a *app) *cobra.Command {
	cmd := newLeaf("issue CLIENT [flags]", "make a token for a client, and show it once", `
Makes a token for a client and an access profile. The token alone goes to standard output, once; all remarks go to
standard error. With -o json or -o yaml it is the field "token" beside the fields of the record. With --not-before,
--expires-in counts from there. Nobody can read a token again: what is lost is replaced.`, `
credence token issue acme --profile partner --expires-in 90d
credence token issue acme --profile partner --expires-in 90d --label "ci" --allow 203.0.113.7 > acme.token
TOKEN=$(credence token issue acme --profile partner --expires-in 1h)`)
	var fields tokenFlags
	var profile string
	cmd.Flags().StringVar(&profile, "profile", "", "access `PROFILE` that the token is for")
	fields.register(cmd.Flags())
	m := newMutation(a, cmd)
	cmd.ValidArgsFunction = first(clientNames(a))
	completeFlag(cmd, "profile", profileNames(a))
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		client, err := clientArg(cmd, args)
		if err != nil {
			return err
		}
		if a.output == asNames && !m.dryRun {
			return misused("%s: -o name would throw the token away: use -o json", pathOf(cmd))
		}
		if profile == "" {
			return a.missingProfile(cmd, args, credential.Token)
		}
		if err := fields.settle(cmd, a.now()); err != nil {
			return err
		}
		draft := fields.given
		draft.Client = client
		if draft.Profile, err = idOf[registry.ProfileID](cmd, trimKind(profile, "profile")); err != nil {
			return err
		}
		return a.change(cmd, m, func(ctx context.Context, r *registrar.Registrar) error {
			issued, err := r.IssueToken(ctx, a.author(m), draft)
			if err != nil {
				return err
			}
			a.handOver(m, issued)
			return nil
		})
	}
	return cmd
}

// handOver shows a new token: the remarks first, so that its id is known
// whatever becomes of the rest.
func (a *app) handOver(m *mutation, issued registrar.Issued) {
	if m.dryRun {
		a.report(m, issued.Outcome, "issued", "")
		return
	}
	record := issued.Record
	a.note("%s issued to client/%s for profile/%s; it is shown this once only", issued.Name(), record.Client, record.Profile)
	a.remark(m, issued.Commit, issued.Position, "")
	for _, doubt := range doubts(issued, a.now()) {
		a.note("note: %s", doubt)
	}
	token := issued.Token.Expose() // this command exists to show it
	if a.output.isTable() {
		fmt.Fprintln(a.stdout, token)
		return
	}
	d := documentOf(registry.TokenKind, issued.Name(), issued.Fields())
	d.fields = append([]field{{"token", token}}, d.fields...)
	writeDocument(a.stdout, a.output, d)
}

// doubts says what may surprise about a new token.
func doubts(issued registrar.Issued, now time.Time) []string {
	var list []string
	record, client, profile := issued.Record, issued.Client, issued.Profile
	oldest := profile.MaxTokenAge
	switch {
	case oldest > 0 && (record.Expires.IsZero() || record.Expires.After(record.Created.Add(oldest))):
		list = append(list, fmt.Sprintf("profile/%s refuses tokens older than %s: this one ends %s", profile.ID, registry.FormatDuration(oldest), registry.FormatTime(record.Created.Add(oldest))))
	case record.Expires.IsZero():
		list = append(list, "it never expires; --expires-in 90d would let it")
	}
	if record.NotBefore.After(now) {
		list = append(list, fmt.Sprintf("it is denied before %s", registry.FormatTime(record.NotBefore)))
	}
	if client.State != registry.Active {
		list = append(list, fmt.Sprintf("client/%s is %s: the token is denied until credence client enable %s", client.ID, client.State, client.ID))
	}
	if profile.State != registry.Active {
		list = append(list, fmt.Sprintf("profile/%s is %s: the token is denied until that changes", profile.ID, profile.State))
	}
	return list
}

// missingProfile says that --profile is missing, with a command to copy that
// names a profile that there is, where one can be found.
func (a *app) missingProfile(cmd *cobra.Command, args []string, kind credential.Kind) error {
	var found string
	err := a.ask(cmd, func(ctx context.Context, r *registrar.Registrar) error {
		for item, err := range r.Profiles(ctx) {
			if err != nil {
				return err
			}
			if p, ok := item.Record.(*registry.Profile); ok && p.State == registry.Active && p.Accepts.Has(kind) {
				found = item.ID
				return nil
			}
		}
		return nil
	})
	switch {
	case err != nil: // the registry cannot help: the flag is missing all the same
		return missing(cmd, args, "profile", "PROFILE")
	case found == "":
		what := map[credential.Kind]string{credential.Token: "tokens", credential.JWT: "JWTs"}[kind]
		return misused("%s: --profile is missing, and there is no active access profile that accepts %s: credence profile create partner --accepts %s", pathOf(cmd), what, kind)
	}
	return missing(cmd, args, "profile", found)
}
