package cli

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"credence/internal/credential"
	"credence/internal/registrar"
	"credence/internal/registry"

	"github.com/spf13/cobra"
)

func newTokenCommand(a *app) *cobra.Command {
	group := newGroup("token", "tokens of clients", `
A token is what a client presents with each request. It is shown once, by the command that issues it; the registry keeps a
digest. Commands and logs call a token by its id, which is no secret.`, `
credence token issue acme --profile partner --expires-in 90d
credence token list acme
credence token revoke k3x9w0a7qd --reason "leaked"`)
	group.AddCommand(
		newTokenIssueCommand(a), newTokenGetCommand(a), newTokenListCommand(a), newTokenUpdateCommand(a), newTokenRevokeCommand(a),
		newTokenIdentifyCommand(a),
	)
	return group
}

func tokenColumns(wide bool) []column[*registry.Token] {
	return []column[*registry.Token]{
		{"NAME", fixed, func(t *registry.Token, _ time.Time) string { return string(t.ID) }},
		{"CLIENT", shrinks, func(t *registry.Token, _ time.Time) string { return string(t.Client) }},
		{"PROFILE", shrinks, func(t *registry.Token, _ time.Time) string { return string(t.Profile) }},
		{"STATE", fixed, func(t *registry.Token, _ time.Time) string { return t.State.String() }},
		{"BY", wideOnly, func(t *registry.Token, _ time.Time) string { return orNotSet(t.Changed.By) }},
		{"REASON", wideOnly, func(t *registry.Token, _ time.Time) string { return orNotSet(t.Changed.Reason) }},
		{"ALLOW", wideOnly, func(t *registry.Token, _ time.Time) string { return networks(t.Allow, wide) }},
		{"BEGINS", wideOnly, func(t *registry.Token, now time.Time) string { return when(t.NotBefore, now, unset["not_before"]) }},
		{"EXPIRES", fixed, func(t *registry.Token, now time.Time) string { return when(t.Expires, now, unset["expires_at"]) }},
		{"LABEL", shrinks, func(t *registry.Token, _ time.Time) string { return orNotSet(t.Label) }},
		{"AGE", fixed, func(t *registry.Token, now time.Time) string { return age(t.Created, now) }},
	}
}

func when(t, now time.Time, zero string) string {
	if t.IsZero() {
		return zero
	}
	return distance(t, now)
}

// credentialsOf counts the credentials in use of a client, of a profile, or of
// both where both are given, in words: 2 active tokens and 1 active key.
func credentialsOf(ctx context.Context, r *registrar.Registrar, client registry.ClientID, profile registry.ProfileID) (string, error) {
	var parts []string
	for _, kind := range []struct {
		word  string
		items registrar.Items
	}{
		{"token", r.Tokens(ctx, client)}, {"key", r.Keys(ctx, client)}, {"binding", r.Bindings(ctx, client)},
	} {
		n, err := countActive(kind.items, profile)
		if err != nil {
			return "", err
		}
		if n > 0 {
			parts = append(parts, counted(n, "active "+kind.word))
		}
	}
	switch last := len(parts) - 1; last {
	case -1:
		return "0 active tokens", nil
	case 0:
		return parts[0], nil
	default:
		return strings.Join(parts[:last], ", ") + " and " + parts[last], nil
	}
}

// countActive counts credentials that are in use; of one profile where it is
// given.
func countActive(items registrar.Items, profile registry.ProfileID) (int, error) {
	count := 0
	for item, err := range items {
		if err != nil {
			return 0, err
		}
		state, of := registry.NoState, registry.ProfileID("")
		switch record := item.Record.(type) {
		case *registry.Token:
			state, of = record.State, record.Profile
		case *registry.Key:
			state, of = record.State, record.Profile
		case *registry.Binding:
			state, of = record.State, record.Profile
		}
		if state == registry.Active && (profile == "" || of == profile) {
			count++
		}
	}
	return count, nil
}

func newTokenGetCommand(a *app) *cobra.Command {
	cmd := newLeaf("get ID", "show the record of a token", `
Shows all fields of a token's record, by its id. The token itself is not among them: nobody can read it again. -o json and
-o yaml hold those that are set, with the names and the texts that they have in Redis.`, `
credence token get k3x9w0a7qd
credence token get k3x9w0a7qd -o json | jq -r .expires_at`)
	cmd.ValidArgsFunction = first(tokenNames(a))
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		id, err := tokenArg(cmd, args)
		if err != nil {
			return err
		}
		return a.ask(cmd, func(ctx context.Context, r *registrar.Registrar) error {
			item, err := r.Token(ctx, id)
			return a.show(item, err)
		})
	}
	return cmd
}

func newTokenListCommand(a *app) *cobra.Command {
	cmd := newLeaf("list [CLIENT] [flags]", "list tokens, of one client or of all", `
Lists tokens by client and id, revoked and expired ones too. No secret is among what is shown. -o json and -o yaml are
lists of all fields that are set, with the names and the texts that they have in Redis.`, `
credence token list acme
credence token list -o wide
credence token list -o json | jq -r '.[] | select(.state == "active" and (has("expires_at") | not)) | .id'`)
	cmd.ValidArgsFunction = first(clientNames(a))
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		client, err := optionalClient(cmd, args)
		if err != nil {
			return err
		}
		return a.browse(cmd, func(ctx context.Context, r *registrar.Registrar) error {
			keep := func(*registry.Token) bool { return true }
			written, err := list(a, r.Tokens(ctx, client), tokenColumns(a.output == asWideTable), keep)
			if written == 0 && err == nil {
				a.note("no tokens; credence token issue %s --profile PROFILE makes one", cmp.Or(string(client), "CLIENT"))
			}
			return err
		})
	}
	return cmd
}

func newTokenRevokeCommand(a *app) *cobra.Command {
	cmd := newLeaf("revoke ID [flags]", "make a token useless, for good", `
Makes a token useless within milliseconds. That cannot be undone: the command asks, or takes --yes. Revoking what is
revoked changes nothing and is no error. The command ends when every server has applied it, or says which may not have
(status 3).`, `
credence token revoke k3x9w0a7qd --reason "leaked"
credence token revoke k3x9w0a7qd --reason "replaced" --yes`)
	var yes bool
	m := newMutation(a, cmd)
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	cmd.ValidArgsFunction = first(tokenNames(a))
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		id, err := tokenArg(cmd, args)
		if err != nil {
			return err
		}
		if !yes && !m.dryRun {
			if err := a.confirmRevoke(cmd, args, id); err != nil {
				return err
			}
		}
		return a.change(cmd, m, func(ctx context.Context, r *registrar.Registrar) error {
			outcome, err := r.RevokeToken(ctx, a.author(m), id)
			if err != nil {
				return err
			}
			a.report(m, outcome, "revoked", "")
			return nil
		})
	}
	return cmd
}

// confirmRevoke asks for one token, and says whose it is. What is revoked
// already needs no answer.
func (a *app) confirmRevoke(cmd *cobra.Command, args []string, id credential.TokenID) error {
	return a.confirmFor(cmd, args, func(ctx context.Context, r *registrar.Registrar) (string, error) {
		item, err := r.Token(ctx, id)
		if token, ok := item.Record.(*registry.Token); ok && token.State == registry.Active {
			return fmt.Sprintf("revoke token/%s of client/%s (%s)? This cannot be undone.", id, token.Client, cmp.Or(token.Label, "profile/"+string(token.Profile))), err
		}
		return "", err
	})
}

// confirmFor is confirm with a question that is made from the registry; an empty
// one needs no answer.
func (a *app) confirmFor(cmd *cobra.Command, args []string, asking func(context.Context, *registrar.Registrar) (string, error)) error {
	if !a.canAsk {
		return a.confirm(cmd, args, "")
	}
	var question string
	err := a.ask(cmd, func(ctx context.Context, r *registrar.Registrar) (err error) {
		question, err = asking(ctx, r)
		return err
	})
	if err != nil || question == "" {
		return err
	}
	return a.confirm(cmd, args, question)
}
