package dev

import (
	"fmt"
	"io"
	"os"

	"credence/envoy"
	"credence/internal/config"
)

// A greeting is what a newcomer is told once everything runs.
type greeting struct {
	at       envoy.Addresses
	ops      string
	redis    string // URL
	program  string // how this program is called
	sample   sample
	hasEnvoy bool
}

// A line is something to paste, and what it should answer: a status, where it
// asks the API.
type line struct{ command, answer string }

// print writes the greeting. Lines to paste are indented by two spaces and, where
// they ask the API, end in a remark that begins with the status to expect; a test
// types them.
func (g greeting) print(w io.Writer) {
	say := func(format string, args ...any) { _, _ = fmt.Fprintf(w, format+"\n", args...) }
	say("credence dev: an API behind Envoy that asks credence about every request. NOT FOR PRODUCTION (in-memory registry, loopback only).")
	say("")
	if g.hasEnvoy {
		say("  API, through Envoy  http://%s", g.at.Listener)
		say("  Envoy's admin page  http://%s", g.at.Admin)
	}
	say("  upstream (echoes)   http://%s", g.at.Upstream)
	say("  credence            %s (gRPC)   http://%s/readyz   http://%s/metrics", g.at.Credence, g.ops, g.ops)
	say("  registry            %s (embedded: the warnings above say what a real Redis has besides)", g.redis)
	say("")
	if g.hasEnvoy {
		g.printTour(w, say)
	} else {
		say("%v.", errNoEnvoy)
		say("Without it there is nothing to send requests to; the registry and the server are there to be looked at:")
		say("")
		say("  export CREDENCE_REDIS_URL=%s", g.redis)
		say("  %s client disable acme", g.program)
		say("  %s client list", g.program)
	}
	say("")
	say("Read on: README.md, docs/decisions.md (every reason), envoy/envoy.yaml (the Envoy that runs here). Ctrl-C ends all of it.")
	say("ready")
}

// printTour writes what to paste where requests can be sent.
func (g greeting) printTour(w io.Writer, say func(string, ...any)) {
	const asAcme = `curl -i -H "Authorization: Bearer $ACME" $API`
	say("Paste this first. ACME is the demo client's token, shown this once; KEY the file of a key that it signs JWTs with; GLOBEX the token of a client which may only come from 192.0.2.0/24:")
	say("")
	say("  export CREDENCE_REDIS_URL=%s", g.redis)
	say("  export API=http://%s/orders DEV=%d", g.at.Listener, os.Getpid())
	say("  export ACME=%s", g.sample.acme.Token.Expose())
	say("  export KEY=%s", g.sample.key)
	say("  export GLOBEX=%s", g.sample.globex.Token.Expose())
	say("")
	say("Then these, one by one:")
	say("")
	printLines(w,
		line{"curl -i $API", "401 credential_missing"},
		line{asAcme, "200, and who you are in x-client-…"},
		line{`curl -i -H "x-api-key: $GLOBEX" $API`, "403 peer_not_allowed"})
	say("")
	say("Or with a JWT that the client has signed itself, good for five minutes:")
	say("")
	printLines(w,
		line{fmt.Sprintf(`curl -i -H "Authorization: Bearer $(%s jwt sign --from-file $KEY --client acme --kid %s --audience %s)" $API`, g.program, keyID, audience), "200"})
	say("")
	say("Switch the client off: the command ends when it is proven that every server goes by it. And on again:")
	say("")
	printLines(w,
		line{g.program + " client disable acme && " + asAcme, "403 client_disabled"},
		line{g.program + " client enable acme --wait && " + asAcme, "200"})
	say("")
	say("Stop Redis, which keeps what it holds. Known clients are served for another %.0f minutes; of others nobody can know. The same signal starts it again:",
		config.Default().Cache.StaleFor.Minutes())
	say("")
	printLines(w,
		line{"kill -USR1 $DEV && " + asAcme, "200"},
		line{`curl -i -H "x-api-key: a-token-that-nobody-knows" $API`, "503 unavailable"},
		line{"kill -USR1 $DEV", "Redis runs again, and a stranger is told 401"})
}

// printLines writes lines to paste, with the remarks below each other.
func printLines(w io.Writer, lines ...line) {
	longest := 0
	for _, l := range lines {
		longest = max(longest, len(l.command))
	}
	for _, l := range lines {
		_, _ = fmt.Fprintf(w, "  %-*s # %s\n", longest, l.command, l.answer)
	}
}
