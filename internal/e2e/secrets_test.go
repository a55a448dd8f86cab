package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"credence/envoy"
	"credence/internal/e2e/parts"
	"credence/internal/jwt"
	"credence/internal/jwt/jwttest"
)

// TestSecretsStayWhereTheyAre plays a whole life: an operator makes a registry
// and hands out tokens, servers answer for them through Envoy, in every way
// that is allowed and that is not, passwords are wrong, Redis is away. Then it
// looks for every secret in everything that was written, kept or answered.
func TestSecretsStayWhereTheyAre(t *testing.T) {
	l := newLife(t)
	l.makeRegistry()
	for _, format := range []string{"json", "text"} {
		t.Run(format, func(t *testing.T) { l.serve(t, format) })
	}
	l.makeMistakes()
	l.search.read("shell history", l.shell.file("history"))
	l.search.read("commands", l.shell.seen)

	l.search.wantRead(t, "shell history", "credence token issue", `credence token revoke "$ACME"`)
	l.search.wantRead(t, "commands", "client/acme created", "want a URL like redis://", "do not belong here", "a token must not be an argument", "a JWT must not be an argument", "a private key must not be an argument", "holds a private key", "cannot reach redis")
	for _, finding := range l.search.found() {
		t.Errorf("a secret in %s", finding)
	}
	t.Logf("%d secrets looked for in %d places, %d bytes", len(l.search.secrets), len(l.search.places), l.search.size())
}

// A life is what TestSecretsStayWhereTheyAre plays.
type life struct {
	dir    string
	search *search
	shell  *shell
	redis  *parts.RedisServer
	login  []string          // arguments of redis-cli
	tokens map[string]string // as they were issued, by where they were kept
}

// Secrets of the life that are no tokens.
const (
	pepperText    = "Pepper-Of-This-Life-c5b2f1"
	passwordText  = "Password-Of-This-Life-77e0"
	mistakenText  = "Mistaken-Password-21bb09"
	unparsedText  = "Unparsed-Password-9f3d44"
	strangersText = "A-Token-Of-Another-System-40c1"
)

func newLife(t *testing.T) *life {
	t.Helper()
	l := &life{dir: parts.ShortDir(t), search: newSearch(), tokens: make(map[string]string), login: []string{"-a", passwordText, "--no-auth-warning"}}
	l.redis = parts.Redis(t, "--requirepass", passwordText, "--slowlog-log-slower-than", "0", "--slowlog-max-len", "1000000")
	l.search.keep("the pepper", pepperText)
	l.search.keep("the password", passwordText)
	l.search.keep("a wrong password", mistakenText)
	l.search.keep("a password in a URL that is none", unparsedText)
	l.search.keep("a token of another system", strangersText)
	write(t, filepath.Join(l.dir, "pepper"), pepperText+"\n")
	write(t, filepath.Join(l.dir, "password"), passwordText+"\n")
	l.makeKey(t)
	common := fmt.Sprintf("listen: {grpc: 'unix:%s/authz.sock', ops: '127.0.0.1:0', drain: 0s}\n"+
		"jwt: {audiences: [https://api.example.com]}\n"+
		"credentials: {pepper_files: {h1: %s/pepper}}\n", l.dir, l.dir)
	// One server has its password from a file, the other from the environment.
	write(t, filepath.Join(l.dir, "json.yaml"), common+fmt.Sprintf(
		"redis: {url: '%s', password_file: %s/password}\nlog: {level: debug, format: json}\n", l.redis.URL(), l.dir))
	write(t, filepath.Join(l.dir, "text.yaml"), common+"log: {level: debug, format: text}\n")
	write(t, filepath.Join(l.dir, "inline.yaml"), fmt.Sprintf("redis: {url: 'redis://:%s@%s/0'}\n", unparsedText, l.redis.Addr()))
	l.shell = newShell(t, l.dir, "CREDENCE_CONFIG="+filepath.Join(l.dir, "json.yaml"))
	return l
}

// makeKey makes the key pair of a client that signs.
func (l *life) makeKey(t *testing.T) {
	t.Helper()
	made := jwttest.New(t, jwt.ES256)
	l.search.keep("the private key", strings.Split(made.PEM, "\n")[1])
	write(t, filepath.Join(l.dir, "acme.pem"), made.PEM)
	write(t, filepath.Join(l.dir, "acme.pub.pem"), made.PublicPEM)
}

// url gives the address of Redis with a password in it.
func (l *life) url(password string) string {
	return "redis://:" + password + "@" + l.redis.Addr() + "/0"
}

// makeRegistry is the operator's first day. Only the commands that issue a
// token show one.
func (l *life) makeRegistry() {
	l.shell.types(`
credence init
credence config check
credence profile create partner --accepts token
credence client create acme --name "Acme Ltd"
credence client create off
credence client disable off --reason "not paid"
credence token issue acme --profile partner --expires-in 1d > acme.token
ACME=$(credence token issue acme --profile partner --label "to be revoked") && echo "$ACME" > revoked.token
credence token issue off --profile partner -o json > off.token
credence token issue acme --profile partner -o yaml --allow 192.0.2.0/24 > far.token
credence token issue acme --profile partner --dry-run -v
credence token list
credence token list acme -o wide
credence token list -o json
credence client get acme -o yaml
credence token identify --from-file acme.token
credence token identify < revoked.token
credence token revoke "${ACME:4:10}" --yes --reason leaked -v
credence client update acme --name "Acme Limited" -v
credence profile create signer --accepts jwt
credence key add acme --profile signer --from-file acme.pub.pem --kid k1 -v
! credence key add acme --profile signer --from-file acme.pem --kid k2
! credence key add acme --profile signer --from-file - --kid k2 < acme.pem
credence key get acme k1
credence key list acme -o json
credence jwt sign --client acme --from-file acme.pem --kid k1 > acme.jwt
credence jwt sign --client acme --from-file acme.pem --kid k1 -o json > revoked.jwt
! credence jwt sign --client acme --from-file acme.pem --kid k1 --alg RS256
credence jwt inspect acme.jwt
credence jwt inspect acme.jwt -o json
credence jwt inspect - -o yaml < revoked.jwt
! credence jwt inspect - <<< "$(cat acme.jwt)="
credence jwt revoke --from-file revoked.jwt -v
credence jwt revoke --from-file revoked.jwt -o json
! credence jwt inspect revoked.jwt
credence changes
credence changes -o json
`)
	for _, name := range []string{"acme", "revoked"} {
		signed := regexp.MustCompile(`eyJ[\w-]+\.[\w-]+\.([\w-]{86})`).FindStringSubmatch(l.shell.file(name + ".jwt"))
		if signed == nil {
			l.shell.t.Fatalf("%s.jwt holds no JWT: it must be shown when it is signed", name)
		}
		l.search.keep("the JWT "+name, signed[0])
		l.search.keep("the signature of the JWT "+name, signed[1])
	}
	whole := regexp.MustCompile(`crd_[0-9a-z]{10}_[0-9A-Za-z]{38}`)
	for _, name := range []string{"acme", "revoked", "off", "far"} {
		token := whole.FindString(l.shell.file(name + ".token"))
		if token == "" {
			l.shell.t.Fatalf("%s.token holds no token: it must be shown when it is issued", name)
		}
		l.tokens[name] = token
		l.search.keepToken("the token "+name, token)
		l.search.keepToken("the token "+name+", mistyped", mistyped(token))
	}
}

// mistyped gives a token with one letter of its secret changed.
func mistyped(token string) string {
	const at = 20
	letter := "A"
	if token[at] == 'A' {
		letter = "B"
	}
	return token[:at] + letter + token[at+1:]
}

// makeMistakes is what operators do wrong.
func (l *life) makeMistakes() {
	l.redis.Stop()
	l.shell.types(`
ACME=$(< acme.token)
! credence token revoke "$ACME" --yes
! credence client disable acme --reason "leaked: $ACME"
! credence token issue acme --profile partner --label="$ACME"
! credence "$ACME"
JWT=$(< acme.jwt)
! credence jwt inspect "$JWT"
! credence jwt revoke "$JWT" --issuer acme
! credence client disable acme --reason "leaked: $JWT"
! credence jwt sign --client acme --from-file "$(cat acme.pem)"
! credence jwt sign --client acme --from-file $(cat acme.pem)
! credence key add acme --profile signer --from-file "$(cat acme.pem)"
! credence key add acme "$(cat acme.pem)"
! credence jwt inspect --from-file="$(cat acme.pem)"
! credence token identify --from-file "$(cat acme.pem)"
! credence jwt inspect acme.jwt
! credence token get "$MISTYPED"
! credence token identify --offline <<< "$MISTYPED"
! credence client list
! CREDENCE_REDIS_URL="$RIGHT" credence client list
! CREDENCE_REDIS_URL="$UNPARSED" credence client list
! CREDENCE_REDIS_URL="$UNPARSED" credence config check text.yaml
! CREDENCE_REDIS_URL="$UNPARSED" credence serve --config text.yaml
! credence client list --redis "$RIGHT"
! credence client list --redis "$UNPARSED"
! credence config check inline.yaml
! CREDENCE_REDIS_URL="$RIGHT" CREDENCE_REDIS_PASSWORD=$PASSWORD credence client list --config text.yaml
`, "RIGHT="+l.url(passwordText), "PASSWORD="+passwordText, "MISTYPED="+mistyped(l.tokens["acme"]),
		"UNPARSED=redis://:"+unparsedText+"@127.0.0.1:port/0")
	l.redis.Restart()
	l.shell.types(`
! CREDENCE_REDIS_URL="$WRONG" credence client list --config text.yaml
! CREDENCE_REDIS_PASSWORD="$PASSWORD" credence client list
`, "WRONG="+l.url(mistakenText), "PASSWORD="+mistakenText)
}

// A station is one of the servers, with all that stands around it.
type station struct {
	*running
	ops      string // where its pages are
	envoy    *parts.EnvoyProxy
	upstream *parts.UpstreamServer
}

// serve runs one of the servers behind Envoy, asks it everything, lets it lose
// Redis, and keeps all that was written meanwhile.
func (l *life) serve(t *testing.T, format string) {
	p := l.station(t, format)
	got := make(map[int]int)
	for _, r := range l.requests() {
		status := 0
		for range 5 { // a 503 comes of a lookup while the machine stands still
			if status = l.ask(t, p.envoy, r); status != http.StatusServiceUnavailable {
				break
			}
		}
		if status != r.want {
			t.Errorf("%s: status %d, want %d", r.what, status, r.want)
		}
		got[status]++
	}
	t.Logf("answers by status: %v", got)
	l.page(t, "readyz", p.ops+"/readyz")
	l.losePassword(t, p)
	l.page(t, "metrics", p.ops+"/metrics")
	l.page(t, "Envoy's statistics", p.envoy.AdminURL()+"/stats")
	l.page(t, "Envoy's statistics", p.envoy.AdminURL()+"/clusters")
	await(t, "Envoy has written its access log", func() bool {
		return strings.Contains(p.envoy.Printed(), "reason=registry_unavailable")
	})
	p.signal(syscall.SIGTERM)
	if status := p.wait(); status != 0 {
		t.Errorf("exit status %d, want 0", status)
	}
	l.gather(t, p, "the server's log, "+format)
}

// station starts a server, and an Envoy and an API of its own.
func (l *life) station(t *testing.T, format string) *station {
	t.Helper()
	var env []string
	if format == "text" {
		env = []string{"CREDENCE_REDIS_URL=" + l.url(passwordText)}
	}
	p := &station{running: run(t, env, "serve", "--config", filepath.Join(l.dir, format+".yaml")), upstream: parts.Upstream(t)}
	address := regexp.MustCompile(`\bops"?[=:]"?([0-9.:]+)`)
	await(t, "credence listens", func() bool {
		found := address.FindStringSubmatch(p.stderr.String())
		if found != nil {
			p.ops = "http://" + found[1]
		}
		return found != nil
	})
	p.envoy = parts.Envoy(t, envoy.Addresses{Credence: "unix:" + l.dir + "/authz.sock", Upstream: p.upstream.Addr()}, patientEnvoy)
	await(t, "a token is served", func() bool {
		return l.ask(t, p.envoy, request{headers: []string{"Authorization: Bearer " + l.tokens["acme"]}}) == http.StatusOK
	})
	return p
}

// losePassword changes the password in Redis for a while, which the server
// does not know of.
func (l *life) losePassword(t *testing.T, p *station) {
	t.Helper()
	another := []string{"-a", "another", "--no-auth-warning"}
	l.redis.CLI(append(l.login, "CONFIG", "SET", "requirepass", "another")...)
	l.redis.CLI(append(another, "CLIENT", "KILL", "TYPE", "normal")...)
	await(t, "a wrong password is a 503, and is told in the log", func() bool {
		status := l.ask(t, p.envoy, request{headers: []string{"X-Api-Key: " + stranger()}})
		return status == http.StatusServiceUnavailable && strings.Contains(p.stderr.String(), "WRONGPASS")
	})
	if status := l.ask(t, p.envoy, request{headers: []string{"X-Api-Key: " + l.tokens["acme"]}}); status != http.StatusOK {
		t.Errorf("status %d of a known client, want 200", status)
	}
	await(t, "/readyz says so", func() bool {
		return strings.Contains(l.page(t, "readyz", p.ops+"/readyz"), "503")
	})
	l.redis.CLI(append(another, "CONFIG", "SET", "requirepass", passwordText)...)
}

// gather keeps what can be read when a server has ended, and makes sure that
// there is something in all that was kept.
func (l *life) gather(t *testing.T, p *station, log string) {
	t.Helper()
	arrived, err := json.Marshal(p.upstream.Arrivals())
	if err != nil {
		t.Fatal(err)
	}
	for line := range p.lines {
		t.Errorf("the server printed %q", line)
	}
	l.search.read("the upstream", string(arrived))
	l.search.read("Envoy's access log", p.envoy.Printed())
	l.search.read(log, p.stderr.String())
	l.search.read("Redis", redisHolds(t, l.redis, l.login...))
	l.search.read("what Redis was asked", l.redis.CLI(append(l.login, "SLOWLOG", "GET", "-1")...))
	for place, wants := range map[string][]string{
		"the upstream":       {"X-Client-Id", "acme"},
		"Envoy's access log": {"reason=allowed", "reason=credential_in_url", "reason=token_unknown"},
		log: {"credential_in_url", "credential_malformed", "token_unknown", "credential_ambiguous", "credential_revoked",
			"client_disabled", "peer_not_allowed", "registry_unavailable", "WRONGPASS"},
		"Redis":                {"{credence}:client:acme", "check_h1", "not paid", "leaked", "{credence}:changes"},
		"what Redis was asked": {"HGETALL", "{credence}:token:h1:"},
		"metrics":              {"credence_decisions_total"},
		"readyz":               {"503"},
		"Envoy's statistics":   {"ext_authz.denied"},
		"answers":              {"credential_in_url", "credential_invalid", "unavailable", "Www-Authenticate"},
	} {
		l.search.wantRead(t, place, wants...)
	}
}

// page reads a page and keeps it.
func (l *life) page(t *testing.T, place, address string) string {
	t.Helper()
	client := http.Client{Timeout: 10 * time.Second}
	response, err := client.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text := bodyOf(t, response)
	l.search.read(place, text)
	return text
}
