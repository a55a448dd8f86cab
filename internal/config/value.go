package config

import (
	"fmt"
	"io/fs"
	"log/slog"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"credence/internal/credential"
	"credence/internal/registry"

	"go.yaml.in/yaml/v3"
)

// boolean reads true and false, and none of the other words of YAML 1.1.
var boolean = scalar("true or false", []string{"!!bool"}, func(text string) (bool, error) {
	switch text {
	case "true":
		return true, nil
	case "false":
		return false, nil
	}
	return false, errUnfit
}, strconv.FormatBool)

// integer reads a whole number in decimal digits.
func integer(least, most int) codec[int] {
	want := fmt.Sprintf("a whole number from %d to %d", least, most)
	return scalar(want, []string{"!!int"}, func(text string) (int, error) {
		n, err := strconv.Atoi(text)
		if err != nil || strconv.Itoa(n) != text || n < least || n > most {
			return 0, errUnfit
		}
		return n, nil
	}, strconv.Itoa)
}

// duration reads what registry.ParseDuration reads, and zero where it is in
// the range.
func duration(least, most time.Duration) codec[time.Duration] {
	want := "a duration from " + writtenDuration(least) + " to " + writtenDuration(most)
	return scalar(want, []string{"!!str", "!!int"}, func(text string) (time.Duration, error) {
		if text == "0" || text == "0s" {
			if least > 0 {
				return 0, errUnfit
			}
			return 0, nil
		}
		d, err := registry.ParseDuration(text)
		switch {
		case err != nil && isDigits(text):
			return 0, fmt.Errorf("want %s, have %s: the unit is missing", want, text)
		case err != nil || d < least || d > most:
			return 0, errUnfit
		}
		return d, nil
	}, writtenDuration)
}

// writtenDuration gives a duration without the zeros that Go ends it with: 5m.
func writtenDuration(d time.Duration) string {
	if d == 0 {
		return "0s"
	}
	text := registry.FormatDuration(d)
	for _, zero := range []struct{ after, tail string }{{"m", "0s"}, {"h", "0m"}} {
		if strings.HasSuffix(text, zero.after+zero.tail) {
			text = strings.TrimSuffix(text, zero.tail)
		}
	}
	return text
}

// fileMode reads the mode of a socket. Quotes are demanded: without, YAML
// tools turn 0660 into 432.
var fileMode = scalar(`a file mode like "0660"`, []string{"!!str"}, func(text string) (fs.FileMode, error) {
	mode, err := strconv.ParseUint(text, 8, 32)
	switch {
	case err != nil || len(text) != 4 || text[0] != '0':
		return 0, errUnfit
	case mode&0o600 != 0o600:
		return 0, fmt.Errorf("%q locks the server itself out: want read and write for the owner", text)
	}
	return fs.FileMode(mode), nil
}, func(mode fs.FileMode) string { return fmt.Sprintf(`"%04o"`, mode) })

var logLevel = scalar("debug, info, warn or error", []string{"!!str"}, func(text string) (slog.Level, error) {
	for _, level := range []slog.Level{slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError} {
		if text == writtenLevel(level) {
			return level, nil
		}
	}
	return 0, errUnfit
}, writtenLevel)

func writtenLevel(level slog.Level) string { return strings.ToLower(level.String()) }

// path reads the path of a file, or nothing. Relative ones are relative to
// where the process runs.
var path = text("a path, or empty", matching[string](isLine))

// file reads the path of a file.
var file = text("a path", matching[string](func(text string) bool { return text != "" && isLine(text) }))

// line reads a text on one line, or nothing.
func line(want string) codec[string] { return text(want+", or empty", matching[string](isLine)) }

// word reads a text on one line.
func word(want string) codec[string] {
	return text(want, matching[string](func(text string) bool { return text != "" && isLine(text) }))
}

// maxLine is the longest text of a value, in bytes.
const maxLine = 4096

func isLine(text string) bool {
	return len(text) <= maxLine && !strings.ContainsFunc(text, func(r rune) bool { return r < 0x20 || r == 0x7f })
}

func isVisible(text string) bool {
	for i := range len(text) {
		if text[i] < 0x21 || text[i] > 0x7e {
			return false
		}
	}
	return true
}

func isDigits(text string) bool {
	return text != "" && strings.Trim(text, "0123456789") == ""
}

// maxPrefix is the longest prefix of Redis keys.
const maxPrefix = 128

// parsePrefix reads the prefix of all keys. Cluster hashes what is between the
// first { and the } after it, if it is not empty.
func parsePrefix(text string) (string, error) {
	if text == "" || len(text) > maxPrefix || !isVisible(text) {
		return "", errUnfit
	}
	if strings.ContainsAny(text, `*?[]^\`) {
		return "", fmt.Errorf("%s holds a character of patterns (*?[]^\\): rights in Redis' ACL would reach beyond the prefix", quoted(text))
	}
	before, rest, opened := strings.Cut(text, "{")
	tag, after, closed := strings.Cut(rest, "}")
	if !opened || !closed || tag == "" || strings.ContainsAny(before+tag+after, "{}") {
		return "", fmt.Errorf("%s holds no hash tag, or more than one: want one, like {credence}", quoted(text))
	}
	return text, nil
}

const maxRegistryID = 128

func parseRegistryID(text string) (string, error) {
	if len(text) > maxRegistryID || !isVisible(text) {
		return "", errUnfit
	}
	return text, nil
}

var digestKind = text("s1 or h1 to h99", credential.ParseDigestKind)

var pepperFiles = table("paths by kind, h1 to h99", func(text string) (credential.DigestKind, error) {
	kind, err := credential.ParseDigestKind(text)
	if err == nil && kind == credential.PlainDigest {
		err = fmt.Errorf("%s takes no pepper: want h1 to h99", kind)
	}
	return kind, err
}, file)

// networks reads a list of networks, or a text of networks separated by single
// spaces as records hold them.
var networks = func() codec[[]netip.Prefix] {
	network := scalar("an address or network", []string{"!!str"}, registry.ParseNetwork, func(p netip.Prefix) string { return written(p.String()) })
	many := list(network)
	many.want = "a list of addresses and networks, or a text of them with single spaces between"
	one := many.read
	many.read = func(d *decoder, path string, node *yaml.Node) ([]netip.Prefix, bool) {
		if !hasTag(node, []string{"!!str"}) {
			return one(d, path, node)
		}
		if node.Value == "" {
			return nil, true
		}
		var words []*yaml.Node
		for word := range strings.SplitSeq(node.Value, " ") {
			words = append(words, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: word, Line: node.Line})
		}
		return readItems(d, path, words, network)
	}
	return many
}()

const maxRealm = 128

// parseRealm reads what can stand between quotes as it is (RFC 9110 §5.6.4).
func parseRealm(text string) (string, error) {
	if text == "" || len(text) > maxRealm || strings.ContainsAny(text, `"\`) || !isVisible(strings.ReplaceAll(text, " ", "")) {
		return "", errUnfit
	}
	return text, nil
}

// ownExtensions are the context extensions that credence understands itself.
var ownExtensions = []string{"scopes", "profiles", "auth", "mode", "audience", "api", "preflight", "resource_metadata"}

func parseForeignExtension(text string) (string, error) {
	if text == "" || !isLine(text) {
		return "", errUnfit
	}
	for _, own := range ownExtensions {
		if text == own {
			return "", fmt.Errorf("%s is credence's own extension: to ignore it could open a route", text)
		}
	}
	return text, nil
}

const (
	maxLabels       = 8
	maxIdentity     = 64 // length of identity.prefix
	identityHyphens = 3  // in it: all spellings of - as -, _ and . are removed
)

// foreignPrefixes begin headers that are Envoy's own.
var foreignPrefixes = []string{"x-envoy-", "x-forwarded-", "x-request-"}

func parseIdentityPrefix(text string) (string, error) {
	if text == "" || len(text) > maxIdentity || text[0] < 'a' || text[0] > 'z' || text[len(text)-1] != '-' || strings.Count(text, "-") > identityHyphens {
		return "", errUnfit
	}
	if strings.Trim(text, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
		return "", errUnfit
	}
	for _, foreign := range foreignPrefixes {
		if strings.HasPrefix(text, foreign) {
			return "", fmt.Errorf("headers that begin with %s belong to Envoy", foreign)
		}
	}
	return text, nil
}

// labels reads the keys of labels.
var labels = func() codec[[]string] {
	label := text("the key of a label", func(text string) (string, error) {
		switch {
		case !registry.IsLabelKey(text):
			return "", fmt.Errorf("%s is no key of a label: want [a-z0-9][a-z0-9-]{0,30}", quoted(text))
		case strings.Count(text, "-") > 1:
			return "", fmt.Errorf("%s has more than one hyphen: its header could be spelt in too many ways", quoted(text))
		}
		return text, nil
	})
	all := list(label)
	read := all.read
	all.want = fmt.Sprintf("a list of at most %d keys of labels", maxLabels)
	all.read = func(d *decoder, path string, node *yaml.Node) ([]string, bool) {
		keys, ok := read(d, path, node)
		if len(keys) > maxLabels {
			d.fail(node.Line, path, "%d labels: want at most %d", len(keys), maxLabels)
			ok = false
		}
		return keys, ok
	}
	return all
}()
