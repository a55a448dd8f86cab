package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"credence/internal/registrar"
	"credence/internal/registry"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

func newProfileCommand(a *app) *cobra.Command {
	group := newGroup("profile", "access profiles: what a class of access may do", `
An access profile says what a class of access may do: which kinds of credential it accepts, its scopes, from where, and
how old tokens may be. Each token, key and binding is for one profile.`, `
credence profile create partner --accepts token --scopes "orders:read orders:write" --max-token-age 90d
credence profile list
credence profile get partner`)
	group.AddCommand(
		newProfileCreateCommand(a), newProfileGetCommand(a), newProfileListCommand(a), newProfileUpdateCommand(a),
		newDisableCommand(a, profileOwner()), newEnableCommand(a, profileOwner()), newDeleteCommand(a, profileOwner()),
	)
	return group
}

// profileFlags are the fields of a profile that a person sets.
type profileFlags struct{ given registry.Profile }

func (p *profileFlags) register(flags *pflag.FlagSet) {
	flags.Var(acceptsFlag(&p.given.Accepts), "accepts", "kinds of credential: token, jwt or both")
	flags.Var(scopesFlag(&p.given.Scopes), "scopes", `what it may do: "orders:read orders:write"`)
	flags.Var(allowFlag(&p.given.Allow), "allow", "only from this address or network (repeat, or separate by commas); any where not given")
	flags.Var(allowModeFlag(&p.given.AllowMode), "allow-mode", "enforce, or observe: let pass who is not allowed, and count it (credence_observed_total; log.level debug tells each)")
	flags.Var(durationFlag(&p.given.MaxTokenAge), "max-token-age", "refuse older tokens: 90d")
	flags.Var(durationFlag(&p.given.MaxJWTLifetime), "max-jwt-lifetime", "refuse JWTs that live longer: 10m")
	flags.BoolVar(&p.given.RequireTLS, "require-tls", false, "refuse what did not come by https")
	flags.Var(limitFlag(&p.given.Limit), "limit", "requests in a unit of time for clients without a limit of their own: 1000/hour")
}

func profileSetters() setters[registry.Profile] {
	return setters[registry.Profile]{
		"accepts":          func(to, from *registry.Profile) { to.Accepts = from.Accepts },
		"scopes":           func(to, from *registry.Profile) { to.Scopes = from.Scopes },
		"allow":            func(to, from *registry.Profile) { to.Allow = from.Allow },
		"allow-mode":       func(to, from *registry.Profile) { to.AllowMode = from.AllowMode },
		"max-token-age":    func(to, from *registry.Profile) { to.MaxTokenAge = from.MaxTokenAge },
		"max-jwt-lifetime": func(to, from *registry.Profile) { to.MaxJWTLifetime = from.MaxJWTLifetime },
		"require-tls":      func(to, from *registry.Profile) { to.RequireTLS = from.RequireTLS },
		"limit":            func(to, from *registry.Profile) { to.Limit = from.Limit },
	}
}

func profileOwner() owner[registry.ProfileID] {
	return owner[registry.ProfileID]{
		kind: "profile", example: "partner", denied: "what is issued for it", parse: profileArg, names: profileNames,
		disable: (*registrar.Registrar).DisableProfile, enable: (*registrar.Registrar).EnableProfile, remove: (*registrar.Registrar).DeleteProfile,
		warn: func(ctx context.Context, r *registrar.Registrar, id registry.ProfileID) (string, error) {
			n, err := credentialsOf(ctx, r, "", id)
			return fmt.Sprintf("profile/%s and the %s for it will be denied for good.", id, n), err
		},
	}
}

func newProfileCreateCommand(a *app) *cobra.Command {
	cmd := newLeaf("create PROFILE [flags]", "make an access profile", `
Makes an access profile. PROFILE is its id: [a-z0-9][a-z0-9._-]{0,62}. The id of a deleted profile is never used again.`, `
credence profile create partner --accepts token
credence profile create partner --accepts token --scopes "orders:read orders:write" --max-token-age 90d --require-tls
credence profile create internal --accepts token,jwt --allow 10.0.0.0/8 --max-jwt-lifetime 10m --limit 50/second`)
	var fields profileFlags
	fields.register(cmd.Flags())
	m := newMutation(a, cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		id, err := profileArg(cmd, args)
		if err != nil {
			return err
		}
		if !cmd.Flags().Changed("accepts") {
			return missing(cmd, args, "accepts", "token")
		}
		return a.change(cmd, m, func(ctx context.Context, r *registrar.Registrar) error {
			profile := registry.Profile{ID: id}
			profileSetters().apply(cmd.Flags(), &profile, &fields.given)
			outcome, err := r.CreateProfile(ctx, a.author(m), profile)
			if err != nil {
				return err
			}
			next := ""
			if profile.Accepts.Token {
				next = "next: credence token issue CLIENT --profile " + string(id) + " --expires-in 90d"
			} else {
				next = "next: credence key add CLIENT --profile " + string(id) + " --from-file FILE"
			}
			a.report(m, outcome, "created", next)
			return nil
		})
	}
	return cmd
}

func newProfileGetCommand(a *app) *cobra.Command {
	cmd := newLeaf("get PROFILE", "show an access profile", `
Shows all fields of an access profile. -o json and -o yaml hold those that are set, with the names and the texts that they
have in Redis.`, `
credence profile get partner
credence profile get partner -o yaml`)
	cmd.ValidArgsFunction = first(profileNames(a))
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		id, err := profileArg(cmd, args)
		if err != nil {
			return err
		}
		return a.ask(cmd, func(ctx context.Context, r *registrar.Registrar) error {
			item, err := r.Profile(ctx, id)
			return a.show(item, err)
		})
	}
	return cmd
}

func profileColumns(wide bool) []column[*registry.Profile] {
	duration := func(d time.Duration) string { return orNotSet(registry.FormatDuration(d)) }
	return []column[*registry.Profile]{
		{"NAME", fixed, func(p *registry.Profile, _ time.Time) string { return string(p.ID) }},
		{"STATE", fixed, func(p *registry.Profile, _ time.Time) string { return p.State.String() }},
		{"ACCEPTS", fixed, func(p *registry.Profile, _ time.Time) string { return p.Accepts.String() }},
		{"SCOPES", shrinks, func(p *registry.Profile, _ time.Time) string { return orNotSet(strings.Join(p.Scopes, " ")) }},
		{"ALLOW", shrinks, func(p *registry.Profile, _ time.Time) string { return networks(p.Allow, wide) }},
		{"MODE", fixed, func(p *registry.Profile, _ time.Time) string { return p.AllowMode.String() }},
		{"MAX TOKEN AGE", wideOnly, func(p *registry.Profile, _ time.Time) string { return duration(p.MaxTokenAge) }},
		{"MAX JWT LIFETIME", wideOnly, func(p *registry.Profile, _ time.Time) string { return duration(p.MaxJWTLifetime) }},
		{"TLS", wideOnly, func(p *registry.Profile, _ time.Time) string {
			return map[bool]string{true: "required", false: notSet}[p.RequireTLS]
		}},
		{"LIMIT", wideOnly, func(p *registry.Profile, _ time.Time) string { return orNotSet(p.Limit.String()) }},
		{"AGE", fixed, func(p *registry.Profile, now time.Time) string { return age(p.Created, now) }},
	}
}

func newProfileListCommand(a *app) *cobra.Command {
	cmd := newLeaf("list [flags]", "list the access profiles", `
Lists the access profiles by id, without the deleted ones. -o json and -o yaml are lists of all fields that are set, with
the names and the texts that they have in Redis.`, `
credence profile list
credence profile list -o wide`)
	var all bool
	cmd.Flags().BoolVar(&all, "all", false, "the deleted ones too")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := none(cmd, args); err != nil {
			return err
		}
		return a.browse(cmd, func(ctx context.Context, r *registrar.Registrar) error {
			keep := func(p *registry.Profile) bool { return all || p.State != registry.Deleted }
			written, err := list(a, r.Profiles(ctx), profileColumns(a.output == asWideTable), keep)
			if written == 0 && err == nil {
				a.note("no access profiles; credence profile create PROFILE --accepts token makes one")
			}
			return err
		})
	}
	return cmd
}
