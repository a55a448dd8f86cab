package dev

import (
	"fmt"
	"io"

	"credence/envoy"
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

// print writes the greeting. Lines to paste are indented by two spaces and end
// in a remark that begins with the status to expect; a test types them.
func (g greeting) print(w io.Writer) {
	say := func(format string, args ...any) { _, _ = fmt.Fprintf(w, format+"\n", args...) }
	api := "http://" + g.at.Listener
	say("credence dev: an API behind Envoy that asks credence about every request. NOT FOR PRODUCTION (in-memory registry, loopback only).")
	say("")
	if g.hasEnvoy {
		say("  API, through Envoy  %s", api)
		say("  Envoy's admin page  http://%s", g.at.Admin)
	}
	say("  upstream (echoes)   http://%s", g.at.Upstream)
	say("  credence            %s (gRPC)   http://%s/readyz   http://%s/metrics", g.at.Credence, g.ops, g.ops)
	say("  registry            %s", g.redis)
	say("")
	if !g.hasEnvoy {
		say("%v.", errNoEnvoy)
		say("Without it there is nothing to send requests to; the registry and the server are there to be looked at.")
		say("")
	}
	say("Paste this first. ACME is the demo client's token, shown this once. UMBRELLA is that of a disabled client, GLOBEX that of one which may only come from 192.0.2.0/24:")
	say("")
	say("  export CREDENCE_REDIS_URL=%s", g.redis)
	say("  export ACME=%s", g.sample.acme.Token.Expose())
	say("  export UMBRELLA=%s", g.sample.umbrella.Token.Expose())
	say("  export GLOBEX=%s", g.sample.globex.Token.Expose())
	say("")
	if g.hasEnvoy {
		say("Then these, one by one:")
		say("")
		say(`  curl -i %s/orders                                      # 401 credential_missing`, api)
		say(`  curl -i -H "Authorization: Bearer $ACME" %s/orders     # 200, and who you are in x-client-…`, api)
		say(`  curl -i -H "Authorization: Bearer $UMBRELLA" %s/orders # 403 client_disabled`, api)
		say(`  curl -i -H "x-api-key: $GLOBEX" %s/orders              # 403 peer_not_allowed`, api)
		say("")
		say("Change the registry, and see it at the next request:")
		say("")
	} else {
		say("Change the registry:")
		say("")
	}
	say("  %s token revoke %s --reason \"trying it out\" --yes", g.program, g.sample.acme.Record.ID)
	if g.hasEnvoy {
		say(`  curl -i -H "Authorization: Bearer $ACME" %s/orders     # 401 credential_revoked`, api)
	}
	say("  %s client list", g.program)
	say("")
	say("Read on: README.md, docs/decisions.md (every reason), envoy/envoy.yaml (the Envoy that runs here). Ctrl-C ends all of it.")
	say("ready")
}
