package cli

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"credence/internal/registrar"
	"credence/internal/registry"
)

// A faultDiagnosis turns faults of a registry into findings. Of what is often
// the same it makes one finding at the end.
type faultDiagnosis struct {
	*diagnosis
	a      *app
	evicts bool // a full Redis removes the keys that have an end
	seen   map[registrar.FaultKind]*seenFaults
}

// seenFaults are those of one kind.
type seenFaults struct {
	count int
	first []string // names
}

const (
	mostNames    = 5  // named where faults are told of together
	mostFindings = 20 // of one kind that people are shown one by one
)

// add tells of a fault, or keeps it to be told of with others.
func (f *faultDiagnosis) add(fault registrar.Fault) {
	seen := f.seen[fault.Kind]
	if seen == nil {
		seen = &seenFaults{}
		f.seen[fault.Kind] = seen
	}
	seen.count++
	if len(seen.first) < mostNames {
		seen.first = append(seen.first, whereOf(fault))
	}
	r := remedies[fault.Kind]
	if r.together || f.isTooMuch(fault.Kind, seen.count) {
		return
	}
	what, todo := r.explain(f, fault)
	f.diagnosis.add(finding{r.level, whereOf(fault), what, todo})
}

// isTooMuch tells faults that people need not be shown: a list that is gone
// makes one of each of its records. What denies requests is always shown.
func (f *faultDiagnosis) isTooMuch(kind registrar.FaultKind, count int) bool {
	return f.a.output == asTable && count > mostFindings && kind != registrar.Unreadable
}

// finish tells of the faults that were kept.
func (f *faultDiagnosis) finish() {
	for kind := range registrar.FaultKind(len(remedies)) {
		seen, r := f.seen[kind], remedies[kind]
		switch {
		case seen == nil:
		case r.together:
			names := strings.Join(seen.first, ", ")
			if seen.count > len(seen.first) {
				names += " …"
			}
			what, todo := r.explain(f, registrar.Fault{Kind: kind})
			f.diagnosis.add(finding{r.level, r.title, fmt.Sprintf("%d %s: %s", seen.count, what, names), todo})
		case f.isTooMuch(kind, seen.count):
			f.diagnosis.add(finding{r.level, r.title, fmt.Sprintf("%d more", seen.count-mostFindings), "credence doctor -o wide shows all"})
		}
	}
}

// whereOf says where a fault is, as who mends it knows the place.
func whereOf(fault registrar.Fault) string {
	if fault.Name != "" {
		return fault.Name
	}
	return fault.Key
}

// redis gives a command for redis-cli about a key of the registry.
func (f *faultDiagnosis) redis(command, key string, args ...string) string {
	words := slices.Concat([]string{"redis-cli", command, f.a.prefix + key}, args)
	for i, word := range words {
		words[i] = shellWord(word)
	}
	return strings.Join(words, " ")
}

// member gives the member that an index has for a key. That of a client's key is
// the kid alone.
func member(key string) string {
	if ref, ok := registry.ParseRef(key); ok && ref.Kind == registry.KeyKind {
		_, kid := ref.OfKey()
		return string(kid)
	}
	_, id, _ := strings.Cut(key, ":")
	return id
}

// ending gives the command that ends what has a name.
func ending(name string) string {
	kind, id, _ := strings.Cut(name, "/")
	switch registry.RecordKind(kind) {
	case registry.KeyKind:
		return "credence key revoke " + strings.Replace(id, "/", " ", 1)
	case registry.BindingKind:
		return "credence binding remove with its issuer and subject"
	}
	return "credence " + kind + " revoke " + id
}

// A remedy says what a kind of fault means, and what to do about it.
type remedy struct {
	level    level
	title    string // of many
	together bool   // one finding tells of all; explain then speaks of many
	explain  func(f *faultDiagnosis, fault registrar.Fault) (what, todo string)
}

// remedies are all kinds of fault.
var remedies = [...]remedy{
	registrar.NoRegistry: {levelError, "", false, func(*faultDiagnosis, registrar.Fault) (string, string) {
		return "there is no registry in this Redis", "credence init makes one; or name the right Redis with --redis or redis.url"
	}},
	registrar.AnotherRegistry: {levelError, "", false, func(_ *faultDiagnosis, fault registrar.Fault) (string, string) {
		return fmt.Sprintf("is another one than redis.registry_id demands (%s): servers deny every check", fault.Other),
			"name the right Redis with --redis or redis.url, or change redis.registry_id"
	}},
	registrar.PepperMissing: {levelError, "", false, func(_ *faultDiagnosis, fault registrar.Fault) (string, string) {
		return fmt.Sprintf("tokens are stored by %s, and its pepper is not configured: servers deny every check", fault.Other),
			fmt.Sprintf("credentials.pepper_files: {%s: FILE}", fault.Other)
	}},
	registrar.PepperDiffers: {levelError, "", false, func(_ *faultDiagnosis, fault registrar.Fault) (string, string) {
		return fmt.Sprintf("pepper %s is not the one that the registry was made with: servers deny every check", fault.Other),
			fmt.Sprintf("put the right pepper into the file that credentials.pepper_files.%s names; without it every token has to be replaced", fault.Other)
	}},
	registrar.PepperUnproven: {levelError, "", false, func(_ *faultDiagnosis, fault registrar.Fault) (string, string) {
		return fmt.Sprintf("has no check_%s: whether pepper %s is the right one cannot be told, and servers deny every check", fault.Other, fault.Other),
			"restore the field from a backup, or write it: docs/registry.md says how it is made"
	}},
	registrar.PepperUnused: {levelWarning, "", false, func(_ *faultDiagnosis, fault registrar.Fault) (string, string) {
		return fmt.Sprintf("pepper %s is configured, and tokens are not stored by it: the registry was made without", fault.Other),
			"take it out of credentials.pepper_files, or make the registry anew with it"
	}},
	registrar.DigestExcluded: {levelWarning, "", false, func(_ *faultDiagnosis, fault registrar.Fault) (string, string) {
		return fmt.Sprintf("tokens stored by %s are not accepted (credentials.digests)", fault.Other), "replace those tokens, or add it to credentials.digests"
	}},
	registrar.NewestExcluded: {levelError, "", false, func(_ *faultDiagnosis, fault registrar.Fault) (string, string) {
		return fmt.Sprintf("new tokens are stored by %s, which is not accepted (credentials.digests): none can be issued", fault.Other),
			"add it to credentials.digests"
	}},
	registrar.Unreadable: {levelError, "", false, func(f *faultDiagnosis, fault registrar.Fault) (string, string) {
		what := strings.TrimPrefix(plain(fault.Err), fault.Key+": ")
		return what, f.mend(fault)
	}},
	registrar.UnknownKey: {levelWarning, "unknown keys", false, func(f *faultDiagnosis, fault registrar.Fault) (string, string) {
		return "credence knows no such key", "if it is a typing error, " + f.redis("RENAME", fault.Key, f.a.prefix+"KEY") + "; if it is of no use, " + f.redis("DEL", fault.Key)
	}},
	registrar.Ends: {levelWarning, "keys that end", true, func(f *faultDiagnosis, _ registrar.Fault) (string, string) {
		what := "have a TTL, and are gone one day"
		if f.evicts {
			what = "have a TTL, and are gone one day, or when Redis is full"
		}
		return what, "redis-cli PERSIST KEY, with " + f.a.prefix + " before each"
	}},
	registrar.Unlisted: {levelWarning, "records that are not listed", false, func(f *faultDiagnosis, fault registrar.Fault) (string, string) {
		id := member(fault.Key)
		if token, isToken := strings.CutPrefix(fault.Name, "token/"); isToken {
			id = token
		}
		return fmt.Sprintf("is not in %s: no command lists it", fault.Other), f.redis("SADD", fault.Other, id)
	}},
	registrar.Unnamed: {levelError, "tokens that their id does not lead to", false, func(f *faultDiagnosis, fault registrar.Fault) (string, string) {
		return fmt.Sprintf("%s does not lead to it: no command can show or revoke it", fault.Other), f.redis("SET", fault.Other, member(fault.Key))
	}},
	registrar.Misled: {levelError, "ids that lead to another token", false, func(f *faultDiagnosis, fault registrar.Fault) (string, string) {
		return fmt.Sprintf("%s leads to %s: a command about the one would change the other", fault.Key, fault.Other), f.redis("DEL", fault.Key)
	}},
	registrar.NoRecord: {levelWarning, "indexes that name what is not there", false, func(f *faultDiagnosis, fault registrar.Fault) (string, string) {
		switch {
		case strings.HasPrefix(fault.Key, "token-id:"):
			return fmt.Sprintf("leads to %s, which is not there", fault.Other), f.redis("DEL", fault.Key)
		case strings.HasPrefix(fault.Other, "client:") && fault.Key != registry.ClientsKey:
			what, _, _ := strings.Cut(fault.Key, "-of:")
			return fmt.Sprintf("lists %s, and %s is not there", what, fault.Other), f.redis("DEL", fault.Key)
		}
		return fmt.Sprintf("names %s, which is not there", fault.Other), f.redis("SREM", fault.Key, member(fault.Other))
	}},
	registrar.ListsForeign: {levelWarning, "tokens and bindings in the list of another client", false, func(f *faultDiagnosis, fault registrar.Fault) (string, string) {
		_, id, _ := strings.Cut(fault.Name, "/")
		return fmt.Sprintf("is in %s, and belongs to %s", fault.Key, fault.Other), f.redis("SREM", fault.Key, id)
	}},
	registrar.NoOwner: {levelError, "credentials without client or profile", false, func(_ *faultDiagnosis, fault registrar.Fault) (string, string) {
		kind, id, _ := strings.Cut(fault.Other, ":")
		denied := "the token is"
		if !strings.HasPrefix(fault.Name, "token/") {
			denied = "its JWTs are"
		}
		return fmt.Sprintf("%s is not there: %s always denied", fault.Other, denied),
			fmt.Sprintf("%s, or credence %s create %s", ending(fault.Name), kind, id)
	}},
	registrar.UnknownDigest: {levelError, "tokens that no server finds", false, func(_ *faultDiagnosis, fault registrar.Fault) (string, string) {
		return fmt.Sprintf("is stored by %s, which no server looks for: the token is unknown", fault.Other),
			"issue another one in its place, and credence token revoke " + strings.TrimPrefix(fault.Name, "token/")
	}},
	registrar.NeverExpires: {levelWarning, "tokens", true, func(*faultDiagnosis, registrar.Fault) (string, string) {
		return "in use without an end", "credence token update ID --expires-in 90d; or for all of a profile, credence profile update PROFILE --max-token-age 90d"
	}},
	registrar.Expired: {levelWarning, "expired credentials", true, func(*faultDiagnosis, registrar.Fault) (string, string) {
		return "expired more than 30 days ago, and not revoked", "credence token revoke ID, credence key revoke CLIENT KID, unless somebody may still want to extend a token"
	}},
	registrar.Observing: {levelWarning, "allowlists that refuse nobody", false, func(f *faultDiagnosis, fault registrar.Fault) (string, string) {
		kind, id, _ := strings.Cut(fault.Name, "/")
		return fmt.Sprintf("its allowlist refuses nobody (allow_mode observe), and was last changed %s ago", age(fault.Since, f.a.now())),
			fmt.Sprintf("credence %s update %s --allow-mode enforce, when the log (log.level debug) shows nobody who would be refused wrongly", kind, id)
	}},
}

// mend says how something that cannot be read is mended.
func (f *faultDiagnosis) mend(fault registrar.Fault) string {
	var invalid *registry.FieldError
	if errors.As(fault.Err, &invalid) && invalid.Field != "" {
		return "requests that need it are denied; mend the field as docs/registry.md says: " + f.redis("HGETALL", fault.Key)
	}
	return "look at it, and rename it if it is of use: " + f.redis("TYPE", fault.Key)
}
