package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"credence/internal/config"
	"credence/internal/credential"
	"credence/internal/registrar"
	"credence/internal/registry"

	"github.com/spf13/cobra"
)

func newBindingCommand(a *app) *cobra.Command {
	group := newGroup("binding", "whose JWTs an issuer's subjects present", `
An issuer is a party whose JWTs are trusted by configuration (jwt.issuers), like an identity provider. A binding says whose
JWTs they are: it maps a subject of the issuer to a client and an access profile. A subject without one is denied.`, `
credence binding add https://id.example.com 00u1a2b3 --client acme --profile signer
credence binding list acme
credence binding remove https://id.example.com 00u1a2b3 --reason "contract ended"`)
	group.AddCommand(newBindingAddCommand(a), newBindingListCommand(a), newBindingRemoveCommand(a))
	return group
}

// idShown is how much of a binding's id a table has room for.
const idShown = 8

func bindingColumns(wide bool) []column[*registry.Binding] {
	return []column[*registry.Binding]{
		{"NAME", fixed, func(b *registry.Binding, _ time.Time) string {
			if wide {
				return string(b.ID())
			}
			return string(b.ID()[:idShown])
		}},
		{"ISSUER", shrinks, func(b *registry.Binding, _ time.Time) string { return b.Issuer }},
		{"SUBJECT", shrinks, func(b *registry.Binding, _ time.Time) string { return b.Subject }},
		{"CLIENT", shrinks, func(b *registry.Binding, _ time.Time) string { return string(b.Client) }},
		{"PROFILE", shrinks, func(b *registry.Binding, _ time.Time) string { return string(b.Profile) }},
		{"STATE", fixed, func(b *registry.Binding, _ time.Time) string { return b.State.String() }},
		{"AGE", fixed, func(b *registry.Binding, now time.Time) string { return age(b.Created, now) }},
	}
}

// bindingArgs takes an issuer and a subject.
func bindingArgs(cmd *cobra.Command, args []string) (issuer, subject string, err error) {
	switch {
	case len(args) < 2:
		example := []string{"https://id.example.com", "SUBJECT"}
		copy(example, args)
		return "", "", misused("%s: which issuer, and which subject of it? %s", pathOf(cmd), commandLine(cmd, example))
	case len(args) > 2:
		return "", "", misused("%s: one issuer and one subject, not also %q", pathOf(cmd), args[2])
	case args[0] == "" || args[1] == "":
		return "", "", misused("%s: issuer and subject must not be empty", pathOf(cmd))
	}
	return args[0], args[1], nil
}

func newBindingAddCommand(a *app) *cobra.Command {
	cmd := newLeaf("add ISSUER SUBJECT [flags]", "say whose JWTs a subject presents", `
Binds a subject of an issuer to a client and an access profile: JWTs that the issuer makes for it are the client's from then
on. ISSUER is iss as its JWTs hold it, to the letter, and SUBJECT the claim that names who it is (sub, or the issuer's
subject_claim). A binding that was removed is made active again. One for another client or profile is removed first.`, `
credence binding add https://id.example.com 00u1a2b3 --client acme --profile signer
credence binding add https://id.example.com 'system:serviceaccount:shop:billing' --client billing --profile internal`)
	var client, profile string
	cmd.Flags().StringVar(&client, "client", "", "`CLIENT` whose JWTs they are")
	cmd.Flags().StringVar(&profile, "profile", "", "access `PROFILE` that they are for")
	m := newMutation(a, cmd)
	cmd.ValidArgsFunction = a.issuerNames()
	completeFlag(cmd, "client", clientNames(a))
	completeFlag(cmd, "profile", profileNames(a))
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		issuer, subject, err := bindingArgs(cmd, args)
		if err != nil {
			return err
		}
		switch {
		case client == "":
			return missing(cmd, args, "client", "CLIENT")
		case profile == "":
			return a.missingProfile(cmd, args, credential.JWT)
		}
		draft := registry.Binding{Issuer: issuer, Subject: subject}
		if draft.Client, err = idOf[registry.ClientID](cmd, trimKind(client, "client")); err != nil {
			return err
		}
		if draft.Profile, err = idOf[registry.ProfileID](cmd, trimKind(profile, "profile")); err != nil {
			return err
		}
		return a.change(cmd, m, func(ctx context.Context, r *registrar.Registrar) error {
			outcome, err := r.AddBinding(ctx, a.author(m), draft)
			if err != nil {
				return err
			}
			a.report(m, outcome, "added", "")
			a.doubtIssuer(issuer)
			return nil
		})
	}
	return cmd
}

// doubtIssuer warns of an issuer that the configuration in hand does not trust.
func (a *app) doubtIssuer(issuer string) {
	if c, err := a.configuration(); err != nil || slices.Contains(issuersOf(c.JWT), issuer) {
		return
	}
	a.say("warning: %s is not in jwt.issuers of this configuration: a server with it denies these JWTs (jwt_issuer_unknown); %s",
		issuer, a.issuerMeant(issuer, "see credence config check"))
}

// issuerMeant names the issuer of the configuration that a word is near to, or
// says something else.
func (a *app) issuerMeant(word, otherwise string) string {
	c, err := a.configuration()
	if err != nil {
		return otherwise
	}
	return meant(word, issuersOf(c.JWT), otherwise)
}

func issuersOf(c config.JWT) []string {
	names := make([]string, len(c.Issuers))
	for i, issuer := range c.Issuers {
		names[i] = issuer.Issuer
	}
	return names
}

// issuerNames completes the issuers of the configuration.
func (a *app) issuerNames() completion {
	return first(func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		c, err := a.configuration()
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp // a shell has no use for the error
		}
		return issuersOf(c.JWT), cobra.ShellCompDirectiveNoFileComp
	})
}

func newBindingListCommand(a *app) *cobra.Command {
	cmd := newLeaf("list [CLIENT] [flags]", "list bindings, to one client or to all", `
Lists bindings by client, removed ones too (revoked). NAME is the beginning of the id; -o wide cuts nothing. -o json and
-o yaml are lists of all fields that are set, with the names and the texts that they have in Redis.`, `
credence binding list acme
credence binding list -o json | jq -r '.[] | select(.state == "active") | "\(.issuer) \(.subject) \(.client)"'`)
	cmd.ValidArgsFunction = first(clientNames(a))
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		client, err := optionalClient(cmd, args)
		if err != nil {
			return err
		}
		return a.browse(cmd, func(ctx context.Context, r *registrar.Registrar) error {
			written, err := list(a, r.Bindings(ctx, client), bindingColumns(a.output == asWideTable), func(*registry.Binding) bool { return true })
			if written == 0 && err == nil {
				a.note("no bindings; credence binding add ISSUER SUBJECT --client %s --profile PROFILE makes one", cmp.Or(string(client), "CLIENT"))
			}
			return err
		})
	}
	return cmd
}

func newBindingRemoveCommand(a *app) *cobra.Command {
	cmd := newLeaf("remove ISSUER SUBJECT [flags]", "end a binding", `
Ends a binding: within milliseconds all JWTs that the issuer made, or makes, for the subject are denied. Adding it again undoes
that. Removing what is removed changes nothing and is no error. The command ends when every server has applied it, or says which
may not have (status 3).`, `
credence binding remove https://id.example.com 00u1a2b3 --reason "contract ended"`)
	m := newMutation(a, cmd)
	cmd.ValidArgsFunction = a.issuerNames()
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		issuer, subject, err := bindingArgs(cmd, args)
		if err != nil {
			return err
		}
		return a.change(cmd, m, func(ctx context.Context, r *registrar.Registrar) error {
			outcome, err := r.RemoveBinding(ctx, a.author(m), issuer, subject)
			if errors.Is(err, registrar.ErrNotFound) {
				return fmt.Errorf("there is no binding of subject %q of %s: see credence binding list", subject, issuer)
			}
			if err != nil {
				return err
			}
			undo := ""
			if was, ok := outcome.Edit.Now.(*registry.Binding); ok {
				undo = fmt.Sprintf("undo: credence binding add %s %s --client %s --profile %s", shellWord(issuer), shellWord(subject), was.Client, was.Profile)
			}
			a.report(m, outcome, "removed", undo)
			return nil
		})
	}
	return cmd
}
