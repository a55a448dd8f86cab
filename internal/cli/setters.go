package cli

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"credence/internal/registry"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// setters say how the flag of a field puts it over a record, by the flag's
// name.
type setters[R any] map[string]func(to, from *R)

// apply puts the flags that were given over a record.
func (s setters[R]) apply(flags *pflag.FlagSet, to, given *R) {
	for name, set := range s {
		if flags.Changed(name) {
			set(to, given)
		}
	}
}

// A clearing is the flag --clear: fields that a record shall not have.
type clearing struct{ names []string }

// register makes the flag for the fields that may be missing.
func (c *clearing) register(flags *pflag.FlagSet, names ...string) {
	flags.Var(gather("FIELD", &c.names, ", ", func(text string) ([]string, error) {
		given := strings.Fields(text)
		for _, name := range given {
			if !slices.Contains(names, name) {
				return nil, fmt.Errorf("%q: %s", name, meant(name, names, "want one of "+strings.Join(names, ", ")))
			}
		}
		return given, nil
	}), "clear", "leave a field out (repeat, or separate by commas): "+strings.Join(names, ", "))
}

// clearFields takes fields out of a record.
func clearFields[R any](c *clearing, s setters[R], to *R) {
	var zero R
	for _, name := range c.names {
		s[name](to, &zero)
	}
}

// somethingGiven refuses an update that changes nothing, or sets what it
// clears.
func somethingGiven(cmd *cobra.Command, args []string, c *clearing, example ...string) error {
	given := 0
	cmd.LocalNonPersistentFlags().VisitAll(func(f *pflag.Flag) {
		if f.Changed && !slices.Contains([]string{"by", "reason", "dry-run", "wait", "verbose", "help"}, f.Name) {
			given++
		}
	})
	if given == 0 {
		return misused("%s: what is to be changed? %s", pathOf(cmd), commandLine(cmd, args, example...))
	}
	for _, name := range c.names {
		if cmd.Flags().Changed(name) {
			return misused("%s: --%s and --clear %s: want one of them", pathOf(cmd), name, name)
		}
	}
	return nil
}

// An allowEdit adds networks to an allowlist and takes others out.
type allowEdit struct{ add, remove registry.Networks }

func (e *allowEdit) register(flags *pflag.FlagSet) {
	flags.Lookup("allow").Usage = "replace the allowlist (repeat, or separate by commas)" // not given: it stays
	flags.Var(allowFlag(&e.add), "add-allow", "add to the allowlist (repeat, or separate by commas)")
	flags.Var(allowFlag(&e.remove), "remove-allow", "take out of the allowlist (repeat, or separate by commas)")
}

// apply edits a list. It never makes one out of none, nor none out of one: that
// would turn "any" and "only these" into each other unasked.
func (e *allowEdit) apply(cmd *cobra.Command, to *registry.Networks) error {
	prefixes := to.Prefixes()
	for _, prefix := range e.remove.Prefixes() {
		at := slices.Index(prefixes, prefix)
		if at < 0 {
			return misused("%s: --remove-allow: %s is not in the allowlist (%s)", pathOf(cmd), prefix, networks(*to, true))
		}
		prefixes = slices.Delete(prefixes, at, at+1)
	}
	for _, prefix := range e.add.Prefixes() {
		if !slices.Contains(prefixes, prefix) {
			prefixes = append(prefixes, prefix)
		}
	}
	switch {
	case e.add.Present() && !to.Present():
		return misused("%s: --add-allow: there is no allowlist, any address is allowed: --allow makes one", pathOf(cmd))
	case to.Present() && len(prefixes) == 0:
		return misused("%s: --remove-allow: no network would be left, and any address allowed: if that is meant, --clear allow", pathOf(cmd))
	}
	*to = registry.NetworksOf(prefixes...)
	return nil
}

// A labelEdit sets labels one by one and takes others out.
type labelEdit struct {
	add    registry.Labels
	remove []string
}

func (e *labelEdit) register(flags *pflag.FlagSet) {
	flags.Var(labelsFlag(&e.add), "add-label", "set a label, and leave the others (repeat, or separate by commas)")
	flags.Var(gather("KEY", &e.remove, ", ", func(text string) ([]string, error) { return strings.Fields(text), nil }),
		"remove-label", "take a label out, by its key (repeat, or separate by commas)")
}

func (e *labelEdit) apply(cmd *cobra.Command, to *registry.Labels) error {
	labels := slices.Clone(*to)
	for _, key := range e.remove {
		at := slices.IndexFunc(labels, func(l registry.Label) bool { return l.Key == key })
		if at < 0 {
			return misused("%s: --remove-label: there is no label %q (%s)", pathOf(cmd), key, orNotSet(to.String()))
		}
		labels = slices.Delete(labels, at, at+1)
	}
	for _, label := range e.add {
		at := slices.IndexFunc(labels, func(l registry.Label) bool { return l.Key == label.Key })
		if at < 0 {
			labels = append(labels, label)
		} else {
			labels[at] = label
		}
	}
	*to = labels
	return nil
}

// A scopeEdit adds scopes and takes others out.
type scopeEdit struct{ add, remove []string }

func (e *scopeEdit) register(flags *pflag.FlagSet) {
	flags.Var(scopesFlag(&e.add), "add-scopes", "add to the scopes")
	flags.Var(scopesFlag(&e.remove), "remove-scopes", "take out of the scopes")
}

func (e *scopeEdit) apply(cmd *cobra.Command, to *[]string) error {
	scopes := slices.Clone(*to)
	for _, scope := range e.remove {
		at := slices.Index(scopes, scope)
		if at < 0 {
			return misused("%s: --remove-scopes: %q is not among the scopes (%s)", pathOf(cmd), scope, orNotSet(strings.Join(*to, " ")))
		}
		scopes = slices.Delete(scopes, at, at+1)
	}
	for _, scope := range e.add {
		if !slices.Contains(scopes, scope) {
			scopes = append(scopes, scope)
		}
	}
	*to = scopes
	return nil
}

// clearable gives the flags of fields that may be missing.
func clearable[R any](s setters[R], required ...string) []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(s)), func(name string) bool { return slices.Contains(required, name) })
}
