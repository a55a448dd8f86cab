package cli

import (
	"context"
	"fmt"
	"time"

	"credence/internal/registrar"
	"credence/internal/registry"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

func newClientCommand(a *app) *cobra.Command {
	group := newGroup("client", "registered consumers of the API", `
A client is a registered consumer of the API. Its tokens and keys say which access profile they are for. A client that is
disabled is denied at once, whatever it presents, and can be enabled again.`, `
credence client create acme --name "Acme Ltd" --allow 203.0.113.0/24
credence client list
credence client get acme
credence client disable acme --reason "leaked token"`)
	group.AddCommand(
		newClientCreateCommand(a), newClientGetCommand(a), newClientListCommand(a), newClientUpdateCommand(a),
		newDisableCommand(a, clientOwner()), newEnableCommand(a, clientOwner()), newDeleteCommand(a, clientOwner()),
	)
	return group
}

// clientFlags are the fields of a client that a person sets.
type clientFlags struct{ given registry.Client }

func (c *clientFlags) register(flags *pflag.FlagSet) {
	flags.StringVar(&c.given.Name, "name", "", "`NAME` for people, and for your API (256 bytes at most)")
	flags.StringVar(&c.given.Contact, "contact", "", "`WHOM` to ask about it")
	flags.Var(allowFlag(&c.given.Allow), "allow", "only from this address or network (repeat, or separate by commas); any where not given")
	flags.Var(allowModeFlag(&c.given.AllowMode), "allow-mode", "enforce, or observe: let pass who is not allowed, and count it (credence_observed_total; log.level debug tells each)")
	flags.Var(limitFlag(&c.given.Limit), "limit", "requests in a unit of time, told to Envoy's rate limit: 1000/hour")
	flags.Var(labelsFlag(&c.given.Labels), "label", "a label (repeat, or separate by commas): tier=gold")
	flags.Var(timeFlag(&c.given.ValidAfter), "valid-after", "refuse its JWTs that were issued up to then, or do not say when: 2026-01-31T12:00:00Z")
}

func clientSetters() setters[registry.Client] {
	return setters[registry.Client]{
		"name":       func(to, from *registry.Client) { to.Name = from.Name },
		"contact":    func(to, from *registry.Client) { to.Contact = from.Contact },
		"allow":      func(to, from *registry.Client) { to.Allow = from.Allow },
		"allow-mode": func(to, from *registry.Client) { to.AllowMode = from.AllowMode },
		"limit":      func(to, from *registry.Client) { to.Limit = from.Limit },
		"label":      func(to, from *registry.Client) { to.Labels = from.Labels },

		"valid-after": func(to, from *registry.Client) { to.ValidAfter = from.ValidAfter },
	}
}

func clientOwner() owner[registry.ClientID] {
	return owner[registry.ClientID]{
		kind: "client", example: "acme", denied: "whatever it presents", parse: clientArg, names: clientNames,
		disable: (*registrar.Registrar).DisableClient, enable: (*registrar.Registrar).EnableClient, remove: (*registrar.Registrar).DeleteClient,
		warn: func(ctx context.Context, r *registrar.Registrar, id registry.ClientID) (string, error) {
			n, err := credentialsOf(ctx, r, id, "")
			return fmt.Sprintf("client/%s and its %s will be denied for good.", id, n), err
		},
	}
}

func newClientCreateCommand(a *app) *cobra.Command {
	cmd := newLeaf("create CLIENT [flags]", "register a client", `
Registers a client. CLIENT is its id: [a-z0-9][a-z0-9._-]{0,62}. The id of a deleted client is never used again.`, `
credence client create acme
credence client create acme --name "Acme Ltd" --contact ops@acme.example --allow 203.0.113.0/24,198.51.100.7
credence client create acme --allow 203.0.113.0/24 --allow-mode observe --limit 1000/hour --label tier=gold`)
	var fields clientFlags
	fields.register(cmd.Flags())
	m := newMutation(a, cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		id, err := clientArg(cmd, args)
		if err != nil {
			return err
		}
		return a.change(cmd, m, func(ctx context.Context, r *registrar.Registrar) error {
			client := registry.Client{ID: id}
			clientSetters().apply(cmd.Flags(), &client, &fields.given)
			outcome, err := r.CreateClient(ctx, a.author(m), client)
			if err != nil {
				return err
			}
			a.report(m, outcome, "created", "next: credence token issue "+string(id)+" --profile PROFILE --expires-in 90d")
			return nil
		})
	}
	return cmd
}

func newClientGetCommand(a *app) *cobra.Command {
	cmd := newLeaf("get CLIENT", "show a client", `
Shows all fields of a client. -o json and -o yaml hold those that are set, with the names and the texts that they have in
Redis.`, `
credence client get acme
credence client get acme -o json | jq -r .state`)
	cmd.ValidArgsFunction = first(clientNames(a))
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		id, err := clientArg(cmd, args)
		if err != nil {
			return err
		}
		return a.ask(cmd, func(ctx context.Context, r *registrar.Registrar) error {
			item, err := r.Client(ctx, id)
			return a.show(item, err)
		})
	}
	return cmd
}

// show shows one record. One that cannot be read is shown as it stands there,
// and is an error.
func (a *app) show(item registrar.Item, err error) error {
	if err != nil {
		return err
	}
	if a.output.isTable() {
		a.describe(item.Kind, item.Fields)
	} else {
		writeDocument(a.stdout, a.output, documentOf(item.Kind, item.Name(), item.Fields))
	}
	return item.Invalid
}

func clientColumns(wide bool) []column[*registry.Client] {
	return []column[*registry.Client]{
		{"NAME", fixed, func(c *registry.Client, _ time.Time) string { return string(c.ID) }},
		{"FULL NAME", wideOnly, func(c *registry.Client, _ time.Time) string { return orNotSet(c.Name) }},
		{"CONTACT", wideOnly, func(c *registry.Client, _ time.Time) string { return orNotSet(c.Contact) }},
		{"STATE", fixed, func(c *registry.Client, _ time.Time) string { return c.State.String() }},
		{"BY", wideOnly, func(c *registry.Client, _ time.Time) string { return orNotSet(c.Changed.By) }},
		{"REASON", wideOnly, func(c *registry.Client, _ time.Time) string { return orNotSet(c.Changed.Reason) }},
		{"ALLOW", shrinks, func(c *registry.Client, _ time.Time) string { return networks(c.Allow, wide) }},
		{"MODE", fixed, func(c *registry.Client, _ time.Time) string { return c.AllowMode.String() }},
		{"LIMIT", shrinks, func(c *registry.Client, _ time.Time) string { return orNotSet(c.Limit.String()) }},
		{"LABELS", wideOnly, func(c *registry.Client, _ time.Time) string { return orNotSet(c.Labels.String()) }},
		{"AGE", fixed, func(c *registry.Client, now time.Time) string { return age(c.Created, now) }},
	}
}

func newClientListCommand(a *app) *cobra.Command {
	cmd := newLeaf("list [flags]", "list the clients", `
Lists the clients by id, without the deleted ones. -o json and -o yaml are lists of all fields that are set, with the
names and the texts that they have in Redis.`, `
credence client list
credence client list -o wide --selector tier=gold
credence client list -o json | jq -r '.[] | select(.state == "disabled") | .id'`)
	var all bool
	var selected selector
	cmd.Flags().BoolVar(&all, "all", false, "the deleted ones too")
	cmd.Flags().VarP(parse("LABELS", &selected, parseSelector), "selector", "l", "only those with these labels: tier=gold,env!=test,owner,!old")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := none(cmd, args); err != nil {
			return err
		}
		return a.browse(cmd, func(ctx context.Context, r *registrar.Registrar) error {
			keep := func(c *registry.Client) bool { return (all || c.State != registry.Deleted) && selected.holds(c.Labels) }
			written, err := list(a, r.Clients(ctx), clientColumns(a.output == asWideTable), keep)
			if written == 0 && err == nil && len(selected) > 0 {
				a.note("no clients with these labels")
			} else if written == 0 && err == nil {
				a.note("no clients; credence client create CLIENT makes one")
			}
			return err
		})
	}
	return cmd
}
