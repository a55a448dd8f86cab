package redisstore

import (
	"errors"
	"net"
	"net/url"
	"strconv"
	"strings"

	"credence/internal/credential"
)

// A target is what a URL says: where Redis is, and who asks.
type target struct {
	network  string // tcp or unix
	address  string // host:port, or the path of a socket
	host     string // for TLS; empty for a socket
	tls      bool
	database int
	username string
	password credential.Secret
}

const (
	defaultPort = "6379"
	maxDatabase = 1000000
)

// Errors of a URL say what is wanted and never what was found: it may be a
// password, or a part of one that was not percent-encoded.
var (
	errURL = errors.New("want redis://[user[:password]@]host[:port][/database], rediss:// for TLS, " +
		"or unix:///path?db=n, special characters of a password percent-encoded")
	errScheme     = errors.New("want a URL that begins with redis://, rediss:// or unix://")
	errNotBuilt   = errors.New("redis+sentinel:// and redis+cluster:// are not supported yet: name one server with redis:// or rediss://")
	errOneHost    = errors.New("want one host (Sentinel and Cluster are not supported yet); an IPv6 address stands in brackets")
	errPort       = errors.New("want a port of 1 to 65535")
	errDatabase   = errors.New("want a database of 0 to 1000000, like /0, or ?db=0 for unix://")
	errParameter  = errors.New("unknown parameter: there is none but db of unix://")
	errNoPath     = errors.New("names no socket: want unix:///path?db=n")
	errSocketHost = errors.New("a socket has no host: want three slashes, unix:///path?db=n")
)

// parseTarget reads a URL.
func parseTarget(text credential.Secret) (target, error) {
	u, err := url.Parse(text.Expose())
	if err != nil || u.Opaque != "" || u.Fragment != "" {
		return target{}, errURL
	}
	t := target{network: "tcp"}
	switch u.Scheme {
	case "redis":
	case "rediss":
		t.tls = true
	case "unix":
		t.network = "unix"
	case "redis+sentinel", "rediss+sentinel", "redis+cluster", "rediss+cluster":
		return target{}, errNotBuilt
	default:
		return target{}, errScheme
	}
	if u.User != nil {
		password, _ := u.User.Password()
		t.username, t.password = u.User.Username(), credential.NewSecret(password)
	}
	if t.network == "unix" {
		return t.socket(u)
	}
	return t.server(u)
}

// server reads the rest of redis:// and rediss://.
func (t target) server(u *url.URL) (target, error) {
	t.host = u.Hostname()
	bracketed := strings.HasPrefix(u.Host, "[")
	port := u.Port()
	if port == "" {
		port = defaultPort
	}
	switch n, err := strconv.ParseUint(port, 10, 16); {
	case t.host == "":
		return target{}, errURL
	case strings.Contains(t.host, ",") || strings.Contains(t.host, ":") && !bracketed:
		return target{}, errOneHost
	case err != nil || n == 0:
		return target{}, errPort
	case u.RawQuery != "" || u.ForceQuery:
		return target{}, errParameter
	}
	t.address = net.JoinHostPort(t.host, port)
	var err error
	if path := strings.TrimPrefix(u.Path, "/"); path != "" {
		t.database, err = parseDatabase(path)
	}
	return t, err
}

// socket reads the rest of unix://.
func (t target) socket(u *url.URL) (target, error) {
	parameters, err := url.ParseQuery(u.RawQuery)
	databases := parameters["db"]
	delete(parameters, "db")
	switch {
	case u.Host != "":
		return target{}, errSocketHost
	case u.Path == "" || u.Path == "/":
		return target{}, errNoPath
	case err != nil || len(parameters) > 0 || len(databases) > 1:
		return target{}, errParameter
	}
	t.address = u.Path
	if len(databases) == 1 {
		t.database, err = parseDatabase(databases[0])
	}
	return t, err
}

func parseDatabase(text string) (int, error) {
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 || n > maxDatabase || strconv.Itoa(n) != text {
		return 0, errDatabase
	}
	return n, nil
}
