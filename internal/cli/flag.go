package cli

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"credence/internal/registry"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// A parsed flag is text that becomes a value where it is read.
type parsed struct {
	kind string // what help calls the value
	set  func(text string) (shown string, err error)
	text string // as it may be given again
}

// Set implements pflag.Value.
func (p *parsed) Set(text string) error {
	shown, err := p.set(text)
	if err == nil {
		p.text = shown
	}
	return err
}

// String implements pflag.Value.
func (p *parsed) String() string { return p.text }

// Type implements pflag.Value.
func (p *parsed) Type() string { return p.kind }

// parse makes a flag of a parser.
func parse[T any](kind string, into *T, read func(string) (T, error)) *parsed {
	return &parsed{kind: kind, set: func(text string) (string, error) {
		value, err := read(text)
		if err == nil {
			*into = value
		}
		return text, err
	}}
}

var errEmpty = errors.New("is empty")

// gather makes a flag that may be given many times, or hold many words: the
// parser reads all of them, separated by single spaces.
func gather[T any](kind string, into *T, separators string, read func(string) (T, error)) *parsed {
	var words []string
	return &parsed{kind: kind, set: func(text string) (string, error) {
		more := strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(separators, r) })
		if len(more) == 0 {
			return "", errEmpty
		}
		for _, word := range more {
			if !slices.Contains(words, word) {
				words = append(words, word)
			}
		}
		all := strings.Join(words, " ")
		value, err := read(all)
		if err == nil {
			*into = value
		}
		return all, err
	}}
}

// Flags are called as the fields of the records that they fill.

func allowFlag(into *registry.Networks) pflag.Value {
	return gather("NETWORK", into, ", ", registry.ParseNetworks)
}

func allowModeFlag(into *registry.AllowMode) pflag.Value {
	return parse("MODE", into, registry.ParseAllowMode)
}

func limitFlag(into *registry.Limit) pflag.Value { return parse("LIMIT", into, registry.ParseLimit) }

func labelsFlag(into *registry.Labels) pflag.Value {
	return gather("KEY=VALUE", into, ", ", registry.ParseLabels)
}

func acceptsFlag(into *registry.Kinds) pflag.Value {
	return gather("KINDS", into, ", ", registry.ParseKinds)
}

func scopesFlag(into *[]string) pflag.Value {
	return gather("SCOPES", into, " ", func(text string) ([]string, error) {
		if strings.Contains(text, ",") {
			return nil, errors.New("scopes are separated by spaces, not by commas")
		}
		return registry.ParseScopes(text)
	})
}

func durationFlag(into *time.Duration) pflag.Value {
	return parse("DURATION", into, registry.ParseDuration)
}

// timeFlag reads any RFC 3339 time; the registry keeps it in UTC.
func timeFlag(into *time.Time) pflag.Value {
	return parse("TIME", into, func(text string) (time.Time, error) {
		t, err := time.Parse(time.RFC3339, text)
		if err != nil {
			return time.Time{}, fmt.Errorf("%q is no time: want RFC 3339, like 2026-01-31T12:00:00Z", text)
		}
		return t.UTC(), nil
	})
}

func addressFlag(into *netip.Addr) pflag.Value {
	return parse("ADDRESS", into, func(text string) (netip.Addr, error) {
		address, err := netip.ParseAddr(text)
		if err != nil { // its text is for those who write Go
			return address, fmt.Errorf("%q is no address: want one like 203.0.113.7 or 2001:db8::7", text)
		}
		return address, nil
	})
}

// explainFlag says what is wrong with a flag in our own words. It is called by
// cobra with pflag's error.
func explainFlag(cmd *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	var needed *pflag.ValueRequiredError
	var invalid *pflag.InvalidValueError
	switch {
	case errors.As(err, &unknown) && unknown.GetSpecifiedShortnames() == "":
		name := unknown.GetSpecifiedName()
		return misused("%s: unknown flag --%s: %s", pathOf(cmd), name, meant("--"+name, flagNames(cmd), "see "+cmd.CommandPath()+" --help"))
	case errors.As(err, &needed):
		flag := needed.GetFlag()
		kind, _ := pflag.UnquoteUsage(flag)
		return misused("%s: --%s: has no value: want --%s %s", pathOf(cmd), flag.Name, flag.Name, kind)
	case errors.As(err, &invalid) && errors.Is(invalid.Unwrap(), errEmpty) && cmd.Flags().Lookup("add-"+invalid.GetFlag().Name) != nil:
		name := invalid.GetFlag().Name // an update's, for the whole list
		return misused("%s: --%s: is empty: if none is meant, --clear %s", pathOf(cmd), name, name)
	case errors.As(err, &invalid):
		return misused("%s: --%s: %v", pathOf(cmd), invalid.GetFlag().Name, invalid.Unwrap())
	}
	return misused("%s: %v", pathOf(cmd), err)
}

// withoutOutput refuses --output for a command that prints no document.
func withoutOutput(cmd *cobra.Command) *cobra.Command {
	cmd.Flags().VarP(&parsed{kind: "FORMAT", set: func(string) (string, error) {
		return "", errors.New("this command prints no document")
	}}, "output", "o", "")
	cmd.Flags().Lookup("output").Hidden = true
	return cmd
}

func flagNames(cmd *cobra.Command) []string {
	var names []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, "--"+f.Name) })
	return names
}
