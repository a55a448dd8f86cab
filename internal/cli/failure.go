package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"slices"
	"strings"
	"syscall"

	"credence/internal/config"
	"credence/internal/registrar"
	"credence/internal/registry"

	"github.com/spf13/cobra"
)

// complain tells an error: in one line, or one for each problem of a
// configuration file.
func (a *app) complain(err error) {
	var no *answerNo
	if err == nil || errors.As(err, &no) && no.what == "" {
		return
	}
	var problems config.Problems
	if errors.As(err, &problems) {
		fmt.Fprintln(a.stderr, redact(problems.Error()))
		return
	}
	a.say("%s", a.explain(err))
}

// say tells people something besides the data.
func (a *app) say(format string, args ...any) {
	line := strings.Join(strings.Fields(fmt.Sprintf(format, args...)), " ")
	fmt.Fprintf(a.stderr, "credence: %s\n", printable(redact(line)))
}

// note is say for what is no complaint.
func (a *app) note(format string, args ...any) {
	fmt.Fprintln(a.stderr, printable(redact(fmt.Sprintf(format, args...))))
}

// explain says what is wrong, where, and what to do.
func (a *app) explain(err error) string {
	var usage *usageError
	switch {
	case errors.As(err, &usage):
		return usage.what
	case errors.Is(err, registry.ErrNoRegistry):
		return fmt.Sprintf("no registry in redis at %s (prefix %s): make one with credence init", a.redisAt, a.prefix)
	case errors.Is(err, registrar.ErrUncertain) && !neverConnected(err):
		return fmt.Sprintf("redis at %s: %s; it is not known whether the change was made: look before you try again", a.redisAt, cause(err))
	case errors.Is(err, registry.ErrConflict):
		return plain(err) + ": others keep changing it, try again"
	}
	if advice, known := adviceFor(err); known && a.redisAt != "" {
		return fmt.Sprintf("redis at %s %s", a.redisAt, advice)
	}
	if errors.Is(err, registry.ErrUnavailable) {
		return fmt.Sprintf("cannot reach redis at %s: %s; is it running? (redis-server, or --redis URL)", a.redisAt, cause(err))
	}
	return plain(err)
}

// adviceFor knows the words that Redis itself refuses with.
func adviceFor(err error) (string, bool) {
	for _, refusal := range []struct{ word, advice string }{
		{"NOAUTH ", "wants a password: set redis.password_file or " + config.EnvRedisPassword},
		{"WRONGPASS ", "refuses user name and password: see redis.username, redis.password_file and " + config.EnvRedisPassword},
		{"NOPERM ", "does not let this user do that; credence redis acl prints the rights that are needed"},
		{"OOM ", "is full (maxmemory) and took nothing; what only switches off still works"},
		{"READONLY ", "is a read-only replica and took nothing: name the primary with --redis or redis.url"},
		{"MISCONF ", "cannot save to its disk and took nothing: see the log of Redis"},
		{"LOADING ", "is still loading its data: try again in a moment"},
		{"NOREPLICAS ", "has too few replicas to take writes: see min-replicas-to-write"},
		{"MASTERDOWN ", "is a replica without its primary: name the primary with --redis or redis.url"},
	} {
		if strings.Contains(err.Error(), refusal.word) {
			return refusal.advice, true
		}
	}
	return "", false
}

// neverConnected tells an error of reaching Redis at all.
func neverConnected(err error) bool {
	var operation *net.OpError
	return errors.As(err, &operation) && operation.Op == "dial"
}

// cause says in a few words why there was no answer.
func cause(err error) string {
	var dns *net.DNSError
	var errno syscall.Errno
	switch {
	case errors.As(err, &dns):
		return "no such host " + dns.Name
	case isTimeout(err):
		return fmt.Sprintf("no answer within %v", waitForRedis)
	case errors.Is(err, syscall.ENOENT):
		return "there is no such socket"
	case errors.As(err, &errno):
		return errno.Error()
	}
	for inner := errors.Unwrap(err); inner != nil; inner = errors.Unwrap(err) {
		err = inner
	}
	if many, ok := err.(interface{ Unwrap() []error }); ok { // the last of them is what happened
		all := many.Unwrap()
		return cause(all[len(all)-1])
	}
	return plain(err)
}

// isTimeout tells that there was no answer in time.
func isTimeout(err error) bool {
	var failure net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) || errors.As(err, &failure) && failure.Timeout()
}

// packages are what errors begin with for those who read the code.
var packages = []string{
	"answer: ", "authz: ", "cache: ", "config: ", "credential: ", "dev: ", "envoy: ", "extauthz: ", "fleet: ", "jwks: ", "jwt: ", "redisstore: ", "registrar: ", "registry: ", "telemetry: ",
}

// plain gives an error's text without the names of the packages that it came
// through.
func plain(err error) string {
	text := err.Error()
	names := slices.Clone(packages) // each of them once: registry is the name of a record too
	for {
		at := slices.IndexFunc(names, func(name string) bool { return strings.HasPrefix(text, name) })
		if at < 0 {
			return text
		}
		text = text[len(names[at]):]
		names = slices.Delete(names, at, at+1)
	}
}

// blame names the flag by which a record got a field that no registry takes.
func blame(cmd *cobra.Command, err error) error {
	var refusal *registrar.Refusal
	var wrong *registry.FieldError
	if errors.As(err, &refusal) || !errors.As(err, &wrong) {
		return err // it is none, or stood there before
	}
	name := strings.ReplaceAll(strings.TrimPrefix(wrong.Field, "state_"), "_", "-")
	if flag := cmd.Flags().Lookup(name); flag == nil || !flag.Changed {
		return err
	}
	return misused("%s: --%s: %s", pathOf(cmd), name, wrong.Why)
}

// suggestNames adds to an error about a record that is not there which one may
// have been meant.
func (a *app) suggestNames(ctx context.Context, r *registrar.Registrar, err error) error {
	var refusal *registrar.Refusal
	if !errors.Is(err, registrar.ErrNotFound) || !errors.As(err, &refusal) {
		return err
	}
	kind, id, _ := strings.Cut(refusal.Name, "/")
	var names []string
	switch registry.RecordKind(kind) {
	case registry.ClientKind:
		names = namesOf(r.ClientIDs(ctx))
	case registry.ProfileKind:
		names = namesOf(r.ProfileIDs(ctx))
	case registry.KeyKind:
		client, kid, _ := strings.Cut(id, "/")
		return fmt.Errorf("%w: %s", err, meant(kid, kidsOf(ctx, r, registry.ClientID(client)), "see credence key list "+client))
	}
	return fmt.Errorf("%w: %s", err, meant(id, names, "see credence "+kind+" list"))
}

// namesOf gives ids as text; none where they could not be read, since a
// suggestion is all that they are for.
func namesOf[T ~string](ids []T, err error) []string {
	if err != nil {
		return nil
	}
	names := make([]string, len(ids))
	for i, id := range ids {
		names[i] = string(id)
	}
	return names
}

// address gives where a URL of Redis points to, without anything secret.
func address(text string) string {
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return "the configured address"
	case u.Scheme == "unix":
		return u.Path
	}
	host := net.JoinHostPort(u.Hostname(), cmp.Or(u.Port(), "6379"))
	if database := strings.Trim(u.Path, "/0"); database != "" {
		return host + u.Path
	}
	return host
}
