package config

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"credence/internal/credential"
)

// listenAddress reads host:port, or unix: and an absolute path.
var listenAddress = text("host:port or unix:/path", func(text string) (string, error) {
	path, isUnix := strings.CutPrefix(text, "unix:")
	if !isUnix {
		return parseHostPort(text)
	}
	if !isSocketPath(path) {
		return "", fmt.Errorf("%s names no socket: want unix: and an absolute path of at most %d bytes, like unix:/run/credence/authz.sock", quoted(text), maxSocketPath)
	}
	return text, nil
})

// hostPort reads host:port.
var hostPort = text("host:port", parseHostPort)

// parseHostPort reads an address to listen on. Without a host it is every
// address of the machine.
func parseHostPort(text string) (string, error) {
	host, port, err := net.SplitHostPort(text)
	if err != nil {
		return "", errUnfit
	}
	if host != "" && !isHost(host) {
		return "", fmt.Errorf("%s is no host: want an IP address or a name, then a port", quoted(host))
	}
	if !isPort(port, 0) {
		return "", fmt.Errorf("%s is no port: want 0 to 65535", quoted(port))
	}
	return text, nil
}

func isPort(text string, least int) bool {
	n, err := strconv.Atoi(text)
	return err == nil && isDigits(text) && n >= least && n <= 65535
}

const maxHost = 253 // RFC 1035 §2.3.4, as text

func isHost(text string) bool {
	if addr, err := netip.ParseAddr(text); err == nil {
		return addr.Zone() == "" || isVisible(addr.Zone())
	}
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._"
	return text != "" && len(text) <= maxHost && strings.Trim(text, letters) == "" && text[0] != '-' && text[0] != '.'
}

// isLoopback tells whether only this machine can reach an address to listen on.
func isLoopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Unmap().IsLoopback() || strings.EqualFold(host, "localhost")
}

// maxSocketPath is what sun_path of a Unix address holds before its final zero.
const maxSocketPath = 107

func isSocketPath(path string) bool {
	return len(path) <= maxSocketPath && isLine(path) && strings.HasPrefix(path, "/") && !strings.HasPrefix(path, "//") && path != "/"
}

// A redisTarget is a URL of Redis taken apart.
type redisTarget struct {
	url      string // without user name and password
	username string
	password credential.Secret
	hasUser  bool // there was a user name or a password, perhaps empty
}

const wantRedisURL = "a URL like redis://host:6379/0, rediss://host:6379/0 or unix:///path?db=0"

// redisURL reads a URL of Redis that holds neither user name nor password: a
// configuration file is no secret.
var redisURL = text(wantRedisURL, func(text string) (string, error) {
	target, err := parseRedisURL(text)
	switch {
	case err != nil:
		return "", err
	case target.hasUser:
		return "", errors.New("user name and password do not belong here: use redis.username, and redis.password_file or " + EnvRedisPassword)
	}
	return target.url, nil
})

// parseRedisURL takes a URL apart. Errors do not repeat it: it may hold a
// password, also where none was meant to be.
func parseRedisURL(text string) (redisTarget, error) {
	unfit := errors.New("want " + wantRedisURL + " (special characters in user name and password as %xx)")
	u, err := url.Parse(text)
	if err != nil {
		return redisTarget{}, unfit
	}
	for _, scheme := range unbuiltSchemes {
		if u.Scheme == scheme {
			return redisTarget{}, fmt.Errorf("%s:// is not supported yet", scheme)
		}
	}
	fits := u.Opaque == "" && u.Fragment == "" && !strings.HasSuffix(text, "#")
	switch u.Scheme {
	case "redis", "rediss":
		fits = fits && isServer(u)
	case "unix":
		fits = fits && isSocket(u)
	default:
		fits = false
	}
	if !fits {
		return redisTarget{}, unfit
	}
	target := redisTarget{hasUser: u.User != nil}
	if u.User != nil {
		password, _ := u.User.Password()
		target.username, target.password = u.User.Username(), credential.NewSecret(password)
		u.User = nil
	}
	target.url = u.String()
	return target, nil
}

// isServer tells whether host, port and path of a URL name a Redis server and
// a database. There are no parameters: those of go-redis can take our timeouts
// away, or the check of a certificate.
func isServer(u *url.URL) bool {
	host, port := u.Hostname(), u.Port()
	if !isHost(host) || strings.Contains(host, ":") && u.Host[0] != '[' || strings.HasSuffix(u.Host, ":") || port != "" && !isPort(port, 1) || u.RawQuery != "" || u.ForceQuery {
		return false
	}
	return u.Path == "" || u.Path == "/" || isDatabase(u.Path[1:])
}

func isSocket(u *url.URL) bool {
	if u.Host != "" || !isSocketPath(u.Path) || u.ForceQuery {
		return false
	}
	db, named := strings.CutPrefix(u.RawQuery, "db=")
	return u.RawQuery == "" || named && isDatabase(db)
}

// maxDatabase is far above what servers are configured to, which is 16 by
// default.
const maxDatabase = 1000000

func isDatabase(text string) bool {
	n, err := strconv.Atoi(text)
	return err == nil && n >= 0 && n <= maxDatabase && strconv.Itoa(n) == text
}
