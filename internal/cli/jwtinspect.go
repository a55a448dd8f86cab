package cli

import (
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"credence/internal/authz"
	"credence/internal/credential"
	"credence/internal/jwt"
	"credence/internal/redisstore"
	"credence/internal/registrar"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// inspectFlags say which request a JWT is judged with.
type inspectFlags struct {
	file        string
	peer        netip.Addr
	audience    string
	scopes      []string
	certificate string
}

func (i *inspectFlags) register(flags *pflag.FlagSet) {
	flags.StringVar(&i.file, "from-file", "", "`FILE` that the JWT is in; - is standard input")
	flags.Var(addressFlag(&i.peer), "peer", "where the request comes from; without it allowlists are not held to an address")
	flags.StringVar(&i.audience, "audience", "", "`AUDIENCE` that the route demands")
	flags.Var(scopesFlag(&i.scopes), "scopes", `scopes that the route demands: "orders:read orders:write"`)
	flags.StringVar(&i.certificate, "certificate", "", "PEM `FILE` of the client certificate of the connection, for a JWT that is bound to it (cnf)")
}

func newJWTInspectCommand(a *app) *cobra.Command {
	cmd := newLeaf("inspect [FILE|-] [flags]", "look into a JWT, and say what credence would say", `
Shows what is in a JWT, verifies its signature, and says what credence would say to a request with it, and why: by the registry
as it is now and by the configuration in hand, for a GET over TLS. The keys of an issuer are fetched for that, once and within
5 seconds. The JWT is read from a file, from standard input or from a prompt without echo, is sent nowhere, and is never shown
whole.

Exit status 3: it would be denied. -o json and -o yaml hold header and claims as they stand there, as texts of JSON.`, `
credence jwt inspect acme.jwt
credence jwt inspect acme.jwt --peer 203.0.113.7 --scopes orders:read
credence jwt inspect --from-file acme.jwt -o json | jq -r '.claims | fromjson | .exp'
pbpaste | credence jwt inspect -`)
	var given inspectFlags
	given.register(cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) > 1 || len(args) == 1 && given.file != "":
			return misused("%s: one JWT at a time: credence jwt inspect FILE", pathOf(cmd))
		case len(args) == 1:
			given.file = args[0]
		}
		if a.output == asNames {
			return misused("%s: a JWT has no name: use -o json", pathOf(cmd))
		}
		certificate, err := readCertificate(given.certificate)
		if err != nil {
			return misused("%s: --certificate: %s", pathOf(cmd), err)
		}
		presented, err := a.readJWT(cmd, given.file)
		if err != nil {
			return err
		}
		request := given.request(presented, certificate)
		if shown, _ := bearer.Find(request.Headers, request.Target); shown.Kind != credential.JWT {
			return &answerNo{"it is no JWT, three parts with dots between them of which the first is a JSON object: credence would take it for a token, or for nothing"}
		}
		return a.inspect(cmd, presented, request)
	}
	return cmd
}

// bearer is where the JWT stands in the request that is judged.
var bearer = credential.NewPlaces([]credential.Place{{Header: "authorization", Scheme: "Bearer"}})

// request makes the request that is judged: one that has all that a JWT could
// lack.
func (i *inspectFlags) request(presented credential.Secret, certificate jwt.Thumbprint) authz.Request {
	request := authz.Request{
		HTTP: true, Method: "GET", Scheme: "https", Target: "/", Certificate: certificate,
		Headers: credential.Headers{
			{Name: "authorization", Value: "Bearer " + presented.Expose()}, // it goes to the Checker only
			{Name: "x-forwarded-proto", Value: "https"},
		},
	}
	if i.peer.IsValid() {
		request.Source = i.peer.String()
	}
	if i.audience != "" {
		request.Extensions = append(request.Extensions, authz.Extension{Key: "audience", Value: i.audience})
	}
	if len(i.scopes) > 0 {
		request.Extensions = append(request.Extensions, authz.Extension{Key: "scopes", Value: strings.Join(i.scopes, " ")})
	}
	return request
}

// readCertificate gives the thumbprint of a certificate; zero where no file is
// named.
func readCertificate(path string) (jwt.Thumbprint, error) {
	if path == "" {
		return jwt.Thumbprint{}, nil
	}
	text, err := readSome(path)
	if err != nil {
		return jwt.Thumbprint{}, err
	}
	block, _ := pem.Decode(text)
	if block == nil || block.Type != "CERTIFICATE" {
		return jwt.Thumbprint{}, fmt.Errorf("%s is no certificate in PEM", path)
	}
	return jwt.ThumbprintOf(block.Bytes), nil
}

// waitForKeys is how long an issuer is asked for its keys.
const waitForKeys = 5 * time.Second

// inspect judges a JWT and tells what came of it.
func (a *app) inspect(cmd *cobra.Command, presented credential.Secret, request authz.Request) error {
	v := &verdict{now: a.now()}
	var problem jwt.Problem
	v.peeked, problem = jwt.Peek(presented)
	if problem.Fault == jwt.Malformed {
		v.decision = authz.Decision{Reason: authz.JWTMalformed, Kind: credential.JWT, Cause: errors.New(problem.Why)}
		return a.showVerdict(v)
	}
	c, err := a.configuration()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(cmd.Context(), waitForRedis+waitForKeys)
	defer cancel()
	return a.workWith(ctx, asWritten, func(ctx context.Context, r *registrar.Registrar, store *redisstore.Store) error {
		if _, err := r.Root(ctx); err != nil { // what is not there says something only where a registry is
			return err
		}
		directory := newRegistryDirectory(store, r)
		if err := v.judge(ctx, c, request, directory); err != nil {
			return err
		}
		return a.showVerdict(v)
	})
}
