package redisstore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"credence/internal/credential"
)

// CommandTimeout bounds each call of a Store that was opened without a timeout.
const CommandTimeout = 5 * time.Second

const (
	defaultConnections = 4                      // enough for one command
	idleConnections    = 2                      // kept open, so that a lookup after a quiet time need not dial
	leastDialTimeout   = 100 * time.Millisecond // a dial goes on when the lookup that asked for it has given up
	// Connections are dropped when they have been idle this long, before the
	// load balancers and managed services that cut idle ones after 5 minutes do.
	maxIdle = 4 * time.Minute
)

// Options say where the registry is and how long it may take to answer.
type Options struct {
	// URL is redis://, rediss:// or unix://. It is a secret, since one from
	// the environment may hold a user name and a password.
	URL credential.Secret
	// Username is that of an ACL user; empty: Redis' default user.
	Username string
	// Password is asked at every connection, so that it can change while the
	// server runs. Nil: none but what the URL holds.
	Password func() (credential.Secret, error)
	// TLS is for rediss:// only.
	TLS TLSFiles
	// Prefix begins every key and holds one hash tag: {credence}:
	Prefix string
	// Timeout bounds one call; of a list, one round trip. A server sets that
	// of a lookup (redis.timeout); zero is CommandTimeout.
	Timeout time.Duration
	// Connections is how many there may be at once. A server sets how many
	// lookups it lets run at a time; zero is 4.
	Connections int
	// Turn is how long a call may wait for one of them; zero is Timeout. Who
	// gets none fails with registry.ErrOverloaded.
	Turn time.Duration
	// Replicas is how many must have a commit for Acknowledged; zero: none, and
	// commits keep no connection for it.
	Replicas int
	// Clock is what a record must not be ahead of; nil: time.Now.
	Clock func() time.Time
}

// checkPrefix wants one hash tag, by which all keys of a registry lie in one
// slot of a Cluster, so that every commit is atomic there too.
func checkPrefix(prefix string) error {
	opens, closes := strings.Index(prefix, "{"), strings.Index(prefix, "}")
	if opens < 0 || closes <= opens+1 || strings.Count(prefix, "{") != 1 || strings.Count(prefix, "}") != 1 {
		return errors.New("want one hash tag, as {credence}: has")
	}
	for i := range len(prefix) {
		if prefix[i] < 0x21 || prefix[i] > 0x7e {
			return errors.New("want visible ASCII")
		}
	}
	return nil
}

// client gives the options of go-redis. Its defaults are made for programs that
// wait: each of these was measured against a server that hangs, or is not there.
func (o Options) client() (*redis.Options, error) {
	t, err := parseTarget(o.URL)
	if err != nil {
		return nil, fmt.Errorf("redisstore: redis url: %w", err)
	}
	credentials, err := o.credentials(t)
	if err != nil {
		return nil, fmt.Errorf("redisstore: %w", err)
	}
	secured, err := o.TLS.config(t)
	if err != nil {
		return nil, fmt.Errorf("redisstore: redis tls: %w", err)
	}
	client := &redis.Options{
		Network: t.network, Addr: t.address, DB: t.database, TLSConfig: secured,
		CredentialsProviderContext: credentials,

		ContextTimeoutEnabled: true, // else a deadline of 50 ms takes 5 s
		MaxRetries:            -1,   // none: what was tried again may have been done already
		DialTimeout:           max(leastDialTimeout, o.Timeout),
		DialerRetries:         1,
		ReadTimeout:           o.Timeout,
		WriteTimeout:          o.Timeout,
		PoolTimeout:           cmp.Or(o.Turn, o.Timeout),
		PoolSize:              o.Connections,
		PipelinePoolSize:      -1, // none of their own: pipelines are all that a server sends
		MinIdleConns:          min(idleConnections, o.Connections),
		ConnMaxIdleTime:       maxIdle,
		Protocol:              3,
		DisableIdentity:       true,
		// Else the service may relax all timeouts to 10 s.
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	}
	client.Dialer = dialer(redis.NewDialer(client))
	return client, nil
}

// A dialError says that there was no connection, so that nothing was sent.
type dialError struct{ cause error }

func (e *dialError) Error() string { return e.cause.Error() }
func (e *dialError) Unwrap() error { return e.cause }

type dialFunc = func(ctx context.Context, network, address string) (net.Conn, error)

func dialer(dial dialFunc) dialFunc {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if err != nil {
			return nil, &dialError{err}
		}
		return conn, nil
	}
}

// credentials gives what go-redis asks at every connection; nil: nothing to say.
func (o Options) credentials(t target) (func(context.Context) (string, string, error), error) {
	username := t.username
	switch {
	case username != "" && o.Username != "" && username != o.Username:
		return nil, errors.New("redis: the URL names one user and the configuration another: keep one")
	case username == "":
		username = o.Username
	}
	switch {
	case !t.password.Empty() && o.Password != nil:
		return nil, errors.New("redis: the URL holds a password, and another is configured: keep one")
	case !t.password.Empty():
		return func(context.Context) (string, string, error) { return username, t.password.Expose(), nil }, nil
	case o.Password != nil:
		return func(context.Context) (string, string, error) {
			password, err := o.Password()
			if err == nil && password.Empty() {
				err = errors.New("redis: the password is empty") // go-redis would go in as the default user
			}
			return username, password.Expose(), err
		}, nil
	case username != "":
		return nil, fmt.Errorf("redis: user %q has no password: set redis.password_file", username)
	}
	return nil, nil
}
