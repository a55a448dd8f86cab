package cli

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"credence/internal/registrar"
	"credence/internal/registry"

	"github.com/spf13/cobra"
)

func newKeyCommand(a *app) *cobra.Command {
	group := newGroup("key", "public keys by which clients sign JWTs", `
A client that has registered a public key signs short-lived JWTs itself: it presents them as it would a token, and nothing
secret is ever handed out. A key is for one access profile. A JWT names its key by kid.`, `
credence key add acme --profile signer --from-file acme.pub.pem --kid k1
credence key list acme
credence key revoke acme k1 --reason "laptop stolen"`)
	group.AddCommand(newKeyAddCommand(a), newKeyGetCommand(a), newKeyListCommand(a), newKeyRevokeCommand(a))
	return group
}

func keyColumns() []column[*registry.Key] {
	return []column[*registry.Key]{
		{"NAME", shrinks, func(k *registry.Key, _ time.Time) string {
			return trimKind(keyName(k.Client, k.ID), string(registry.KeyKind))
		}},
		{"PROFILE", shrinks, func(k *registry.Key, _ time.Time) string { return string(k.Profile) }},
		{"ALG", fixed, func(k *registry.Key, _ time.Time) string { return k.Algorithm }},
		{"STATE", fixed, func(k *registry.Key, _ time.Time) string { return k.State.String() }},
		{"CNF", wideOnly, func(k *registry.Key, _ time.Time) string {
			return map[bool]string{true: "required", false: notSet}[k.RequireCnf]
		}},
		{"EXPIRES", fixed, func(k *registry.Key, now time.Time) string { return when(k.Expires, now, unset["expires_at"]) }},
		{"AGE", fixed, func(k *registry.Key, now time.Time) string { return age(k.Created, now) }},
	}
}

// keyName gives the name of a key: key/acme/k1.
func keyName(client registry.ClientID, kid registry.KeyID) string {
	return registrar.Name(registry.KeyRef(client, kid))
}

// parseKeyName reads what stands behind key/ in the name of a key.
func parseKeyName(text string) (registry.ClientID, registry.KeyID, error) {
	owner, name, cut := strings.Cut(text, "/")
	if !cut {
		return "", "", fmt.Errorf("%q names no key: want CLIENT/KID", text)
	}
	client, err := registry.ParseID[registry.ClientID](owner)
	if err != nil {
		return "", "", err
	}
	kid, err := registry.ParseKeyID(name)
	return client, kid, err
}

// keyArgs takes the arguments that name a key: acme k1, or key/acme/k1 as
// commands call it.
func keyArgs(cmd *cobra.Command, args []string) (registry.ClientID, registry.KeyID, error) {
	if len(args) == 1 {
		if name := trimKind(args[0], "key"); strings.Contains(name, "/") && !strings.HasPrefix(name, "client/") {
			client, kid, err := parseKeyName(name)
			if err != nil {
				return "", "", misused("%s: %v", pathOf(cmd), err)
			}
			return client, kid, nil
		}
	}
	switch len(args) {
	case 0:
		return "", "", misused("%s: which key? %s", pathOf(cmd), commandLine(cmd, []string{"acme", "k1"}))
	case 1:
		return "", "", misused("%s: which key of %s? credence key list %s gives them", pathOf(cmd), args[0], trimKind(args[0], "client"))
	}
	client, err := clientArg(cmd, args[:1])
	if err != nil {
		return "", "", err
	}
	text, err := one(cmd, args[1:], "kid", "k1")
	if err != nil {
		return "", "", err
	}
	kid, err := registry.ParseKeyID(text)
	if err != nil {
		return "", "", misused("%s: %v; credence key list %s gives them", pathOf(cmd), err, client)
	}
	return client, kid, nil
}

// kidsOf gives the kids of a client; none where they could not be read.
func kidsOf(ctx context.Context, r *registrar.Registrar, client registry.ClientID) []string {
	var kids []string
	for item, err := range r.Keys(ctx, client) {
		if err != nil || len(kids) == mostCompleted {
			break
		}
		kids = append(kids, strings.TrimPrefix(item.ID, string(client)+"/"))
	}
	return kids
}

func newKeyGetCommand(a *app) *cobra.Command {
	cmd := newLeaf("get CLIENT KID", "show a client's key", `
Shows all fields of a client's key, the public key itself among them (jwk). -o json and -o yaml hold those that are set, with
the names and the texts that they have in Redis.`, `
credence key get acme k1
credence key get acme k1 -o json | jq -r .jwk`)
	cmd.ValidArgsFunction = keyCompletion(a)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		client, kid, err := keyArgs(cmd, args)
		if err != nil {
			return err
		}
		return a.ask(cmd, func(ctx context.Context, r *registrar.Registrar) error {
			item, err := r.Key(ctx, client, kid)
			return a.show(item, err)
		})
	}
	return cmd
}

func newKeyListCommand(a *app) *cobra.Command {
	cmd := newLeaf("list [CLIENT] [flags]", "list keys, of one client or of all", `
Lists keys by client and kid, revoked and expired ones too. -o name and -o wide cut nothing. -o json and -o yaml are lists of
all fields that are set, with the names and the texts that they have in Redis.`, `
credence key list acme
credence key list -o name
credence key list -o json | jq -r '.[] | select(.state == "active") | .id'`)
	cmd.ValidArgsFunction = first(clientNames(a))
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		client, err := optionalClient(cmd, args)
		if err != nil {
			return err
		}
		return a.browse(cmd, func(ctx context.Context, r *registrar.Registrar) error {
			written, err := list(a, r.Keys(ctx, client), keyColumns(), func(*registry.Key) bool { return true })
			if written == 0 && err == nil {
				a.note("no keys; credence key add %s --profile PROFILE --from-file FILE registers one", cmp.Or(string(client), "CLIENT"))
			}
			return err
		})
	}
	return cmd
}

// optionalClient takes the client of a list, if there is one.
func optionalClient(cmd *cobra.Command, args []string) (registry.ClientID, error) {
	if len(args) == 0 {
		return "", nil
	}
	return clientArg(cmd, args)
}

func newKeyRevokeCommand(a *app) *cobra.Command {
	cmd := newLeaf("revoke CLIENT KID [flags]", "make a key useless, for good", `
Makes a key useless within milliseconds: all JWTs that were signed with it are denied. That cannot be undone, and the kid is
never used again: the command asks, or takes --yes. Revoking what is revoked changes nothing and is no error. The command
ends when every server has applied it, or says which may not have (status 3).`, `
credence key revoke acme k1 --reason "laptop stolen"
credence key revoke acme k1 --reason "replaced" --yes`)
	var yes bool
	m := newMutation(a, cmd)
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	cmd.ValidArgsFunction = keyCompletion(a)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		client, kid, err := keyArgs(cmd, args)
		if err != nil {
			return err
		}
		if !yes && !m.dryRun {
			if err := a.confirmKeyRevoke(cmd, args, client, kid); err != nil {
				return err
			}
		}
		return a.change(cmd, m, func(ctx context.Context, r *registrar.Registrar) error {
			outcome, err := r.RevokeKey(ctx, a.author(m), client, kid)
			if err != nil {
				return err
			}
			a.report(m, outcome, "revoked", "")
			return nil
		})
	}
	return cmd
}

// confirmKeyRevoke asks for one key, and says what it is for.
func (a *app) confirmKeyRevoke(cmd *cobra.Command, args []string, client registry.ClientID, kid registry.KeyID) error {
	return a.confirmFor(cmd, args, func(ctx context.Context, r *registrar.Registrar) (string, error) {
		item, err := r.Key(ctx, client, kid)
		if key, ok := item.Record.(*registry.Key); ok && key.State == registry.Active {
			return fmt.Sprintf("revoke %s of client/%s (profile/%s)? This cannot be undone.", item.Name(), client, key.Profile), nil
		}
		return "", err
	})
}

// keyCompletion completes a client, and behind it one of its kids.
func keyCompletion(a *app) completion {
	return func(cmd *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
		switch len(args) {
		case 0:
			return clientNames(a)(cmd, args, begun)
		case 1:
			client := registry.ClientID(trimKind(args[0], "client"))
			return a.live(func(ctx context.Context, r *registrar.Registrar) []string {
				return kidsOf(ctx, r, client)
			})(cmd, args, begun)
		}
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
}
